"""The plots of a report, as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.metrics.calibration import reliability
from catalog.metrics.evaluated_model import COUNTS, EvaluatedModel
from catalog.metrics.intervals import exact_share
from catalog.metrics.summary import ALL, risk_coverage
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS

SYSTEM_COLOURS = ("#0b6e4f", "#c8553d", "#28536b", "#f0a202", "#7a5195", "#6c757d")
PLOT_STYLE: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
POINTS = 200
"""Points of a drawn curve."""


@dataclass(frozen=True)
class Plot:
    """A drawing with its title and what is written below it."""

    title: str
    caption: str
    svg: str


def standard_plots(systems: Sequence[EvaluatedModel]) -> list[Plot]:
    """What every report shows: accuracy by image count and level, errors against coverage, reliability."""
    import matplotlib

    drawn = [system for system in systems if system.plotted and len(system.scores)]
    with matplotlib.rc_context(PLOT_STYLE):
        return [
            Plot(
                "Accuracy by image count and level",
                "Share of products whose likeliest node is the true one; the bar is the bootstrap 95 % interval.",
                _accuracy(drawn),
            ),
            Plot(
                "Errors against coverage",
                "Error rate among the most confident products, leaf level: how much can be accepted unseen. The band "
                f"is the exact 95 % interval of {drawn[0].name}.",
                _risk(drawn),
            ),
            Plot(
                "Reliability",
                "Confidence against accuracy, leaf level, in bins of equal mass; on the diagonal a stated 80 % is "
                f"right 80 times in 100. The bars are exact 95 % intervals of {drawn[0].name}.",
                _reliability(drawn),
            ),
        ]


def curve(system: EvaluatedModel) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """`(<= 201, 4)` share of all products accepted, error rate among them, and its exact 95 % interval, leaf level."""
    found = risk_coverage(system.scores.confidence[:, 2], system.scores.correct[:, 2])
    # the first few products say little, the last is everything
    thin = np.unique(np.linspace(0, len(found) - 1, POINTS).astype(int)) if len(found) else np.zeros(0, int)
    accepted = thin + 1
    wrong = np.rint(found[thin, 1] * accepted).astype(int)
    spans = [exact_share(k, n) for k, n in zip(wrong.tolist(), accepted.tolist(), strict=True)]
    # an expert that is silent on some products covers only a share of all
    return np.column_stack([found[thin] * [system.coverage, 1.0], np.array(spans).reshape(-1, 2)])


def _accuracy(systems: Sequence[EvaluatedModel]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.2, 3.2), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    counts = [c for c in (*COUNTS, ALL) if any(c in system.summary for system in systems)]
    width = 0.8 / len(systems)
    for axis, level in zip(axes, LEVELS, strict=True):
        for i, (system, colour) in enumerate(zip(systems, colours(len(systems)), strict=True)):
            here = [c for c in counts if c in system.summary]
            accuracies = [system.summary[c].levels[level].top1 for c in here]
            top = np.array([accuracy.value for accuracy in accuracies])
            error = np.abs([[a.value - a.low, a.high - a.value] for a in accuracies]).T
            at = np.array([counts.index(c) for c in here]) + (i - (len(systems) - 1) / 2) * width
            axis.bar(at, top, width, color=colour, yerr=error, ecolor="#00000088", label=system.name)
        axis.set_title(LEVEL_NAMES[level])
        axis.set_xticks(range(len(counts)), counts)
        axis.set_xlabel("photos")
        axis.set_ylim(0, 1)
        axis.grid(axis="y", alpha=0.25)
    axes[0].set_ylabel("accuracy")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return svg(figure)


def _risk(systems: Sequence[EvaluatedModel]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axis = figure.subplots()
    highest = 0.05
    for system, colour in zip(systems, colours(len(systems)), strict=True):
        points = curve(system)
        highest = max(highest, points[:, 1].max(initial=0))
        axis.plot(points[:, 0], points[:, 1], color=colour, label=system.name)
        if system is systems[0]:
            axis.fill_between(points[:, 0], points[:, 2], points[:, 3], color=colour, alpha=0.15, linewidth=0)
    axis.set(xlabel="share of products accepted", ylabel="error rate", xlim=(0, 1), ylim=(0, min(1.0, 1.1 * highest)))
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=8)
    return svg(figure)


def _reliability(systems: Sequence[EvaluatedModel]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    # the first system last, on top
    for i, (system, colour) in reversed(list(enumerate(zip(systems, colours(len(systems)), strict=True)))):
        bins = reliability(system.scores.confidence[:, 2], system.scores.correct[:, 2])
        x, y = [b.confidence for b in bins], np.array([b.accuracy for b in bins])
        if i == 0:
            error = np.array([[b.accuracy - b.low for b in bins], [b.high - b.accuracy for b in bins]])
            axis.errorbar(x, y, yerr=error.clip(0), fmt="o-", markersize=4, color=colour, label=system.name)
        else:
            axis.plot(x, y, "o-", markersize=2, linewidth=0.9, alpha=0.7, color=colour, label=system.name)
    axis.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axis.grid(alpha=0.25)
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8)
    return svg(figure)


def colours(n: int) -> list[str]:
    """Colours of n systems, in order."""
    return [SYSTEM_COLOURS[i % len(SYSTEM_COLOURS)] for i in range(n)]


def svg(figure: Any) -> str:
    """A matplotlib figure as inline SVG, undated."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
