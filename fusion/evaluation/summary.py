"""An evaluation in sentences: what the head, each expert and the calibration are worth."""

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent, plural
from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.metrics.intervals import mean_intervals
from catalog.metrics.product_scores import paired_rows
from catalog.metrics.summary import ALL
from catalog.reports.estimate import Estimate
from fusion.evaluation.decision_outcomes import ACCEPT, REVIEW, DecisionFigures, parent_at
from fusion.evaluation.measurement import Measurement
from fusion.heads.registry import HEADS
from fusion.prediction.predictor import Predictor


def summary_of(measurement: Measurement, predictor: Predictor) -> list[str]:
    """The sentences at the top of the page."""
    sentences = [_accuracy(measurement), *_decisions(measurement), _head(measurement, predictor)]
    if measurement.experts:
        sentences.append(_best_expert(measurement))
    if measurement.without:
        sentences.append(_additions(measurement))
    sentences.append(_calibration(measurement))
    return sentences


def _accuracy(measurement: Measurement) -> str:
    levels = measurement.models[0].summary[ALL].levels
    leaf = Estimate.of(measurement.models[0].summary[ALL].leaf.top1)
    parents = "".join(
        f", {Estimate.of(levels[level].top1).text} % on the right {measurement.level_names[level]}"
        for level in measurement.parent_levels
    )
    return (
        f"Of {len(measurement.fused):,} labelled products {leaf.text} % are put on the right leaf (95 % interval "
        f"{leaf.interval}){parents}."
    )


def _decisions(measurement: Measurement) -> list[str]:
    figures = measurement.outcomes.summary[ALL].decisions
    accepted = figures[ACCEPT]
    sentences = ["No product is sure enough to be accepted unseen."]
    if accepted.n:
        right = Estimate.of(accepted.precision)
        sentences = [
            f"{_products(accepted)} can be accepted unseen: {right.text} % of the leaves are right ({right.interval})."
        ]
    parents = [
        f"{_products(parent)} can be given a {measurement.level_names[level]} unseen, right for "
        f"{percent(parent.precision.value)}"
        for level in measurement.parent_levels
        if (parent := figures[parent_at(level, measurement.level_names)]).n
    ]
    return [*sentences, "; ".join([*parents, f"{_products(figures[REVIEW])} must be reviewed."])]


def _products(figures: DecisionFigures) -> str:
    return f"{plural(figures.n, 'product')} ({percent(figures.share.value)})"


def _head(measurement: Measurement, predictor: Predictor) -> str:
    name = predictor.head_name
    sentence = f"The experts are put together by the head '{name}' ({HEADS[name].what})."
    if measurement.other_heads:
        best = max(measurement.other_heads, key=_n_right)
        sentence += f" The best of the other heads here is '{best.name}': {_difference(measurement, best)}."
    return sentence


def _best_expert(measurement: Measurement) -> str:
    best = max(measurement.experts, key=_n_right)
    right = Estimate.of(best.summary[ALL].leaf.top1)
    return (
        f"The expert that is right most often is '{best.name}' ({best.what}): it speaks on {100 * best.coverage:.0f} % "
        f"of the products and is right on {right.text} % of those. There {_difference(measurement, best)}."
    )


def _difference(measurement: Measurement, other: EvaluatedModel) -> str:
    fused, theirs = paired_rows(measurement.fused, other.scores)
    gain = _mean(fused.correct[:, -1].astype(float) - theirs.correct[:, -1])
    verdict = "the fused result is "
    if gain.low is not None and gain.low > 0:
        verdict += "better"
    elif gain.high is not None and gain.high < 0:
        verdict += "worse"
    else:
        verdict = "no difference is shown"
    return f"{verdict}, {gain.text} points ({gain.interval})"


def _additions(measurement: Measurement) -> str:
    fused = measurement.fused.correct[measurement.asked, -1].astype(float)
    lost = {name: _mean(fused - left) for name, left in measurement.without.items()}
    ordered = sorted(lost, key=lambda name: -(lost[name].value or 0.0))
    shown = [name for name in ordered if (low := lost[name].low) is not None and low > 0]
    if not shown:
        return "No single expert is shown to add anything that the others do not say."
    words = [f"'{name}' adds {lost[name].text} points ({lost[name].interval})" for name in shown]
    rest = [f"'{name}'" for name in ordered if name not in shown]
    others = f" Of {', '.join(rest)} it is not shown: the others say the same." if rest else ""
    return f"Of leaf accuracy, {', '.join(words)}: that much is lost when it is silent.{others}"


def _calibration(measurement: Measurement) -> str:
    leaf = measurement.models[0].summary[ALL].leaf
    return (
        f"The stated confidence of a leaf is {100 * leaf.ece_mass.value:.1f} points away from the share that is right, "
        f"on average; chance alone would show {100 * leaf.ece_mass_floor:.1f} on so many products."
    )


def _mean(values: NDArray[np.float64]) -> Estimate:
    return Estimate.span(mean_intervals(values[:, None])[0], signed=True)


def _n_right(model: EvaluatedModel) -> int:
    return int(model.scores.correct[:, -1].sum())
