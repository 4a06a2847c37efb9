"""Intervals hold their level; the bootstrap equals one that draws the products themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import binom

from catalog.metrics import intervals
from catalog.metrics.intervals import (
    accuracy_interval,
    bootstrap,
    exact_share,
    grouped_share,
    mean_intervals,
    n_draws,
    paired_difference,
    percentiles,
    reflected,
)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
def test_the_bootstrap_equals_drawing_the_products_one_by_one(seed, n, one_at_a_time):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, n)) * (rng.random((3, n)) < 0.7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "BLOCK", 1 if one_at_a_time else 7 * n)
        found = bootstrap(csr_array(values), lambda sums: np.stack([sums[0] / n, sums[1] - sums[2]]), seed, draws=20)
    again = np.random.default_rng(seed)
    assert found.shape == (2, 20)
    for draw in range(20):
        drawn = [int(i) for i in again.integers(0, n, size=n)]
        total = [sum(values[c, i] for i in drawn) for c in range(3)]
        assert found[:, draw] == pytest.approx([total[0] / n, total[1] - total[2]])


def test_large_catalogues_get_fewer_draws():
    assert [n_draws(n) for n in (0, 1000, 20_000, 50_000, 100_000, 1_700_000)] == [1000, 1000, 1000, 400, 200, 200]


def test_undefined_draws_are_left_out_of_an_interval():
    drawn = np.array([[np.nan, 1.0, 3.0, np.nan], [np.nan] * 4])
    found = percentiles(drawn)
    assert found[0] == pytest.approx([1.05, 2.95])
    assert np.isnan(found[1]).all()


def test_a_reflected_interval_is_turned_round_its_figure():
    drawn = np.array([np.linspace(0.03, 0.07, 1001)])
    assert reflected(np.array([0.04]), drawn)[0] == pytest.approx([0.011, 0.049])
    assert reflected(np.array([0.03]), drawn)[0, 0] == 0


@given(st.integers(1, 60), st.data())
def test_exact_shares_are_the_ends_at_which_a_tail_is_reached(n, data):
    k = data.draw(st.integers(0, n))
    low, high = exact_share(k, n)
    assert low <= k / n <= high
    # at the lower end so many or more are just likely enough, at the upper end so many or fewer
    assert (low == 0) if k == 0 else (binom.sf(k - 1, n, low) == pytest.approx(0.025, abs=1e-6))
    assert (high == 1) if k == n else (binom.cdf(k, n, high) == pytest.approx(0.025, abs=1e-6))


@given(st.integers(1, 60), st.data())
def test_a_share_of_products_that_stand_alone_has_its_exact_interval(n, data):
    k = data.draw(st.integers(0, n))
    found = grouped_share(np.arange(n) < k, np.arange(n)[::-1] * 7)
    assert (found.value, found.low, found.high) == pytest.approx((k / n, *exact_share(k, n)))


@given(st.integers(10, 30), st.integers(2, 6), st.data())
def test_a_share_of_copies_is_as_sure_as_that_of_one_of_each(n, copies, data):
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    found = grouped_share(np.repeat(flags, copies), np.repeat(np.arange(n), copies))
    assert (found.low, found.high) == pytest.approx(exact_share(int(flags.sum()), n), abs=0.025)


def test_the_interval_of_a_share_of_groups_holds_its_level():
    rng, hits = np.random.default_rng(3), 0
    for _ in range(400):
        group = rng.integers(0, 30, size=120)
        # of a group all are right, or none, but for one in ten
        flags = (rng.random(30) < 0.8)[group] ^ (rng.random(120) < 0.1)
        found = grouped_share(flags, group)
        hits += found.low <= 0.8 * 0.9 + 0.2 * 0.1 <= found.high
    assert hits / 400 >= 0.93


def test_one_group_or_none_tells_next_to_nothing():
    one = grouped_share(np.array([True, True, False]), np.zeros(3, np.int64))
    assert one.low < 0.1
    assert one.high > 0.95
    assert np.isnan(grouped_share(np.zeros(0, bool), np.zeros(0, np.int64)).value)


def test_means_of_columns_with_their_intervals():
    values = np.random.default_rng(0).normal([1.0, -2.0], [1.0, 3.0], size=(400, 2))
    found = mean_intervals(values)
    assert found[:, 0] == pytest.approx(values.mean(axis=0))
    assert (found[:, 2] - found[:, 1]) / 2 == pytest.approx(1.96 * values.std(axis=0) / 20, rel=0.1)


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


def test_a_paired_difference_of_a_known_case():
    a = np.array([True] * 60 + [False] * 40)
    b = np.array([True] * 40 + [False] * 20 + [True] * 10 + [False] * 30)
    difference, low, high = paired_difference(a, b)
    assert difference == pytest.approx(0.1)
    # wins 20, losses 10 of 100: the standard error is sqrt(0.3 - 0.1 ** 2) / 10
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.29) / 10, rel=0.1)
    assert paired_difference(a, a) == (0, 0, 0)
    assert paired_difference(a, b) == paired_difference(a, b)
