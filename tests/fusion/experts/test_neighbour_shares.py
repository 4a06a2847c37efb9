"""How neighbours are counted, against the slow obvious way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.experts.neighbour_shares import LISTED, K, NearestLabelled, NeighbourShares

N_LEAVES = 30


@st.composite
def neighbours(draw: st.DrawFn) -> NearestLabelled:
    n, k = draw(st.integers(1, 5)), draw(st.integers(1, K))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = -np.sort(-rng.uniform(-1, 1, (n, k)).astype(np.float32), axis=1)
    leaves = rng.integers(-1, N_LEAVES, (n, k))
    n_there = rng.integers(0, k + 1, n)
    missing = np.arange(k) >= n_there[:, None]
    scores[missing], leaves[missing] = -np.inf, -1
    return NearestLabelled(scores, rng.integers(0, 1000, (n, k)), leaves)


counted = st.builds(NeighbourShares, st.integers(1, K), st.floats(0.005, 1), st.floats(-1, 1))


def slow_shares(shares: NeighbourShares, nearest: NearestLabelled, row: int) -> tuple[dict[int, float], float]:
    """Share of each leaf, and of what was never seen."""
    weights: dict[int, float] = {}
    for score, leaf in list(zip(nearest.scores[row].tolist(), nearest.leaves[row].tolist(), strict=True))[: shares.k]:
        if leaf >= 0:
            weights[leaf] = weights.get(leaf, 0.0) + math.exp(score / shares.temperature)
    unseen = math.exp(shares.unseen / shares.temperature)
    total = sum(weights.values()) + unseen
    return {leaf: weight / total for leaf, weight in weights.items()}, unseen / total


@given(neighbours(), counted)
def test_shares_are_those_of_the_slow_way(nearest, shares):
    leaves, values, rest = shares.shares(nearest)
    assert leaves.shape == values.shape == (len(nearest), LISTED)
    for row in range(len(nearest)):
        expected, unseen = slow_shares(shares, nearest, row)
        expected = {leaf: share for leaf, share in expected.items() if share > 1e-300}
        listed = dict(zip(leaves[row].tolist(), values[row].tolist(), strict=True))
        if not expected:
            assert rest[row] == 1
            assert not values[row].any()
            continue
        largest = sorted(expected.values(), reverse=True)[:LISTED]
        assert sorted(listed.values(), reverse=True) == pytest.approx(largest, abs=1e-6)
        assert all(expected[leaf] == pytest.approx(value, abs=1e-6) for leaf, value in listed.items())
        assert (np.diff(values[row]) <= 0).all()
        assert rest[row] == pytest.approx(unseen + sum(expected.values()) - sum(largest), abs=1e-5)


@given(neighbours(), counted, st.integers(0, N_LEAVES - 1))
def test_likelihood_is_that_of_the_slow_way(nearest, shares, leaf):
    frequency = np.full(N_LEAVES, 1 / N_LEAVES)
    expected = []
    for row in range(len(nearest)):
        known, unseen = slow_shares(shares, nearest, row)
        expected.append(math.log(max(known.get(leaf, 0.0) or unseen / N_LEAVES, 1e-9)))
    truth = np.full(len(nearest), leaf)
    assert shares.likelihood(nearest, truth, frequency) == pytest.approx(np.mean(expected), rel=1e-4, abs=1e-4)


def test_what_looks_like_nothing_is_told_to_be_of_any_category():
    near = NearestLabelled(np.array([[0.9] * 5, [0.1] * 5], np.float32), np.zeros((2, 5), int), np.zeros((2, 5), int))
    _, values, rest = NeighbourShares(5, 0.05, 0.5).shares(near)
    assert values[0, 0] > 0.99
    assert rest[1] > 0.99


def test_the_choice_is_the_likeliest_and_always_the_same():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, N_LEAVES, 400)
    # the nearest three are right, and those that follow are of any leaf
    leaves = rng.integers(0, N_LEAVES, (400, K))
    leaves[:, :3] = truth[:, None]
    scores = np.tile(np.linspace(0.9, 0.5, K, dtype=np.float32), (400, 1))
    nearest = NearestLabelled(scores, np.zeros_like(leaves), leaves)
    frequency = np.full(N_LEAVES, 1 / N_LEAVES)
    chosen = NeighbourShares.fit(nearest, truth, frequency)
    assert chosen == NeighbourShares.fit(nearest, truth, frequency)
    assert chosen.k == 3
    assert chosen.likelihood(nearest, truth, frequency) > math.log(0.9)
    worse = NeighbourShares(K, chosen.temperature, chosen.unseen)
    assert worse.likelihood(nearest, truth, frequency) < chosen.likelihood(nearest, truth, frequency)


def test_numbers_that_count_nothing_are_refused():
    for k, temperature, unseen in (
        (0, 0.1, 0.0),
        (K + 1, 0.1, 0.0),
        (3, 0.0, 0.0),
        (3, math.nan, 0.0),
        (3, 1, math.inf),
    ):
        with pytest.raises(ValueError, match="counts no neighbours"):
            NeighbourShares(k, temperature, unseen)
    nothing = NearestLabelled(np.full((1, 2), -np.inf, np.float32), np.zeros((1, 2), int), np.full((1, 2), -1))
    with pytest.raises(ValueError, match="no product has"):
        NeighbourShares.fit(nothing, np.zeros(1, int), np.ones(1))
