"""What the page says of photo files: formats, sizes, bytes, and how many of them are broken."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent, plural
from catalog.metrics.intervals import exact_share
from catalog.product import ProblemKind, ProblemLog
from catalog.reports.estimate import Estimate
from catalog.reports.page import Part, Plot, Section, Table
from curation.explore import drawings
from curation.explore.photos import FORMATS, Decoding, Headers

SIZES_LISTED = 1000
BINS_PER_TEN = 10
SIZES_SHOWN = 12


def photos_section(headers: Headers, decoding: Decoding, problems: ProblemLog) -> Section:
    """Formats, sizes in pixels and bytes of `(P,)` headers; `problems`: of broken and damaged photos, copies too."""
    figures = photo_figures(headers) | {"broken": broken_figures(headers, decoding, problems)}
    if not len(headers):
        return Section("photos", "Photo files", ["There is no photo."], figures=figures)
    size = figures["bytes"]
    sentences = [
        f"{plural(len(headers), 'photo')} take {_amount(size['total'])}: {_amount(size['mean'])} each on average, "
        f"the median one {_amount(size['median'])}, the largest {_amount(size['largest'])}.",
        _size_text(figures),
        _broken_text(figures["broken"]),
    ]
    return Section("photos", "Photo files", sentences, _parts(headers, figures), figures)


def _size_text(figures: dict[str, Any]) -> str:
    if not figures["sizes"]:
        return "Not one of them has a size that can be read."
    first = figures["sizes"][0]
    size = f"{first['width']} x {first['height']}"
    if figures["n_sizes"] == 1:
        return f"All pictures have {size} pixels."
    share = percent(first["photos"] / figures["photos"])
    return f"{figures['n_sizes']:,} sizes in pixels; the most frequent, {size}, has {share} of the photos."


def photo_figures(headers: Headers) -> dict[str, Any]:
    """Formats, sizes and bytes of `(P,)` headers in plain JSON types."""
    sizes = _sizes(headers[headers["width"] > 0])
    n_bytes = headers["bytes"].astype(np.int64)
    formats = np.bincount(headers["format"], minlength=len(FORMATS))
    weights = np.bincount(headers["format"], weights=n_bytes, minlength=len(FORMATS))
    return {
        "photos": len(headers),
        "formats": [
            {"format": name or "no picture", "photos": int(n), "bytes": int(weight)}
            for name, n, weight in sorted(zip(FORMATS, formats, weights, strict=True), key=lambda row: -row[1])
            if n
        ],
        "n_sizes": len(sizes),
        "sizes": [dict(zip(("width", "height", "photos"), row, strict=True)) for row in sizes[:SIZES_LISTED].tolist()],
        "bytes": {
            "total": int(n_bytes.sum()),
            "mean": float(n_bytes.mean()) if len(headers) else None,
            "median": float(np.median(n_bytes)) if len(headers) else None,
            "largest": int(n_bytes.max(initial=0)),
            "histogram": _byte_bins(n_bytes),
        },
    }


def _sizes(pictures: Headers) -> NDArray[np.int64]:
    """`(S, 3)` width, height and photos of every size, the most frequent first."""
    # one integer for both sides: a unique over rows is many times slower
    both = pictures["width"].astype(np.uint64) << np.uint64(32) | pictures["height"].astype(np.uint64)
    size, n = np.unique(both, return_counts=True)
    order = np.argsort(-n, kind="stable")
    return np.column_stack([(size >> np.uint64(32)), size & np.uint64(2**32 - 1), n]).astype(np.int64)[order]


def _byte_bins(n_bytes: NDArray[np.int64]) -> list[dict[str, int]]:
    if not len(n_bytes):
        return []
    # ten bins to a power of ten; an empty photo counts in the first
    edges = np.unique(np.rint(10 ** (np.arange(0, 100) / BINS_PER_TEN)).astype(np.int64))
    n = np.bincount(np.searchsorted(edges, n_bytes.clip(1), side="right") - 1)
    first = int(np.flatnonzero(n)[0])
    return [{"low": int(edges[i]), "high": int(edges[i + 1]) - 1, "photos": int(n[i])} for i in range(first, len(n))]


def broken_figures(headers: Headers, decoding: Decoding, problems: ProblemLog) -> dict[str, Any]:
    """How many photos of `(P,)` headers are known to be broken or damaged, and how far that was looked into."""
    checked, failed = len(decoding.checked), len(decoding.broken)
    low, high = exact_share(failed, checked)
    return {
        "photos": problems.counts[ProblemKind.UNREADABLE_PHOTO],
        "no_picture": int((headers["format"] == 0).sum()),
        "bad_header": int(((headers["format"] > 0) & (headers["width"] == 0)).sum()),
        "damaged_but_used": problems.counts[ProblemKind.DAMAGED_PHOTO],
        "decoded": checked,
        "failed": failed,
        "all_decoded": decoding.all_of_them,
        "failed_low": low if checked else None,
        "failed_high": high if checked else None,
    }


def _broken_text(broken: dict[str, Any]) -> str:
    none, refused, damaged = broken["no_picture"], broken["bad_header"], broken["damaged_but_used"]
    text = "Every photo has the header of a picture."
    if none or refused:
        text = " ".join(
            sentence
            for n, sentence in (
                (none, f"{plural(none, 'photo is', 'photos are')} no picture."),
                (refused, f"{plural(refused, 'photo begins', 'photos begin')} as a picture that cannot be read."),
            )
            if n
        )
    if not broken["decoded"] and not broken["all_decoded"]:
        return f"{text} Nothing was decoded (--decode none), so that damage behind a header is not seen."
    if damaged:
        text += f" {plural(damaged, 'photo is', 'photos are')} damaged and used as far as possible."
    if broken["all_decoded"]:
        return f"{text} Every distinct photo was decoded: {broken['failed']:,} of {broken['decoded']:,} cannot be."
    return (
        f"{text} Of the distinct ones {broken['decoded']:,} at random were decoded: {broken['failed']:,} cannot be; "
        f"with 95 % certainty {percent(broken['failed_low'], 2)} to {percent(broken['failed_high'], 2)} of all "
        "(--decode all decodes every one)."
    )


def _parts(headers: Headers, figures: dict[str, Any]) -> list[Part]:
    n = len(headers)
    rows = [
        [f["format"], f["photos"], Estimate(f["photos"] / n), Estimate(f["bytes"], scale=1e-6)]
        for f in figures["formats"]
    ]
    parts: list[Part] = [Table("Formats", ["format", "photos", "share, %", "MB"], rows)]
    if figures["n_sizes"] > 1:
        shown = figures["sizes"][:SIZES_SHOWN]
        left = figures["n_sizes"] - len(shown)
        rows = [[f"{s['width']} x {s['height']}", s["photos"], Estimate(s["photos"] / n)] for s in shown]
        note = f"The most frequent; {plural(left, 'more size')} in the JSON." if left > 0 else ""
        parts.append(Table("Sizes in pixels", ["width x height", "photos", "share, %"], rows, note))
        drawn = np.array([list(s.values()) for s in figures["sizes"]], np.int64)
        caption = (
            "Width and height of the photos; the area of a disc tells how many have that size. On the line lie squares."
        )
        parts.append(Plot("Width and height", caption, drawings.picture_sizes(drawn)))
    if figures["bytes"]["histogram"]:
        caption = "How many photos are how large, in kilobytes on a logarithmic axis."
        parts.append(Plot("Bytes of a photo", caption, drawings.byte_sizes(figures["bytes"]["histogram"])))
    return parts


def _amount(n_bytes: float) -> str:
    """Bytes as people read them: `3.1 kB`."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} bytes" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"
