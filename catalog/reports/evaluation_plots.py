"""What every evaluation draws: accuracy by image count and level, errors against coverage, reliability."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.calibration import reliability
from catalog.metrics.evaluated_model import COUNTS, EvaluatedModel
from catalog.metrics.intervals import exact_share
from catalog.metrics.summary import ALL, risk_coverage
from catalog.reports.page import Plot
from catalog.reports.plots import FAINT, INK, colours, drawing, svg
from catalog.tree.level_names import LEVEL_NAMES

POINTS = 200
"""Points of a drawn curve."""


def standard_plots(models: Sequence[EvaluatedModel], level_names: Mapping[int, str] = LEVEL_NAMES) -> list[Plot]:
    """Of the models that are plotted and speak."""
    drawn = [model for model in models if model.plotted and len(model.scores)]
    colour_of = dict(zip([model.name for model in drawn], colours(len(drawn)), strict=True))
    return [_accuracy(drawn, colour_of, level_names), _errors(drawn, colour_of), _reliability(drawn, colour_of)]


def risk_curve(model: EvaluatedModel) -> NDArray[np.float64]:
    """`(<= 201, 4)` share of all products accepted, error rate among them, and its exact 95 % interval, leaf level."""
    curve = risk_coverage(model.scores.confidence[:, -1], model.scores.correct[:, -1])
    # the first few products say little, the last is everything
    thin = np.unique(np.linspace(0, len(curve) - 1, POINTS).astype(int)) if len(curve) else np.zeros(0, int)
    accepted = thin + 1
    wrong = np.rint(curve[thin, 1] * accepted).astype(int)
    spans = [exact_share(k, n) for k, n in zip(wrong.tolist(), accepted.tolist(), strict=True)]
    # an expert that is silent on some products covers only a share of all
    return np.column_stack([curve[thin] * [model.coverage, 1.0], np.array(spans).reshape(-1, 2)])


def _accuracy(models: Sequence[EvaluatedModel], colour_of: dict[str, str], level_names: Mapping[int, str]) -> Plot:
    counts = [c for c in (*COUNTS, ALL) if any(c in model.summary for model in models)]
    levels, width = models[0].scores.levels, 0.8 / len(models)
    with drawing(11.2, 3.2, **{"axes.grid.axis": "y"}) as figure:
        axes = figure.subplots(1, len(levels), sharey=True, squeeze=False)[0]
        for axis, level in zip(axes, levels, strict=True):
            for i, model in enumerate(models):
                top1 = {counts.index(c): s.levels[level].top1 for c, s in model.summary.items() if c in counts}
                at = np.array(list(top1)) + (i - (len(models) - 1) / 2) * width
                error = np.abs([[a.value - a.low, a.high - a.value] for a in top1.values()]).T
                axis.bar(
                    at, [a.value for a in top1.values()], width, color=colour_of[model.name], label=model.name,
                    yerr=error, error_kw={"ecolor": INK, "alpha": 0.5},
                )  # fmt: skip
            axis.set(title=level_names[level], xlabel="photos", ylim=(0, 1))
            axis.set_xticks(range(len(counts)), counts)
        axes[0].set_ylabel("accuracy")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
        return Plot(
            "Accuracy by image count and level",
            "Share of products whose likeliest node is the true one; the bar is the bootstrap 95 % interval.",
            svg(figure),
        )


def _errors(models: Sequence[EvaluatedModel], colour_of: dict[str, str]) -> Plot:
    with drawing(5.4, 3.4) as figure:
        axis = figure.subplots()
        highest = 0.05
        for model in models:
            share, errors, low, high = risk_curve(model).T
            highest = max(highest, errors.max(initial=0))
            axis.plot(share, errors, color=colour_of[model.name], label=model.name)
            if model is models[0]:
                axis.fill_between(share, low, high, color=colour_of[model.name], alpha=0.15, linewidth=0)
        axis.set(xlabel="share of products accepted", ylabel="error rate", xlim=(0, 1), ylim=(0, min(1, 1.1 * highest)))
        axis.legend()
        return Plot(
            "Errors against coverage",
            "Error rate among the most confident products, leaf level: how much can be accepted unseen. The band "
            f"is the exact 95 % interval of {models[0].name}.",
            svg(figure),
        )


def _reliability(models: Sequence[EvaluatedModel], colour_of: dict[str, str]) -> Plot:
    with drawing(5.4, 3.4) as figure:
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        # the first model last, on top
        for model in reversed(models):
            bins = reliability(model.scores.confidence[:, -1], model.scores.correct[:, -1])
            x, y = [b.confidence for b in bins], np.array([b.accuracy for b in bins])
            look = {"color": colour_of[model.name], "label": model.name}
            if model is models[0]:
                error = np.array([[b.accuracy - b.low for b in bins], [b.high - b.accuracy for b in bins]])
                axis.errorbar(x, y, yerr=error.clip(0), fmt="o-", markersize=4, **look)
            else:
                axis.plot(x, y, "o-", markersize=2, linewidth=0.9, alpha=0.7, **look)
        axis.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
        axis.legend(reverse=True)
        return Plot(
            "Reliability",
            "Confidence against accuracy, leaf level, in bins of equal mass; on the diagonal a stated 80 % is "
            f"right 80 times in 100. The bars are exact 95 % intervals of {models[0].name}.",
            svg(figure),
        )
