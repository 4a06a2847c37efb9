"""Scores against the obvious version."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.metrics import (
    accuracy_interval,
    expected_calibration_error,
    paired_difference,
    risk_coverage,
    score,
    summarize,
)
from catalog.taxonomy import LEVELS, Taxonomy
from tests.conftest import TREE

LEAVES = [(int(r[0]), tuple(r[1:])) for r in (line.split(",") for line in TREE.splitlines()[1:])]
TAXONOMY = Taxonomy(LEAVES)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_score_equals_the_obvious_version(seed):
    rng = np.random.default_rng(seed)
    dense = rng.dirichlet(np.ones(8) * 0.4, size=12)
    truth = rng.integers(0, 8, 12)
    scores = score(dense, truth, np.arange(12), rng.integers(1, 5, 12), TAXONOMY)
    for row in range(12):
        for level in LEVELS:
            mass: dict[tuple[str, ...], float] = {}
            for p, path in zip(dense[row], TAXONOMY.paths, strict=True):
                mass[path[:level]] = mass.get(path[:level], 0) + p
            true = TAXONOMY.paths[truth[row]][:level]
            ranking = sorted(mass, key=lambda node: (-mass[node], node))
            assert TAXONOMY.node_path(level, int(scores.predicted[row, level - 1])) == ranking[0]
            assert scores.rank[row, level - 1] == ranking.index(true)
            assert scores.p_truth[row, level - 1] == pytest.approx(mass[true], abs=1e-6)
    figures = summarize(scores)
    assert figures["all"]["levels"]["3"]["top1"] == pytest.approx((dense.argmax(1) == truth).mean())
    assert sum(f["n"] for count, f in figures.items() if count != "all") == 12


def test_equal_probabilities_do_not_count_as_right():
    flat = np.full((8, 8), 1 / 8)
    scores = score(flat, np.arange(8), np.arange(8), np.ones(8, int), TAXONOMY)
    assert scores.correct[:, 2].sum() == 1


@given(st.integers(0, 10**6))
def test_calibration_error_equals_the_obvious_version(seed):
    rng = np.random.default_rng(seed)
    confidence, correct = rng.random(50), rng.random(50) < 0.6
    slow = 0.0
    for low in range(15):
        inside = (confidence >= low / 15) & (confidence < (low + 1) / 15)
        if inside.any():
            slow += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    assert expected_calibration_error(confidence, correct) == pytest.approx(slow)


def test_intervals_hold_their_level():
    rng = np.random.default_rng(0)
    inside, paired = 0, 0
    for trial in range(200):
        low, high = accuracy_interval(rng.random(300) < 0.7, seed=trial)
        inside += low <= 0.7 <= high
        a, b = rng.random(300) < 0.7, rng.random(300) < 0.6
        _, low, high = paired_difference(a, b, seed=trial)
        paired += low <= 0.1 <= high
    assert inside >= 180
    assert paired >= 180


def test_risk_coverage_of_a_known_case():
    curve = risk_coverage(np.array([0.9, 0.5, 0.7, 0.2]), np.array([True, False, True, True]))
    np.testing.assert_allclose(curve, [[0.25, 0], [0.5, 0], [0.75, 1 / 3], [1, 0.25]])
