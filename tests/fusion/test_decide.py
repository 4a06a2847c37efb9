"""Thresholds keep their promise on fresh data; climbing gives the deepest sure node."""

from __future__ import annotations

import numpy as np

from catalog.metrics import Scores
from catalog.taxonomy import Taxonomy
from fusion.decide import NEVER, Decision, Thresholds, decide, decision_of, fit_thresholds

TREE = Taxonomy([(1, ("A", "X", "P")), (2, ("A", "X", "Q")), (3, ("A", "Y", "R")), (4, ("B", "Z", "S"))])


def scores(confidence: np.ndarray, correct: np.ndarray) -> Scores:
    """Scores with the same confidence and correctness at all three levels."""
    n = len(confidence)
    three = np.repeat(confidence[:, None], 3, axis=1).astype(np.float32)
    rank = np.where(np.repeat(correct[:, None], 3, axis=1), 0, 1)
    zeros = np.zeros((n, 3), np.int64)
    ids, ones, first = np.arange(n), np.ones(n, np.int8), zeros[:, 0]
    return Scores(ids, ones, first, zeros, three, rank, three, first, first.astype(np.float32))


def test_the_target_precision_is_kept_as_often_as_promised():
    rng = np.random.default_rng(0)
    kept, useful = 0, 0
    for _ in range(200):
        confidence = rng.uniform(0.5, 1, 800)
        correct = rng.random(800) < confidence
        threshold = fit_thresholds(scores(confidence, correct), 0.9, 0.9).leaf
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
    assert fit_thresholds(scores(confidence, correct), 0.95, 0.9).leaf < 0.6


def test_nothing_is_accepted_when_nothing_is_sure_or_data_are_too_few():
    rng = np.random.default_rng(1)
    coin = scores(rng.uniform(0.5, 1, 500), rng.random(500) < 0.5)
    assert fit_thresholds(coin, 0.95, 0.9) == Thresholds(NEVER, NEVER, NEVER)
    few = scores(np.full(10, 0.99), np.ones(10, bool))
    assert fit_thresholds(few, 0.95, 0.9).leaf == NEVER


def test_climbing_gives_the_deepest_sure_node():
    dense = np.array(
        [[0.9, 0.05, 0.03, 0.02], [0.5, 0.42, 0.05, 0.03], [0.4, 0.1, 0.45, 0.05], [0.3, 0.1, 0.1, 0.5]], np.float32
    )
    given = decide(dense, Thresholds(0.9, 0.9, 0.9), TREE)
    assert given[:, 0].tolist() == [3, 2, 1, 0]
    assert given[0, 1] == 0
    assert TREE.node_path(2, int(given[1, 1])) == ("A", "X")
    assert TREE.node_path(1, int(given[2, 1])) == ("A",)
    assert [decision_of(level) for level in (3, 2, 1, 0)] == [
        Decision.ACCEPT, Decision.PARENT, Decision.PARENT, Decision.REVIEW,
    ]  # fmt: skip
