"""An evaluation in plain words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.metrics.intervals import mean_intervals
from catalog.metrics.summary import ALL
from catalog.reports.page import Estimate
from catalog.tree.taxonomy import LEVEL_NAMES
from fusion.evaluation.decided import ACCEPT, CAT1, CAT2, REVIEW, DecisionFigures
from fusion.evaluation.measurement import Measurement
from fusion.evaluation.paired import paired_rows
from fusion.heads.registry import HEADS
from fusion.prediction.predictor import Predictor


def summary_of(found: Measurement, predictor: Predictor) -> list[str]:
    """The sentences at the top of the page."""
    sentences = [_accuracy(found), *_decisions(found), _head(found, predictor)]
    if found.experts:
        sentences.append(_best_expert(found))
    if found.without:
        sentences.append(_additions(found))
    sentences.append(_calibration(found))
    return sentences


def _accuracy(found: Measurement) -> str:
    levels = found.systems[0].summary[ALL].levels
    leaf, cat2, cat1 = (Estimate.of(levels[level].top1) for level in (3, 2, 1))
    return (
        f"Of {len(found.fused):,} labelled products {leaf.text} % are put on the right leaf (95 % interval "
        f"{leaf.interval}), {cat2.text} % on the right {LEVEL_NAMES[2]}, {cat1.text} % on the right {LEVEL_NAMES[1]}."
    )


def _decisions(found: Measurement) -> list[str]:
    figures = found.decided.summary[ALL].decisions
    accepted = figures[ACCEPT]
    sentences = ["No product is sure enough to be accepted unseen."]
    if accepted.n:
        right = Estimate.of(accepted.precision)
        sentences = [
            f"{_products(accepted)} can be accepted unseen: {right.text} % of the leaves are right ({right.interval})."
        ]
    parents = [
        f"{_products(parent)} can be given a {name} unseen, right for {100 * parent.precision.value:.1f} %"
        for parent, name in ((figures[CAT2], LEVEL_NAMES[2]), (figures[CAT1], LEVEL_NAMES[1]))
        if parent.n
    ]
    return [*sentences, "; ".join([*parents, f"{_products(figures[REVIEW])} must be reviewed."])]


def _products(figures: DecisionFigures) -> str:
    return f"{figures.n:,} product{'' if figures.n == 1 else 's'} ({100 * figures.share.value:.1f} %)"


def _head(found: Measurement, predictor: Predictor) -> str:
    name = predictor.head_name
    sentence = f"The experts are put together by the head '{name}' ({HEADS[name].what})."
    if found.other_heads:
        best = max(found.other_heads, key=_n_right)
        sentence += f" The best of the other heads here is '{best.name}': {_difference(found, best)}."
    return sentence


def _best_expert(found: Measurement) -> str:
    best = max(found.experts, key=_n_right)
    own = Estimate.of(best.summary[ALL].leaf.top1)
    return (
        f"The expert that is right most often is '{best.name}' ({best.what}): it speaks on {100 * best.coverage:.0f} % "
        f"of the products and is right on {own.text} % of those. There {_difference(found, best)}."
    )


def _difference(found: Measurement, other: EvaluatedModel) -> str:
    own, theirs = paired_rows(found.fused, other.scores)
    gain = _mean(own.correct[:, 2].astype(float) - theirs.correct[:, 2])
    verdict = "the fused result is "
    if gain.low is not None and gain.low > 0:
        verdict += "better"
    elif gain.high is not None and gain.high < 0:
        verdict += "worse"
    else:
        verdict = "no difference is shown"
    return f"{verdict}, {gain.text} points ({gain.interval})"


def _additions(found: Measurement) -> str:
    fused = found.fused.correct[found.asked, 2].astype(float)
    lost = {name: _mean(fused - left) for name, left in found.without.items()}
    ordered = sorted(lost, key=lambda name: -(lost[name].value or 0.0))
    shown = [name for name in ordered if (low := lost[name].low) is not None and low > 0]
    if not shown:
        return "No single expert is shown to add anything that the others do not say."
    words = [f"'{name}' adds {lost[name].text} points ({lost[name].interval})" for name in shown]
    rest = [f"'{name}'" for name in ordered if name not in shown]
    others = f" Of {', '.join(rest)} it is not shown: the others say the same." if rest else ""
    return f"Of leaf accuracy, {', '.join(words)}: that much is lost when it is silent.{others}"


def _calibration(found: Measurement) -> str:
    leaf = found.systems[0].summary[ALL].leaf
    return (
        f"The stated confidence of a leaf is {100 * leaf.ece_mass.value:.1f} points away from the share that is right, "
        f"on average; chance alone would show {100 * leaf.ece_mass_floor:.1f} on so many products."
    )


def _mean(values: NDArray[np.float64]) -> Estimate:
    return Estimate.span(mean_intervals(values[:, None])[0], signed=True)


def _n_right(system: EvaluatedModel) -> int:
    return int(system.scores.correct[:, 2].sum())
