"""How well near copies are found, by threshold: real photos re-encoded, resized and cropped, and pairs that are none.

Usage: python bench/near_copies.py FILE.bson [--photos N] [--page FOLDER]

A photo and its altered version should be near; two different photos of the file should not. Which of those are the
same picture after all only a look can tell: --page writes pictures of the nearest pairs at each distance.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from catalog.catalog import Catalog
from catalog.reports.write import data_uri
from curation.duplicates.photo_hash import HASH, State, photo_hash
from curation.duplicates.photos import COLOUR, near_looks

RADII = (0, 2, 4, 6, 8, 10)
SHOWN = 12
Change = Callable[[Image.Image], Image.Image]


def same(image: Image.Image) -> Image.Image:
    """Nothing but the encoding changes."""
    return image


def resized(factor: float) -> Change:
    """Scaled."""
    return lambda image: image.resize([round(factor * side) for side in image.size], Image.Resampling.LANCZOS)


def cropped(share: float) -> Change:
    """Without this share of the side at each edge."""

    def change(image: Image.Image) -> Image.Image:
        dx, dy = (round(share * side) for side in image.size)
        return image.crop((dx, dy, image.width - dx, image.height - dy))

    return change


def bordered(image: Image.Image) -> Image.Image:
    """On a white page 5 % larger at each edge."""
    dx, dy = (round(0.05 * side) for side in image.size)
    page = Image.new("RGB", (image.width + 2 * dx, image.height + 2 * dy), "white")
    page.paste(image, (dx, dy))
    return page


CHANGES: dict[str, tuple[Change, str, int]] = {
    "JPEG quality 50": (same, "JPEG", 50),
    "JPEG quality 20": (same, "JPEG", 20),
    "PNG": (same, "PNG", 0),
    "WebP quality 50": (same, "WEBP", 50),
    "half the size": (resized(0.5), "JPEG", 75),
    "twice the size": (resized(2.0), "JPEG", 75),
    "brighter by 20 %": (lambda image: ImageEnhance.Brightness(image).enhance(1.2), "JPEG", 75),
    "cropped by 1 % at each edge": (cropped(0.01), "JPEG", 75),
    "cropped by 3 % at each edge": (cropped(0.03), "JPEG", 75),
    "cropped by 5 % at each edge": (cropped(0.05), "JPEG", 75),
    "white border of 5 %": (bordered, "JPEG", 75),
    "mirrored": (lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "JPEG", 75),
}


def altered(photo: bytes, change: Change, kind: str, quality: int) -> bytes:
    """The encoded photo, changed and encoded anew."""
    out = io.BytesIO()
    change(Image.open(io.BytesIO(photo)).convert("RGB")).save(out, kind, quality=quality)
    return out.getvalue()


def looks_of(photos: list[bytes]) -> NDArray[np.void]:
    """`(N,)` of dtype `HASH`."""
    return np.array([photo_hash(photo) for photo in photos], HASH)


def page_of_pairs(photos: list[bytes], pairs: NDArray[np.int64], distance: NDArray[np.uint8], folder: Path) -> None:
    """One row of pictures for each distance: pairs of different photos at that distance."""
    rng = np.random.default_rng(0)
    rows = []
    for d in np.unique(distance):
        own = pairs[distance == d]
        chosen = rng.permutation(len(own))[:SHOWN]
        images = "".join(
            "<span style='margin-right:16px'>" + "".join(f"<img height=90 src='{data_uri(photos[i])}'>" for i in own[n])
            + "</span>" for n in chosen
        )  # fmt: skip
        rows.append(f"<h3>{d} bits: {len(own)} pairs</h3>{images}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pairs.html").write_text("".join(rows), encoding="utf-8")


def main() -> None:
    """Print recall by change and threshold, then the pairs of different photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--page", type=Path, default=None)
    arguments = parser.parse_args()
    every = list(dict.fromkeys(photo for product in Catalog(arguments.file) for photo in product.images))
    looks = looks_of(every)
    hashed = np.flatnonzero(looks["state"] == State.HASHED)
    chosen = hashed[np.linspace(0, len(hashed) - 1, min(arguments.photos, len(hashed))).astype(int)]
    print(f"{len(every)} distinct photos, {len(every) - len(hashed)} plain or unreadable; {len(chosen)} altered")
    print(f"{'found, %, by bits of 64':<30}" + "".join(f"{radius:>8}" for radius in RADII) + "  any colour")
    for name, (change, kind, quality) in CHANGES.items():
        new = looks_of([altered(every[i], change, kind, quality) for i in chosen])
        distance = np.bitwise_count(new["bits"] ^ looks["bits"][chosen])
        like = np.ones(len(new), bool)
        for channel in ("blue", "red"):
            like &= np.abs(new[channel].astype(int) - looks[channel][chosen]) <= COLOUR
        cells = [f"{100 * (like & (distance <= radius)).mean():>8.1f}" for radius in RADII]
        print(f"{name:<30}{''.join(cells)}{100 * (distance <= max(RADII)).mean():>12.1f}")
    place = hashed[np.argsort(looks["bits"][hashed], kind="stable")]
    # colours of any difference: the hash alone
    blind = looks[place].copy()
    blind["blue"] = blind["red"] = 0
    for name, own in (("pairs of different photos", looks[place]), ("the same without colour", blind)):
        pairs, distance = near_looks(own, max(RADII))
        print(f"{name:<30}" + "".join(f"{int((distance <= radius).sum()):>8}" for radius in RADII))
        if arguments.page is not None and own is not blind:
            page_of_pairs(every, place[pairs], distance, arguments.page)


if __name__ == "__main__":
    main()
