"""How unevenly products lie on categories: histograms with logarithmic bins, and cumulative shares."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent, plural
from catalog.reports.estimate import Estimate
from catalog.reports.page import Part, Plot, Section, Table
from curation.explore import drawings
from curation.explore.placement import LevelCounts

Counts = NDArray[np.int64]
LARGEST_SHARES = (0.01, 0.05, 0.10, 0.25, 0.50)
LEAST_SHARES = (0.75, 0.50, 0.25)
CURVE_POINTS = 200
MARKED = 0.10
"""Share of categories that the drawing points out."""
SHOWN = 10


def bin_edges(largest: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 ... up to the first above `largest`: steps of about equal ratio that people can read."""
    edges, step = [1], 0
    while edges[-1] <= largest:
        step += 1
        edges.append((1, 2, 5)[step % 3] * 10 ** (step // 3))
    return edges


def histogram(counts: Counts) -> list[dict[str, int]]:
    """Categories by how much they hold: `{low, high, categories, held}`, `high` included; empty ones are left out."""
    counts = counts[counts > 0]
    edges = bin_edges(int(counts.max(initial=0)))
    place = np.searchsorted(edges, counts, side="right") - 1
    return [
        {"low": low, "high": high - 1, "categories": int((place == i).sum()), "held": int(counts[place == i].sum())}
        for i, (low, high) in enumerate(pairwise(edges))
    ]


def cumulative(counts: Counts) -> NDArray[np.float64]:
    """`(C + 1, 2)` share of categories, the largest first, and share of all that they hold, from (0, 0) to (1, 1).

    `counts`: at least one above 0; empty categories are left out.
    """
    counts = np.sort(counts[counts > 0])[::-1]
    held = np.concatenate([[0], np.cumsum(counts)])
    return np.column_stack([np.arange(len(held)) / len(counts), held / held[-1]])


def held_by_largest(counts: Counts, share: float) -> float:
    """Share of all that the largest `share` of the categories holds, between two categories in proportion."""
    curve = cumulative(counts)
    return float(np.interp(share, curve[:, 0], curve[:, 1]))


def held_by_least(counts: Counts, share: float) -> float:
    """Share of all that the least populated `share` of the categories holds."""
    return 1.0 - held_by_largest(counts, 1.0 - share)


def holding(counts: Counts, share: float) -> int:
    """Fewest categories that hold `share` of all."""
    return int(np.searchsorted(cumulative(counts)[:, 1], share - 1e-12))


def distribution_figures(level: LevelCounts) -> dict[str, Any]:
    """All figures of one level in plain JSON types; one that holds nothing has its numbers of categories alone."""
    used = level.used
    figures: dict[str, Any] = {"categories": level.n_nodes, "used": len(used), "held": int(used.sum())}
    if not len(used):
        return figures
    curve = cumulative(used)
    thin = np.unique(np.linspace(0, len(curve) - 1, CURVE_POINTS + 1).astype(int))
    order = np.argsort(-level.counts, kind="stable")[: len(used)]
    return figures | {
        "largest": int(used.max()),
        "median": float(np.median(used)),
        "mean": float(used.mean()),
        "smallest": int(used.min()),
        # of few categories, a small share is not even one
        "largest_hold": {
            f"{share:g}": held_by_largest(used, share) if share * len(used) >= 1 else None for share in LARGEST_SHARES
        },
        "least_hold": {
            f"{share:g}": held_by_least(used, share) if share * len(used) >= 1 else None for share in LEAST_SHARES
        },
        "half_held_by": holding(used, 0.5),
        "histogram": histogram(used),
        "cumulative": curve[thin].round(6).tolist(),
        "largest_categories": [[level.names[i], int(level.counts[i])] for i in order[:SHOWN]],
        "smallest_categories": [[level.names[i], int(level.counts[i])] for i in order[: -SHOWN - 1 : -1]],
    }


def distribution_section(levels: list[LevelCounts], unit: str) -> Section:
    """Histograms and cumulative shares; `unit`: what is counted, `products` or `photos`."""
    figures = {level.title: distribution_figures(level) for level in levels}
    title = f"{unit.capitalize()} per category"
    drawn = [level for level in levels if len(level.used)]
    if not drawn:
        return Section("spread", title, [f"No category holds any {unit}."], figures={"unit": unit, "levels": figures})
    deepest = figures[drawn[-1].title]
    largest, least = deepest["largest_hold"]["0.1"], deepest["least_hold"]["0.75"]
    sentences = []
    if largest is not None and least is not None:
        sentences.append(
            f"Of the {plural(deepest['used'], 'leaf', 'leaves')} in use the largest 10 % hold {percent(largest)} of "
            f"all {unit}; the least populated 75 % hold {percent(least)}."
        )
    sentences += [
        f"Half of all {unit} lie on {plural(deepest['half_held_by'], 'leaf', 'leaves')}. The largest leaf holds "
        f"{deepest['largest']:,}, the median one {deepest['median']:,.10g}, the smallest {deepest['smallest']:,}."
    ]
    return Section("spread", title, sentences, _parts(drawn, figures, unit), {"unit": unit, "levels": figures})


def _parts(drawn: list[LevelCounts], figures: dict[str, Any], unit: str) -> list[Part]:
    histograms = Plot(
        f"{unit.capitalize()} per category",
        f"How many categories hold how many {unit}: bins of 1, 2-4, 5-9, 10-19 ... on a logarithmic axis. Empty "
        "categories are left out. A narrow hump is an even catalogue, a wide one an uneven catalogue.",
        drawings.histograms({level.title: figures[level.title]["histogram"] for level in drawn}, unit),
    )
    curves = Plot(
        "Cumulative share",
        f"Share of all {unit} held by the largest categories. The further a curve lies from the diagonal, on which all "
        "categories would be of one size, the fewer categories make up the catalogue.",
        drawings.cumulative({level.title: cumulative(level.used) for level in drawn}, unit, MARKED),
    )
    columns, leaves = ["category", unit], figures[drawn[-1].title]
    largest = Table("Largest leaves", columns, leaves["largest_categories"])
    smallest = Table("Smallest leaves in use", columns, leaves["smallest_categories"], folded=True)
    return [histograms, curves, _share_table(drawn, figures, unit), largest, smallest]


def _share_table(drawn: list[LevelCounts], figures: dict[str, Any], unit: str) -> Table:
    rows: list[list[object]] = []
    for level in drawn:
        of_level = figures[level.title]
        shares = map(Estimate, (*of_level["largest_hold"].values(), *of_level["least_hold"].values()))
        rows.append([level.title, of_level["used"], *shares, of_level["half_held_by"]])
    columns = [
        "level", "in use", *(f"largest {100 * share:.0f} %" for share in LARGEST_SHARES),
        *(f"least {100 * share:.0f} %" for share in LEAST_SHARES), "half is held by",
    ]  # fmt: skip
    title = f"Share of {unit} held by the largest and the least populated categories"
    return Table(title, columns, rows, "In percent; a dash where the share of the categories is less than one of them.")
