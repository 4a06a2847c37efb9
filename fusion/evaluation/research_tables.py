"""What was measured as tables for who trains the models: decisions, heads, experts, lists, thresholds."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import bootstrap, mean_intervals, percentiles
from catalog.metrics.product_scores import paired_rows
from catalog.metrics.summary import ALL
from catalog.product import MAX_IMAGES
from catalog.reports.estimate import Estimate
from catalog.reports.evaluation import cat1_table
from catalog.reports.page import Part, Section, Table
from fusion.evaluation.decision_outcomes import ACCEPT, GIVEN, REVIEW, parent_at
from fusion.evaluation.measurement import Measurement
from fusion.evaluation.weights_picture import weights_plot, weights_table
from fusion.heads.registry import TREE
from fusion.heads.tree_pool import TreePool
from fusion.prediction.predictor import Predictor

T = TypeVar("T")


def research_sections(measurement: Measurement, predictor: Predictor) -> list[Section]:
    """What a fusion's evaluation has beside the figures of every one."""
    drawn = [model for model in measurement.models if model.plotted]
    parts: list[Part] = [decision_table(measurement), decision_counts_table(measurement), against_table(measurement)]
    if measurement.without:
        parts.append(without_table(measurement))
    parts += [ranking_table(measurement), cat1_table(drawn, predictor.tree), thresholds_table(predictor)]
    pool = predictor.heads.get(TREE)
    if isinstance(pool, TreePool):
        plot = weights_plot(pool)
        parts += [*([plot] if plot is not None else []), weights_table(pool)]
    return [Section("fusion", "Decisions, heads and experts", parts=parts)]


def decision_table(measurement: Measurement) -> Table:
    """How many products are accepted, given a parent or sent to review, and how often that is right."""
    decisions = measurement.outcomes.summary[ALL].decisions
    parents = (parent_at(level, measurement.level_names) for level in measurement.parent_levels)
    kinds = (ACCEPT, *parents, GIVEN, REVIEW)
    rows: list[list[object]] = [
        [kind, figures.n, *map(Estimate.of, (figures.share, figures.precision, figures.leaf_right))]
        for kind, figures in ((kind, decisions[kind]) for kind in kinds)
    ]
    note = (
        "The deepest node whose probability reaches the threshold learnt on held-out products is given. Right: the "
        "node given is on the true path. Exact 95 % intervals (Clopper and Pearson)."
    )
    return Table("Decisions", ["decision", "products", "share, %", "right, %", "likeliest leaf right, %"], rows, note)


def decision_counts_table(measurement: Measurement) -> Table:
    """The decisions by image count, with hierarchical precision, recall and F of what is given."""
    rows: list[list[object]] = []
    for count, figures in by_count(measurement.outcomes.summary):
        shares = [Estimate.of(figures.decisions[kind].share) for kind in figures.decisions if kind != GIVEN]
        right = [Estimate.of(figures.decisions[kind].precision) for kind in (ACCEPT, GIVEN)]
        hierarchical = map(Estimate.of, (figures.h_precision, figures.h_recall, figures.h_f1))
        rows.append([count, figures.n, *shares, *right, *hierarchical])
    parents = (f"{measurement.level_names[level]}, %" for level in measurement.parent_levels)
    columns = [
        "photos", "products", "accept, %", *parents,
        "review, %", "right when accepted, %", "right when given, %", "hierarchical precision, %", "recall, %", "F, %",
    ]  # fmt: skip
    note = (
        "Shares of products, precision of the leaves accepted and of all that is given; hierarchical precision, "
        "recall and F (Kiritchenko et al., 2006) of the nodes given: a review gives none, a parent a part of the path."
    )
    return Table("Decisions by image count", columns, rows, note)


def against_table(measurement: Measurement) -> Table:
    """The fused result less every other model on the products where that one speaks."""
    rows: list[list[object]] = []
    for model in measurement.models[1:]:
        fused, other = paired_rows(measurement.fused, model.scores)
        differences = np.column_stack([
            fused.correct[:, -1].astype(float) - other.correct[:, -1],
            (fused.distance - other.distance).astype(float),
            fused.nll[:, -1] - other.nll[:, -1],
        ])  # fmt: skip
        leaf, distance, nll = mean_intervals(differences)
        rows.append([
            model.name, model.what, len(fused), Estimate.span(leaf, signed=True),
            Estimate.span(distance, 3, 1, signed=True), Estimate.span(nll, 3, 1, signed=True),
        ])  # fmt: skip
    columns = ["less", "", "products", "leaf accuracy, points", "HD@1", "NLL"]
    note = (
        "Difference on the same products (those where the other one speaks), with its paired bootstrap 95 % interval: "
        "where it holds 0, no difference is shown. Higher accuracy and lower distance and NLL are better."
    )
    return Table("The fused result against the others", columns, rows, note)


def without_table(measurement: Measurement) -> Table:
    """What each expert adds: the head asked again while it is silent."""
    fused = measurement.fused.correct[measurement.asked, -1]
    rows: list[list[object]] = []
    for model in measurement.experts:
        left = measurement.without[model.name]
        lost = mean_intervals((fused.astype(float) - left)[:, None])[0]
        accuracy = Estimate.of(model.summary[ALL].leaf.top1)
        rows.append([
            model.name, Estimate(model.coverage, digits=0), accuracy, Estimate(float(left.mean())),
            Estimate.span(lost, signed=True),
        ])  # fmt: skip
    columns = ["expert", "speaks on, %", "right by itself, %", "fused without it, %", "it adds, points"]
    note = (
        f"Leaf accuracy on {len(measurement.asked):,} products when one expert is silent; the head is not fitted "
        "again, and experts that look at the same thing stand in for each other."
    )
    return Table("What each expert adds", columns, rows, note)


def ranking_table(measurement: Measurement) -> Table:
    """Lists of five leaves: the likeliest, and ordered by conditional risk."""
    fused = measurement.fused
    hit = fused.rank[:, -1] < 5
    groups = {str(n): fused.n_images == n for n in range(MAX_IMAGES + 1)}
    groups[ALL] = np.ones(len(fused), bool)
    values = np.column_stack([fused.distance5, measurement.risk_distance, hit, measurement.risk_hit])
    rows: list[list[object]] = []
    for count, inside in by_count({name: inside for name, inside in groups.items() if inside.any()}):
        figures = mean_intervals(values[inside])
        distances = [Estimate.span(cells, 2, 1) for cells in figures[:2]]
        change = risk_gain(fused.distance5[inside], measurement.risk_distance[inside])
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
    """Relative change of the mean of `(N,)` tree distances by ordering lists by risk, with its bootstrap interval."""
    parts = np.stack([plain, risk]).astype(np.float64)
    if not parts[0].any():
        return Estimate(None)
    drawn = bootstrap(parts, lambda sums: (sums[1] / np.where(sums[0] > 0, sums[0], np.nan) - 1)[None])
    low, high = percentiles(drawn)[0].tolist()
    return Estimate(float(parts[1].sum() / parts[0].sum() - 1), low, high, signed=True)


def by_count(groups: Mapping[str, T]) -> list[tuple[str, T]]:
    """Groups by image count, all of them together first."""
    return [("all", groups[ALL]), *((name, group) for name, group in groups.items() if name != ALL)]


def thresholds_table(predictor: Predictor) -> Table:
    """From which probability a node is given, by the Cat I that a product is put on."""
    names = predictor.tree.level_names
    columns = [names[1], *(names[level] for level in reversed(predictor.tree.levels)), "learnt on"]
    note = (
        f"Probability from which a node is given; a {names[1]} with few held-out products shares the thresholds of "
        "others."
    )
    return Table("Thresholds", columns, predictor.thresholds.rows(predictor.tree), note, folded=True)
