"""The weights of the tree pool as a picture: level x expert x photo count, for every set of speaking experts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.reports.page import Plot, Table
from catalog.reports.plots import SOFT, drawing, svg
from fusion.heads.tree_pool import TreePool

WIDTH, PANELS = 11.2, 3
"""Inches of the picture, and panels that have room beside each other in it; more panels make it wider."""
MAX_SETS = 6
"""Sets drawn; the table has all."""
PLAIN = {"axes.spines.left": False, "axes.spines.bottom": False, "axes.grid": False}
NOTE = (
    "Each weight multiplies an expert's log conditional probability: above 1 it is sharpened, below 1 flattened, 0 "
    "ignored. Sets of speaking experts and photo counts that fitting never saw are left out; a set and a count that it "
    "saw, if not together, have the sum of their deviations."
)


def weights_table(pool: TreePool) -> Table:
    """Every weight of the sets and photo counts that were seen in fitting."""
    rows: list[list[object]] = []
    for level in pool.tree.levels:
        for speakers in _seen_sets(pool):
            for count, weights in _seen(pool, level, speakers):
                cells = ["" if np.isnan(w) else f"{w:.2f}" for w in weights]
                rows.append([pool.tree.level_names[level], _names(pool, speakers), count, *cells])
    columns = ["level", "who speaks", "photos", *pool.expert_names]
    return Table("All weights of the tree pool", columns, rows, NOTE, folded=True)


def weights_plot(pool: TreePool) -> Plot | None:
    """One row of panels per set of speaking experts, the largest sets first, one panel per level; None without any."""
    sets = _seen_sets(pool)
    drawn = sets[:MAX_SETS]
    if not drawn:
        return None
    top = max(float(weights.table().max()) for weights in pool.levels)
    heights = [_size(speakers) for speakers in drawn]
    height = 0.36 * sum(heights) + 0.62 * len(drawn) + 0.3
    levels = pool.tree.levels
    with drawing(WIDTH * max(1.0, len(levels) / PANELS), height, **PLAIN) as figure:
        grid = figure.subplots(len(drawn), len(levels), squeeze=False, gridspec_kw={"height_ratios": heights})
        for row, speakers in enumerate(drawn):
            inside = [b for b in range(len(pool.expert_names)) if speakers >> b & 1]
            for column, level in enumerate(levels):
                seen = dict(_seen(pool, level, speakers))
                labels = [pool.expert_names[b] for b in inside] if column == 0 else [""] * len(inside)
                cells = np.array([[seen[c][b] if c in seen else np.nan for c in (1, 2, 3, 4)] for b in inside])
                _panel(grid[row, column], cells, labels, top, last=row + 1 == len(drawn))
                grid[row, column].set_title(
                    f"{pool.tree.level_names[level]}: {_names(pool, speakers)}", fontsize=9, loc="left"
                )
        left_out = f" {len(sets) - len(drawn)} smaller sets are in the table." if len(sets) > len(drawn) else ""
        caption = f"Rows of a panel: the experts that speak; columns: photos. {NOTE}{left_out}"
        return Plot("Weights of the tree pool", caption, svg(figure))


def _panel(axis: Any, cells: NDArray[np.float64], labels: Sequence[str], top: float, *, last: bool) -> None:
    axis.imshow(cells, cmap="YlGn", vmin=0, vmax=max(top, 1.0), aspect="auto")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xticks(range(4), ["1", "2", "3", "4 photos"] if last else [""] * 4)
    axis.tick_params(length=0)
    if np.isnan(cells).all():
        axis.text(1.5, (len(labels) - 1) / 2, "never together at a node", ha="center", va="center", color=SOFT)
        return
    for (row, column), value in np.ndenumerate(cells):
        if not np.isnan(value):
            # the cells keep their colours on a dark screen, and so does what is written in them
            ink = "white" if value > 0.65 * max(top, 1.0) else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=9)


def _seen_sets(pool: TreePool) -> list[int]:
    """Bit sets of experts that spoke together at some level in fitting, the largest first."""
    seen = {speakers for weights in pool.levels for speakers in np.flatnonzero(weights.by_set.any(axis=1)).tolist()}
    return sorted(seen - {0}, key=lambda speakers: (-_size(speakers), speakers))


def _seen(pool: TreePool, level: int, speakers: int) -> list[tuple[int, NDArray[np.float64]]]:
    """(photo count, `(B,)` weights, NaN outside the set) of the counts seen at a level; nothing for a set unseen."""
    weights = pool.levels[level - 1]
    if not weights.by_set[speakers].any():
        return []
    inside = np.array([speakers >> b & 1 for b in range(len(pool.expert_names))], bool)
    table = weights.table()
    counts = [count for count in range(1, len(table)) if weights.by_count[count].any()]
    return [(count, np.where(inside, table[count, speakers], np.nan)) for count in counts]


def _names(pool: TreePool, speakers: int) -> str:
    return " + ".join(name for b, name in enumerate(pool.expert_names) if speakers >> b & 1)


def _size(speakers: int) -> int:
    return speakers.bit_count()
