"""Thresholds keep their promise on fresh data; climbing gives the deepest sure node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given as given_random
from hypothesis import settings
from hypothesis import strategies as st

from catalog.metrics.answer_path import answer_paths
from catalog.metrics.product_scores import ProductScores, score
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import MIN_OWN, NEVER, Decision, Thresholds, decide, decision_of, given_by_scores
from tests.catalog.tree.test_taxonomy import trees
from tests.fusion.small import FLAT, RAGGED

TREE = Taxonomy([(1, ("A", "X", "P")), (2, ("A", "X", "Q")), (3, ("A", "Y", "R")), (4, ("B", "Z", "S"))])


def thresholds(own: ProductScores, target: float, confidence: float) -> Thresholds:
    return Thresholds.fit(own, TREE, target, confidence)


def everywhere(cat1: float, cat2: float, leaf: float) -> Thresholds:
    """The same thresholds on every Cat I."""
    return Thresholds(np.tile(np.float32([cat1, cat2, leaf]), (TREE.n_nodes(1), 1)), np.zeros(TREE.n_nodes(1), bool))


def scores(confidence: np.ndarray, correct: np.ndarray, distance: np.ndarray | None = None) -> ProductScores:
    """Scores with the same confidence at all three levels, and the same correctness unless distances are given."""
    n = len(confidence)
    three = np.repeat(confidence[:, None], 3, axis=1).astype(np.float32)
    distance = np.where(correct, 0, 3) if distance is None else distance
    zeros = np.zeros((n, 3), np.int64)
    return ProductScores(
        np.arange(n), np.ones(n, np.int8), zeros[:, 0], predicted=zeros, confidence=three, likeliest=zeros,
        p_likeliest=three, rank=zeros, p_truth=three, distance=distance, distance5=distance.astype(np.float32),
    )  # fmt: skip


def test_the_target_precision_is_kept_as_often_as_promised():
    rng = np.random.default_rng(0)
    kept, useful = 0, 0
    for _ in range(200):
        confidence = rng.uniform(0.5, 1, 800)
        correct = rng.random(800) < confidence
        threshold = thresholds(scores(confidence, correct), 0.9, 0.9).table[0, 2]
        if threshold == NEVER:
            kept += 1
            continue
        useful += 1
        # in truth a product of confidence c is right with probability c
        kept += (threshold + 1) / 2 >= 0.9
    assert kept >= 0.85 * 200
    assert useful >= 100


def test_a_wrong_label_among_the_surest_does_not_end_the_search():
    confidence = np.linspace(1, 0.5, 800)
    correct = np.ones(800, bool)
    correct[[0, 1, 2]] = False
    assert thresholds(scores(confidence, correct), 0.95, 0.9).table[0, 2] < 0.6


def test_nothing_is_accepted_when_nothing_is_sure_or_data_are_too_few():
    rng = np.random.default_rng(1)
    coin = scores(rng.uniform(0.5, 1, 500), rng.random(500) < 0.5)
    assert (thresholds(coin, 0.95, 0.9).table == NEVER).all()
    few = scores(np.full(10, 0.99), np.ones(10, bool))
    assert (thresholds(few, 0.95, 0.9).table == NEVER).all()


def test_climbing_gives_the_deepest_sure_node():
    dense = np.array(
        [[0.9, 0.05, 0.03, 0.02], [0.5, 0.42, 0.05, 0.03], [0.4, 0.1, 0.45, 0.05], [0.3, 0.1, 0.1, 0.5]], np.float32
    )
    given = decide(answer_paths(dense, TREE), everywhere(0.9, 0.9, 0.9), TREE)
    assert given[:, 0].tolist() == [3, 2, 1, 0]
    assert given[0, 1] == 0
    assert TREE.node_path(2, int(given[1, 1])) == ("A", "X")
    assert TREE.node_path(1, int(given[2, 1])) == ("A",)
    assert [decision_of(level, TREE.depth) for level in (3, 2, 1, 0)] == [
        Decision.ACCEPT, Decision.PARENT, Decision.PARENT, Decision.REVIEW,
    ]  # fmt: skip


@settings(max_examples=50)
@given_random(st.integers(0, 10**6), st.floats(0, 0.6))
def test_what_is_given_is_a_part_of_the_answers_path_and_scored_as_such(seed, needed):
    rng = np.random.default_rng(seed)
    dense = rng.dirichlet(np.ones(4) * 0.5, size=30).astype(np.float32)
    truth = rng.integers(0, 4, 30)
    paths = answer_paths(dense, TREE)
    given = decide(paths, everywhere(needed, needed, needed), TREE)
    found = score(dense, truth, np.arange(30), np.ones(30, np.int8), TREE)
    assert given_by_scores(found, everywhere(needed, needed, needed), TREE).tolist() == given.tolist()
    for row, (level, node) in enumerate(given.tolist()):
        if level:
            answered, true = TREE.paths[int(dense[row].argmax())], TREE.paths[int(truth[row])]
            assert TREE.node_path(level, node) == answered[:level]
            assert found.correct[row, level - 1] == (answered[:level] == true[:level])


def by_levels(tree: Taxonomy, *levels: float) -> Thresholds:
    """The same thresholds on every Cat I, from the top down."""
    n = tree.n_nodes(1)
    return Thresholds(np.tile(np.float32(levels), (n, 1)), np.zeros(n, bool))


@settings(max_examples=50)
@given_random(trees, st.integers(0, 10**6))
def test_the_deepest_sure_node_is_given_in_any_tree(tree, seed):
    """Read aloud: up the answer's path, from the leaf, which needs what leaves need however short its path is."""
    rng = np.random.default_rng(seed)
    dense = rng.dirichlet(np.ones(len(tree)) * 0.3, size=8).astype(np.float32)
    needed = np.float32(rng.uniform(0.1, 1, tree.depth))
    paths = answer_paths(dense, tree)
    given = decide(paths, by_levels(tree, *needed), tree)
    found = score(dense, rng.integers(0, len(tree), 8), np.arange(8), np.ones(8, np.int8), tree)
    assert given_by_scores(found, by_levels(tree, *needed), tree).tolist() == given.tolist()
    for row, leaf in enumerate(dense.argmax(axis=1).tolist()):
        path, expected = tree.paths[leaf], (0, 0)
        if dense[row, leaf] >= needed[-1]:
            expected = (tree.depth, leaf)
        else:
            for level in range(min(len(path), tree.depth - 1), 0, -1):
                below = [i for i, other in enumerate(tree.paths) if other[:level] == path[:level]]
                is_parent = len(path) > level or len(below) > 1
                if is_parent and paths.probabilities[row, level - 1] >= needed[level - 1]:
                    expected = (level, int(tree.ancestor(level)[leaf]))
                    break
        assert tuple(given[row].tolist()) == expected


def test_a_leaf_further_up_is_accepted_and_a_node_above_others_backed_off_to():
    maps, fiction, toys = (int(RAGGED.leaf_index(i)) for i in (14, 13, 30))
    dense = np.full((3, len(RAGGED)), 0.01, np.float32)
    dense[[0, 1, 2], [maps, fiction, toys]] = 0.93
    # a lower threshold for parents is none for leaves
    given = decide(answer_paths(dense, RAGGED), by_levels(RAGGED, 0.94, 0.92, 0.92, 0.95), RAGGED)
    assert given[:, 0].tolist() == [1, 2, 0]
    assert RAGGED.node_path(2, int(given[1, 1])) == ("BOOKS", "FICTION")
    given = decide(answer_paths(dense, RAGGED), by_levels(RAGGED, 0.99, 0.99, 0.99, 0.9), RAGGED)
    assert given.tolist() == [[4, maps], [4, fiction], [4, toys]]
    assert {decision_of(int(level), RAGGED.depth) for level in given[:, 0]} == {Decision.ACCEPT}


def test_what_leaves_further_up_are_worth_says_nothing_of_parents():
    """TOYS is always wrong; APPLE never right, FRUIT above it always: this is given, that is not."""
    n, toys, apple = 1200, int(RAGGED.leaf_index(30)), int(RAGGED.leaf_index(20))
    is_toy = np.arange(n) % 2 == 0
    leaf = np.where(is_toy, toys, apple)
    nodes = np.stack([RAGGED.ancestor(level)[leaf] for level in RAGGED.levels], axis=1)
    found = replace(
        scores(np.full(n, 0.8), is_toy), predicted=nodes, confidence=np.full((n, 4), 0.8, np.float32),
        distance=np.where(is_toy, 4, 2),
    )  # fmt: skip
    for rows, own in ((n, True), (2 * MIN_OWN - 2, False)):
        # on each Cat I by itself, or, as few products have it, shared between them
        some = found.select(np.arange(rows))
        fitted = Thresholds.fit(some, RAGGED, 0.9, 0.9)
        assert fitted.own.any() == own
        given = given_by_scores(some, fitted, RAGGED)
        assert (given[is_toy[:rows]] == 0).all()
        assert (given[~is_toy[:rows]] == [2, RAGGED.ancestor(2)[apple]]).all()


def test_a_tree_of_one_level_accepts_or_sends_to_review():
    dense = np.array([[0.9, 0.1, 0, 0, 0], [0.5, 0.3, 0.2, 0, 0]], np.float32)
    given = decide(answer_paths(dense, FLAT), by_levels(FLAT, 0.8), FLAT)
    assert given.tolist() == [[1, 0], [0, 0]]
    assert [decision_of(int(level), 1) for level in given[:, 0]] == [Decision.ACCEPT, Decision.REVIEW]


def test_a_cat1_that_is_likelier_than_that_of_the_answer_is_not_given():
    # B's only leaf is the likeliest, A as a whole is likelier than B
    paths = answer_paths(np.array([[0.2, 0.2, 0.15, 0.45]], np.float32), TREE)
    assert TREE.paths[int(paths.leaves[0])] == ("B", "Z", "S")
    assert decide(paths, everywhere(0.5, 0.5, 0.5), TREE)[0, 0] == 0
    level, node = decide(paths, everywhere(0.4, 0.5, 0.5), TREE)[0].tolist()
    assert TREE.node_path(level, node) == ("B",)


def two_cat1(rng: np.random.Generator, n: int) -> tuple[ProductScores, np.ndarray]:
    """Products put on A are right as often as they say, those put on B far less often; and where each was put."""
    confidence = rng.uniform(0.5, 1, n)
    on_b = rng.random(n) < 0.3
    correct = rng.random(n) < np.where(on_b, confidence - 0.35, confidence)
    found = scores(confidence, correct)
    found.predicted[:, 0] = on_b
    return found, on_b


def test_a_cat1_that_is_wrong_more_often_gets_thresholds_of_its_own():
    found, on_b = two_cat1(np.random.default_rng(2), 4000)
    own = thresholds(found, 0.9, 0.9)
    assert own.own.all()
    assert own.table[0, 2] < 0.95
    assert own.table[1, 2] > own.table[0, 2]
    given = given_by_scores(found, own, TREE)
    for cat1_b in (False, True):
        accepted = (given[:, 0] == 3) & (on_b == cat1_b)
        assert not accepted.any() or found.correct[accepted, 2].mean() >= 0.9


def test_cat1_with_few_products_share_their_thresholds():
    rng = np.random.default_rng(3)
    few = MIN_OWN // 2
    confidence = rng.uniform(0.9, 1, 2 * few)
    found = scores(confidence, np.ones(2 * few, bool))
    found.predicted[few:, 0] = 1
    own = thresholds(found, 0.9, 0.9)
    assert not own.own.any()
    assert own.table[0].tolist() == own.table[1].tolist()
    assert own.table[0, 2] < NEVER


def test_a_parents_threshold_is_learnt_where_it_is_used():
    # the surest half is right at every level; the rest is right at Cat II in half of the cases only
    n = 2000
    sure = np.arange(n) < n // 2
    found = scores(np.linspace(1, 0.5, n), sure, np.where(sure, 0, np.where(np.arange(n) % 2 == 0, 1, 3)))
    own = thresholds(found, 0.95, 0.9)
    given = given_by_scores(found, own, TREE)
    assert (given[: n // 2 - 20, 0] == 3).all()
    # over all products with that probability Cat II would look right 95 % of the time far further down
    assert ((given[:, 0] == 2).sum()) < 200


def test_more_products_on_a_cat1_never_cost_it_its_thresholds():
    """At a target this high a few hundred flawless products prove something together, but not each Cat I's alone."""
    for on_b in (199, 201, 300):
        found = scores(np.linspace(1, 0.9, 600), np.ones(600, bool))
        found.predicted[:on_b, 0] = 1
        assert (thresholds(found, 0.99, 0.9).table[:, 2] < NEVER).all()
