"""The page of `fusion evaluate`: what was measured as sentences, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import bootstrap, mean_intervals, percentiles
from catalog.metrics.summary import ALL
from catalog.product import MAX_IMAGES
from catalog.reports.page import Estimate, Report, Table, cat1_table
from catalog.reports.plots import Plot
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS
from fusion.details import FusionDetails
from fusion.evaluation.decided import ACCEPT, CAT1, CAT2, GIVEN, KINDS, REVIEW
from fusion.evaluation.measurement import Measurement
from fusion.evaluation.paired import paired_rows
from fusion.evaluation.summary import summary_of
from fusion.evaluation.weights_picture import weights_plot, weights_table
from fusion.heads.registry import TREE
from fusion.heads.tree_pool import TreePool
from fusion.prediction.predictor import Predictor

T = TypeVar("T")


def page_of(found: Measurement, predictor: Predictor, source: str) -> Report:
    """The report without its examples; `source` names what was evaluated."""
    tree = predictor.tree
    report = Report("Product categories", f"{source}: photos, text and their fusion", found.systems, tree)
    report.summary = summary_of(found, predictor)
    drawn = [system for system in found.systems if system.plotted]
    report.tables = [decision_table(found), decision_counts_table(found), against_table(found)]
    if found.without:
        report.tables.append(without_table(found))
    report.tables += [ranking_table(found), cat1_table(drawn, tree), thresholds_table(predictor)]
    picture = _weights(predictor, report)
    report.plots = [picture] if picture is not None else []
    report.facts = {
        "run": predictor.run.folder.name,
        "head": f"{predictor.head_name}, {predictor.run.details_as(FusionDetails).why}",
        "target precision": f"{predictor.target_precision:g}",
        "code": predictor.run.revision,
        "problems": "; ".join(found.problems) or "none",
    }
    return report


def _weights(predictor: Predictor, report: Report) -> Plot | None:
    pool = predictor.heads.get(TREE)
    if not isinstance(pool, TreePool):
        return None
    report.tables.append(weights_table(pool))
    return weights_plot(pool)


def decision_table(found: Measurement) -> Table:
    """How many products are accepted, given a parent or sent to review, and how often that is right."""
    decisions = found.decided.summary[ALL].decisions
    rows: list[list[object]] = [
        [kind, figures.n, *map(Estimate.of, (figures.share, figures.precision, figures.leaf_right))]
        for kind, figures in ((kind, decisions[kind]) for kind in (ACCEPT, CAT2, CAT1, GIVEN, REVIEW))
    ]
    note = (
        "The deepest node whose probability reaches the threshold learnt on held-out products is given. Right: the "
        "node given is on the true path. Exact 95 % intervals (Clopper and Pearson)."
    )
    return Table("Decisions", ["decision", "products", "share, %", "right, %", "likeliest leaf right, %"], rows, note)


def decision_counts_table(found: Measurement) -> Table:
    """The decisions by image count, with hierarchical precision, recall and F of what is given."""
    rows: list[list[object]] = []
    for count, own in by_count(found.decided.summary):
        shares = [Estimate.of(own.decisions[kind].share) for kind in KINDS if kind != GIVEN]
        right = [Estimate.of(own.decisions[kind].precision) for kind in (ACCEPT, GIVEN)]
        hierarchical = map(Estimate.of, (own.h_precision, own.h_recall, own.h_f1))
        rows.append([count, own.n, *shares, *right, *hierarchical])
    columns = [
        "photos", "products", "accept, %", "Cat II, %", "Cat I, %", "review, %", "right when accepted, %",
        "right when given, %", "hierarchical precision, %", "recall, %", "F, %",
    ]  # fmt: skip
    note = (
        "Shares of products, precision of the leaves accepted and of all that is given; hierarchical precision, "
        "recall and F (Kiritchenko et al., 2006) of the nodes given: a review gives none, a parent a part of the path."
    )
    return Table("Decisions by image count", columns, rows, note)


def against_table(found: Measurement) -> Table:
    """The fused result less every other system on the products where that one speaks."""
    rows: list[list[object]] = []
    for system in found.systems[1:]:
        own, theirs = paired_rows(found.fused, system.scores)
        differences = np.column_stack([
            own.correct[:, 2].astype(float) - theirs.correct[:, 2],
            (own.distance - theirs.distance).astype(float),
            own.nll[:, 2] - theirs.nll[:, 2],
        ])  # fmt: skip
        leaf, distance, nll = mean_intervals(differences)
        rows.append([
            system.name, system.what, len(own), Estimate.span(leaf, signed=True),
            Estimate.span(distance, 3, 1, signed=True), Estimate.span(nll, 3, 1, signed=True),
        ])  # fmt: skip
    columns = ["less", "", "products", "leaf accuracy, points", "HD@1", "NLL"]
    note = (
        "Difference on the same products (those where the other one speaks), with its paired bootstrap 95 % interval: "
        "where it holds 0, no difference is shown. Higher accuracy and lower distance and NLL are better."
    )
    return Table("The fused result against the others", columns, rows, note)


def without_table(found: Measurement) -> Table:
    """What each expert adds: the head asked again while it is silent."""
    fused = found.fused.correct[found.asked, 2]
    rows: list[list[object]] = []
    for system in found.experts:
        left = found.without[system.name]
        lost = mean_intervals((fused.astype(float) - left)[:, None])[0]
        accuracy = Estimate.of(system.summary[ALL].leaf.top1)
        rows.append([
            system.name, Estimate(system.coverage, digits=0), accuracy, Estimate(float(left.mean())),
            Estimate.span(lost, signed=True),
        ])  # fmt: skip
    columns = ["expert", "speaks on, %", "right by itself, %", "fused without it, %", "it adds, points"]
    note = (
        f"Leaf accuracy on {len(found.asked):,} products when one expert is silent; the head is not fitted again, and "
        "experts that look at the same thing stand in for each other."
    )
    return Table("What each expert adds", columns, rows, note)


def ranking_table(found: Measurement) -> Table:
    """Lists of five leaves: the likeliest, and ordered by conditional risk."""
    fused = found.fused
    hit = fused.rank[:, 2] < 5
    groups = {str(n): fused.n_images == n for n in range(MAX_IMAGES + 1)}
    groups[ALL] = np.ones(len(fused), bool)
    rows: list[list[object]] = []
    for count, inside in by_count({name: own for name, own in groups.items() if own.any()}):
        figures = mean_intervals(np.column_stack([fused.distance5, found.risk_distance, hit, found.risk_hit])[inside])
        distances = [Estimate.span(cells, 2, 1) for cells in figures[:2]]
        change = risk_gain(fused.distance5[inside], found.risk_distance[inside])
        rows.append([count, int(inside.sum()), *distances, change, *map(Estimate.span, figures[2:])])
    columns = [
        "photos", "products", "HD@5 likeliest", "HD@5 by risk", "change, %", "true leaf among likeliest, %",
        "by risk, %",
    ]  # fmt: skip
    note = (
        "By risk: first the likeliest leaf, then by rising expected tree distance (conditional risk minimisation), so "
        "that top-1 is the same. The list is nearer in the tree, and holds fewer leaves of other shelves."
    )
    return Table("Lists of five leaves: likeliest against risk", columns, rows, note)


def risk_gain(plain: NDArray[np.float32], risk: NDArray[np.float32]) -> Estimate:
    """Relative change of the mean tree distance by ordering lists by risk, with its bootstrap interval."""
    parts = np.stack([plain, risk]).astype(np.float64)
    if not parts[0].any():
        return Estimate(None)
    drawn = bootstrap(parts, lambda sums: (sums[1] / np.where(sums[0] > 0, sums[0], np.nan) - 1)[None])
    low, high = percentiles(drawn)[0].tolist()
    return Estimate(float(parts[1].sum() / parts[0].sum() - 1), low, high, signed=True)


def by_count(groups: Mapping[str, T]) -> list[tuple[str, T]]:
    """Groups by image count, all of them together first."""
    return [("all", groups[ALL]), *((name, own) for name, own in groups.items() if name != ALL)]


def thresholds_table(predictor: Predictor) -> Table:
    """From which probability a node is given, by the Cat I that a product is put on."""
    columns = ["Cat I", *(LEVEL_NAMES[level] for level in reversed(LEVELS)), "learnt on"]
    note = "Probability from which a node is given; a Cat I with few held-out products shares the thresholds of others."
    return Table("Thresholds", columns, predictor.thresholds.rows(predictor.tree), note, folded=True)
