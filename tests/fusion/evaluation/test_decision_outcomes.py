"""Precision and coverage of decisions, hierarchical precision and recall, against the obvious version."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.metrics.intervals import exact_share
from catalog.metrics.product_scores import score
from catalog.tree.taxonomy import Taxonomy
from fusion.evaluation.decision_outcomes import ACCEPT, GIVEN, REVIEW, DecisionOutcomes, kinds_of, parent_at
from tests.catalog.tree.test_taxonomy import trees
from tests.fusion.small import RAGGED
from tests.support.products import TAXONOMY

Given = tuple[int, tuple[str, ...], bool]
"""Level, path and rightness of an answer."""


def some_answers(
    tree: Taxonomy, seed: int, n: int
) -> tuple[DecisionOutcomes, list[Given], list[tuple[str, ...]], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth, leaf = rng.integers(0, len(tree), (2, n))
    leaf = np.where(rng.random(n) < 0.5, truth, leaf)
    # of the levels that may be given: above the end of the leaf's path, and the last one
    level = [int(rng.choice([*range(len(tree.paths[i])), tree.depth])) for i in leaf]
    node = [int(tree.ancestor(k)[i]) if k else 0 for k, i in zip(level, leaf, strict=True)]
    counts = rng.integers(0, 5, n).astype(np.int8)
    outcomes = DecisionOutcomes.of(np.stack([level, node], axis=1), truth, leaf == truth, counts, tree)
    answers = [
        (k, tree.paths[i][:k], i == t if k == tree.depth else k > 0 and tree.paths[i][:k] == tree.paths[t][:k])
        for k, i, t in zip(level, leaf, truth, strict=True)
    ]
    return outcomes, answers, [tree.paths[i] for i in truth], counts


def test_the_kinds_of_decisions_keep_their_names():
    assert list(kinds_of(3)) == ["accept", "parent at Cat II", "parent at Cat I", "review", "given without review"]
    assert kinds_of(1) == {ACCEPT: (1,), REVIEW: (0,), GIVEN: (1,)}


def test_decisions_call_the_levels_as_the_tree_does():
    tree = TAXONOMY.with_level_names(["Floor", "Aisle", "Shelf"])
    outcomes, *_ = some_answers(tree, 0, 9)
    kinds = ["accept", "parent at Aisle", "parent at Floor", "review", "given without review"]
    assert list(DecisionOutcomes.joined([outcomes, outcomes]).summary["all"].decisions) == kinds


@settings(max_examples=50)
@given(st.just(TAXONOMY) | st.just(RAGGED) | trees, st.integers(0, 10**6), st.integers(1, 40))
def test_every_figure_equals_the_obvious_version(tree, seed, n):
    outcomes, answers, paths, counts = some_answers(tree, seed, n)
    level_of = {ACCEPT: [tree.depth], **{parent_at(k): [k] for k in tree.levels[:-1]}, REVIEW: [0], GIVEN: tree.levels}
    summary = outcomes.summary
    assert set(summary) == {"all", *map(str, set(counts.tolist()))}
    for group, found in summary.items():
        rows = [i for i in range(n) if group == "all" or counts[i] == int(group)]
        sets = [
            ({a[:k] for k in range(1, len(a) + 1)}, {t[:k] for k in range(1, len(t) + 1)})
            for a, t in ((answers[i][1], paths[i]) for i in rows)
        ]
        shared, given_nodes = sum(len(a & t) for a, t in sets), sum(len(a) for a, _ in sets)
        recall = shared / sum(len(t) for _, t in sets)
        precision = shared / given_nodes if given_nodes else None
        assert found.h_precision.value == pytest.approx(math.nan if precision is None else precision, nan_ok=True)
        assert found.h_recall.value == pytest.approx(recall)
        if shared:
            assert found.h_f1.value == pytest.approx(2 * precision * recall / (precision + recall))
            assert found.h_recall.low <= recall <= found.h_recall.high
        assert set(found.decisions) == set(level_of)
        for kind, levels in level_of.items():
            own = [i for i in rows if answers[i][0] in levels]
            right = sum(answers[i][2] for i in own)
            figures = found.decisions[kind]
            assert (figures.n, figures.share.value) == (len(own), pytest.approx(len(own) / len(rows)))
            if kind == REVIEW or not own:
                assert math.isnan(figures.precision.value)
            else:
                assert figures.precision.value == pytest.approx(right / len(own))
                assert (figures.precision.low, figures.precision.high) == exact_share(right, len(own))
            if own:
                assert figures.leaf_right.value == pytest.approx(np.mean([outcomes.leaf_right[i] for i in own]))


@given(st.integers(0, 10**6))
def test_full_paths_have_the_precision_and_recall_that_their_distance_says(seed):
    rng = np.random.default_rng(seed)
    dense, truth = rng.dirichlet(np.ones(8), size=20), rng.integers(0, 8, 20)
    scores = score(dense, truth, np.arange(20), np.ones(20, np.int8), TAXONOMY)
    leaves = np.stack([np.full(20, 3), scores.predicted[:, 2]], axis=1)
    figures = DecisionOutcomes.of(leaves, truth, scores.correct[:, 2], scores.n_images, TAXONOMY).summary["all"]
    for name in ("h_precision", "h_recall", "h_f1"):
        assert getattr(figures, name).value == pytest.approx(1 - scores.distance.mean() / 3)


def test_a_right_parent_is_no_right_leaf_and_a_wrong_one_counts_what_it_shares():
    truth = np.zeros(3, np.int64)
    wrong_cat2 = int(TAXONOMY.ancestor(2)[1]) if TAXONOMY.paths[1][:2] != TAXONOMY.paths[0][:2] else 1
    answers = np.array([[2, int(TAXONOMY.ancestor(2)[0])], [2, wrong_cat2], [0, 0]])
    outcomes = DecisionOutcomes.of(answers, truth, np.zeros(3, bool), np.ones(3, np.int8), TAXONOMY)
    same_cat1 = int(TAXONOMY.parent(2)[wrong_cat2] == TAXONOMY.ancestor(1)[0])
    assert outcomes.overlap.tolist() == [2, same_cat1, 0]
    assert outcomes.right.tolist() == [True, False, False]
