"""The drawings of `catalog explore`, as inline SVG. No name from a catalogue is drawn: matplotlib would parse it."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent
from catalog.reports.plots import FAINT, GREEN, PAPER, RED, colours, drawing, svg

LOGARITHMIC_FROM = 10
"""Times the median side of a photo that the longest one has, from which the axes are logarithmic."""
PANELS = 3
"""Beside each other in one drawing; more go into further rows."""
BAR: dict[str, Any] = {"color": GREEN, "edgecolor": PAPER, "linewidth": 0.8}


def histograms(levels: Mapping[str, Sequence[Mapping[str, int]]], unit: str) -> str:
    """One panel per level with the bins of `size_distribution.histogram`."""

    def draw(axes: NDArray[Any]) -> None:
        for axis, (title, bins) in zip(axes, levels.items(), strict=True):
            _log_bars(axis, [(b["low"], b["high"] + 1, b["categories"]) for b in bins])
            axis.set(title=title, xlabel=f"{unit} in the category", ylabel="categories")

    return _drawn(draw, (11.2 if len(levels) > 1 else 5.4, 3.2), len(levels))


def cumulative(curves: Mapping[str, NDArray[np.float64]], unit: str, marked: float) -> str:
    """Curves of `size_distribution.cumulative`, `(m, 2)` each, and what the largest `marked` share of each holds."""

    def draw(axes: NDArray[Any]) -> None:
        axis = axes[0]
        axis.plot([0, 100], [0, 100], color=FAINT, linewidth=1)
        for (title, curve), colour in zip(curves.items(), colours(len(curves)), strict=True):
            thin = np.unique(np.linspace(0, len(curve) - 1, 400).astype(int))
            held = float(np.interp(marked, curve[:, 0], curve[:, 1]))
            # of few categories the marked share is not even one
            is_marked = marked * (len(curve) - 1) >= 1
            label = f"{title}: {percent(held)}" if is_marked else title
            axis.plot(100 * curve[thin, 0], 100 * curve[thin, 1], color=colour, label=label)
            if is_marked:
                axis.plot(100 * marked, 100 * held, "o", markersize=5, color=colour)
        axis.set(xlabel="largest categories, % of those in use", ylabel=f"share of all {unit}, %")
        axis.set(xlim=(0, 100), ylim=(0, 101))
        axis.axvline(100 * marked, color=FAINT, linewidth=1, linestyle=":")
        axis.legend(title=f"held by the largest {100 * marked:.0f} %", loc="lower right")

    return _drawn(draw, (5.8, 3.8))


def copies(n_copies: Sequence[int], n_photos: Sequence[int]) -> str:
    """Photos against their copies, both axes logarithmic."""

    def draw(axes: NDArray[Any]) -> None:
        axes[0].loglog(n_copies, n_photos, "o", markersize=4, color=GREEN, alpha=0.8)
        axes[0].set(xlabel="times that a photo stands in the catalogue", ylabel="distinct photos", xlim=(0.8, None))
        axes[0].set_ylim(0.7, None)

    return _drawn(draw, (5.8, 3.6))


def byte_sizes(bins: Sequence[Mapping[str, int]]) -> str:
    """Photos by their size in kilobytes."""

    def draw(axes: NDArray[Any]) -> None:
        _log_bars(axes[0], [(b["low"] / 1000, (b["high"] + 1) / 1000, b["photos"]) for b in bins])
        axes[0].set(xlabel="kilobytes of a photo", ylabel="photos")

    return _drawn(draw, (5.8, 3.2))


def picture_sizes(sizes: NDArray[np.int64]) -> str:
    """`(n, 3)` width, height and photos of each size that occurs: a disc whose area tells how many photos."""

    def draw(axes: NDArray[Any]) -> None:
        axis, area = axes[0], 12 + 400 * sizes[:, 2] / sizes[:, 2].max()
        axis.scatter(sizes[:, 0], sizes[:, 1], s=area, color=GREEN, alpha=0.5, linewidths=0)
        axis.axline((1, 1), slope=1, color=FAINT, linewidth=1, zorder=0)
        longest, least = 1.15 * sizes[:, :2].max(), 0.0
        side = sizes[:, :2].max(axis=1)
        order = np.argsort(side)
        n_up_to = np.cumsum(sizes[order, 2])
        median = side[order[np.searchsorted(n_up_to, n_up_to[-1] / 2)]]
        if longest > LOGARITHMIC_FROM * median:
            # one huge photo would push all others into a corner
            longest, least = 1.5 * sizes[:, :2].max(), sizes[:, :2].min() / 1.5
            axis.set(xscale="log", yscale="log")
        axis.set(xlabel="width, pixels", ylabel="height, pixels", xlim=(least, longest), ylim=(least, longest))
        axis.set_aspect("equal")

    return _drawn(draw, (4.6, 4.2))


def probabilities(right: NDArray[np.int64], wrong: NDArray[np.int64]) -> str:
    """Products by the probability of their true leaf, in bins of equal width over 0..1; `(B,)` counts each."""

    def draw(axes: NDArray[Any]) -> None:
        axis, width = axes[0], 1 / len(right)
        at = (np.arange(len(right)) + 0.5) * width
        axis.bar(at, right, width, label="likeliest leaf is the true one", **BAR)
        axis.bar(at, wrong, width, bottom=right, label="another leaf is likelier", **(BAR | {"color": RED}))
        axis.set(xlabel="probability of the true leaf", ylabel="products", xlim=(0, 1))
        axis.yaxis.get_major_locator().set_params(integer=True)
        axis.set_ylim(0, 1.25 * max(1, int((right + wrong).max())))
        axis.legend(loc="upper center", ncols=2)

    return _drawn(draw, (5.8, 3.2))


def short(value: float) -> str:
    """A tick's number in few signs: `20`, `5k`, `1M`."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def _log_bars(axis: Any, bars: Sequence[tuple[float, float, int]]) -> None:
    left = np.array([low for low, _, _ in bars], float)
    right = np.array([high for _, high, _ in bars], float)
    axis.bar(left, [n for _, _, n in bars], right - left, align="edge", **BAR)
    axis.set_xscale("log")
    axis.yaxis.get_major_locator().set_params(integer=True)


def _drawn(draw: Any, size: tuple[float, float], n_panels: int = 1) -> str:
    """`size`: inches of a row of panels."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    n_rows = ceil(n_panels / PANELS)
    with drawing(size[0], n_rows * size[1]) as figure:
        places = figure.subplots(n_rows, ceil(n_panels / n_rows), squeeze=False).ravel()
        axes = places[:n_panels]
        for unused in places[n_panels:]:
            unused.remove()
        draw(axes)
        for axis in axes:
            for ticks, (low, high) in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
                ticks.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
                if ticks.get_scale() == "log":
                    # where powers of ten are few, the steps between them are named too
                    few = high / low < 100
                    named = FuncFormatter(lambda value, _: short(value) if f"{value:e}"[0] in "25" else "")
                    ticks.set_minor_formatter(named if few else NullFormatter())
        return svg(figure)
