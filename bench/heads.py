"""Heads, calibration, lists and decisions on a workspace's held-out products, all cross-fitted.

    python bench/heads.py WORKSPACE [TARGET_PRECISION]

1. Every head and expert: leaf accuracy, its difference to the head that decides (paired bootstrap, where the expert
   speaks), NLL, calibration error in 15 bins of equal mass beside that of a perfectly calibrated model, HD@1 and HD@5.
2. The head that decides on the ground of each expert: the Cat I whose products the text reads, and the others.
3. Lists of five by falling probability and by expected tree distance.
4. Decisions at a target precision over 50 random halves: thresholds learnt on one half, counted on the other.
"""

from __future__ import annotations

import sys

import numpy as np

from catalog.metrics.calibration import calibration_floor, expected_calibration_error
from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.metrics.intervals import paired_difference
from catalog.metrics.product_scores import ProductScores, likeliest, list_distance, paired_rows
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.decide import Thresholds, given_by_scores
from fusion.experts.all_experts import AllExperts
from fusion.heads.base import chunks
from fusion.heads.comparison import compare_heads, fit_head
from fusion.prediction.ranking import risk_order
from fusion.training.held_out import HeldOut, evaluated_experts, gather_held_out

N_SPLITS = 50
LISTED = 5


def gain(fused: ProductScores, other: ProductScores) -> tuple[float, ...]:
    """Points that the fused result is better at the leaf where the other one speaks, with the interval."""
    own, theirs = paired_rows(fused, other)
    return tuple(100 * value for value in paired_difference(own.correct[:, 2], theirs.correct[:, 2]))


def row(name: str, scores: ProductScores, against: ProductScores, coverage: float) -> str:
    confidence, right = scores.confidence[:, 2], scores.correct[:, 2]
    points, low, high = gain(against, scores)
    nll = scores.nll[:, 2].mean()
    ece, floor = expected_calibration_error(confidence, right, "mass"), calibration_floor(confidence, "mass")
    return (
        f"{name:14} {100 * coverage:5.1f} {100 * right.mean():6.1f}  {points:+6.2f} ({low:+6.2f} to {high:+6.2f})"
        f"  {nll:6.3f}  {ece:.3f} ({floor:.3f})  {scores.distance.mean():.3f}  {scores.distance5.mean():.3f}"
    )


def grounds(data: HeldOut, fused: ProductScores, experts: list[EvaluatedModel]) -> None:
    cat1 = data.tree.ancestor(1)[data.truth]
    by_name = {expert.name: expert.scores for expert in experts}
    read = np.zeros(data.tree.n_nodes(1), bool)
    if "text" in by_name:
        text = data.experts[data.names.index("text")]
        read[data.tree.ancestor(1)[text.support]] = True
    for title, here in (("shelves that are read", read[cat1]), ("the others", ~read[cat1])):
        if not here.any():
            continue
        print(f"\n{title}: {int(here.sum())} products, leaf accuracy and the head less the expert where it speaks")
        own = fused.select(here)
        print(f"  {'fused':14} {100 * own.correct[:, 2].mean():5.1f}")
        for name, scores in by_name.items():
            theirs = scores.select(np.isin(scores.product_ids, own.product_ids))
            if len(theirs):
                points, low, high = gain(own, theirs)
                accuracy = 100 * theirs.correct[:, 2].mean()
                print(f"  {name:14} {accuracy:5.1f} (n = {len(theirs)})  {points:+.2f} ({low:+.2f} to {high:+.2f})")


def lists(data: HeldOut, chosen: str, config: FusionConfig) -> None:
    plain, risk, first = [], [], []
    for fitted, tested in data.parts(config.head_folds, config.seed):
        head = fit_head(data.select(fitted), chosen, config)
        for rows in chunks(tested):
            own = data.select(rows)
            dense = head.predict_proba(own.experts, own.n_images)
            by_risk = risk_order(dense, data.tree, LISTED)
            plain.append(list_distance(likeliest(dense, LISTED), own.truth, data.tree))
            risk.append(list_distance(by_risk, own.truth, data.tree))
            first.append((by_risk[:, 0] == own.truth) == (dense.argmax(axis=1) == own.truth))
    before, after = np.concatenate(plain).mean(), np.concatenate(risk).mean()
    same = np.concatenate(first).all()
    change = 100 * (after / before - 1)
    print(f"\nHD@{LISTED} by probability {before:.4f}, by expected distance {after:.4f}: {change:+.1f} %")
    print(f"first place unchanged on every product: {same}")


def either_answer(fused: ProductScores) -> None:
    print("right at Cat I, II, III in percent, on the path of the likeliest leaf and level by level:")
    for name, right in (("path", fused.correct), ("level by level", fused.likeliest_correct)):
        print(f"{name:14} " + " ".join(f"{100 * share:5.1f}" for share in right.mean(axis=0)))


def decisions(fused: ProductScores, data: HeldOut, target: float, confidence: float) -> None:
    rng, outcomes = np.random.default_rng(0), []
    for _ in range(N_SPLITS):
        # copies are no independent evidence: a group of them is on one side, and calibrates once
        half = (rng.random(data.group.max() + 1) < 0.5)[data.group]
        thresholds = Thresholds.fit(fused.select(half & data.representatives), data.tree, target, confidence)
        test = fused.select(~half)
        given = given_by_scores(test, thresholds, data.tree)
        right = np.zeros(len(test), bool)
        for level in data.tree.levels:
            here = given[:, 0] == level
            right[here] = data.tree.ancestor(level)[test.truth[here]] == given[here, 1]
        outcomes.append((given[:, 0], right))
    print(f"\ntarget precision {target}, {N_SPLITS} random halves of {len(fused)} products; given on the other half:")
    print(f"{'':20} {'coverage':>9} {'precision':>10} {'missed in':>10}")
    kinds = {"accept (Cat III)": [3], "parent at Cat II": [2], "parent at Cat I": [1], "all given": [1, 2, 3]}
    for title, levels in kinds.items():
        masks = [np.isin(given, levels) for given, _ in outcomes]
        shares = [right[mask].mean() for (_, right), mask in zip(outcomes, masks, strict=True) if mask.any()]
        coverage = 100 * np.mean([mask.mean() for mask in masks])
        if not shares:
            print(f"{title:20} {coverage:7.1f} %          -          -")
            continue
        missed = sum(share < target for share in shares)
        print(f"{title:20} {coverage:7.1f} % {100 * np.mean(shares):8.2f} % {missed:5} of {N_SPLITS}")


def main(folder: str, target: float) -> None:
    workspace = Workspace(folder)
    config = load_config(FusionConfig, "fusion")
    labelled = TrainingData.of(workspace)
    data, _ = gather_held_out(labelled, AllExperts.latest(workspace, labelled).configured(config), config.seed)
    comparison = compare_heads(data, config)
    fused = comparison.scores[comparison.chosen]
    experts = evaluated_experts(data)
    print(f"{len(data)} held-out products; the head that decides: {comparison.chosen}, {comparison.reason}")
    print("difference: the head that decides less this one, points, 95 % interval; ECE: equal mass (floor)\n")
    print(f"{'':14} {'covers':>5} {'leaf':>6}  {'difference':^26}  {'NLL':>6}  {'ECE':^13}  {'HD@1':>5}  {'HD@5':>5}")
    for name, scores in comparison.scores.items():
        print(row(name, scores, fused, 1.0))
    for expert in experts:
        print(row(expert.name, expert.scores, fused, expert.coverage))
    single = comparison.scores["best-single"].correct[:, 2]
    geometric = comparison.scores["geometric"].correct[:, 2]
    for name, other in (("the best single expert", single), ("the geometric mean", geometric)):
        points, low, high = (100 * value for value in paired_difference(fused.correct[:, 2], other))
        print(f"against {name}: {points:+.2f} points ({low:+.2f} to {high:+.2f})")
    either_answer(fused)
    grounds(data, fused, experts)
    lists(data, comparison.chosen, config)
    decisions(fused, data, target, config.confidence)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.95)
