"""Quotas against a slow, obvious water-filling, and their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.samples.allocation import allocate

SIZES = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def slow_water_filling(sizes: list[int], total: int) -> list[int]:
    """One product at a time to a category that has the fewest and still some left."""
    quota = [0] * len(sizes)
    for _ in range(total):
        open_ = [i for i in range(len(sizes)) if quota[i] < sizes[i]]
        quota[min(open_, key=lambda i: quota[i])] += 1
    return quota


@given(SIZES, st.floats(0, 1), st.integers(0, 99))
def test_power_0_is_water_filling(sizes, share, seed):
    total = int(share * sum(sizes))
    quota = allocate(np.array(sizes), total, 0.0, np.random.default_rng(seed))
    assert quota.sum() == total
    # who gets the last ones is drawn; how many get how much is not
    assert sorted(quota.tolist()) == sorted(slow_water_filling(sizes, total))
    assert (quota <= sizes).all()


@given(SIZES, st.floats(0, 1), st.floats(0, 1), st.data())
def test_bounds_hold_and_free_categories_follow_the_power(sizes, share, power, data):
    size = np.array(sizes)
    least = np.array([data.draw(st.integers(0, s)) for s in sizes])
    total = int(least.sum() + share * (size - least).sum())
    quota = allocate(size, total, power, np.random.default_rng(0), least)
    assert quota.sum() == total
    assert ((least <= quota) & (quota <= size)).all()
    # one level c serves all whom no bound holds: within one product of c * size ** power
    low = max([(q - 1) / s**power for q, s, m in zip(quota, sizes, least, strict=True) if q > m], default=0)
    high = min([(q + 1) / s**power for q, s in zip(quota, sizes, strict=True) if q < s], default=np.inf)
    assert low <= high + 1e-6


def test_power_1_keeps_the_proportions():
    quota = allocate(np.array([1000, 500, 10, 90]), 160, 1.0, np.random.default_rng(0))
    assert quota.tolist() == [100, 50, 1, 9]


def test_what_is_left_over_goes_to_no_favourite():
    winners = {int(allocate(np.full(5, 9), 1, 0.0, np.random.default_rng(seed)).argmax()) for seed in range(60)}
    assert winners == {0, 1, 2, 3, 4}


def test_impossible_totals_are_refused():
    with pytest.raises(ValueError, match="11 products cannot be shared out between 0 and 10"):
        allocate(np.array([4, 6]), 11, 0.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="between 5 and 10"):
        allocate(np.array([4, 6]), 4, 0.0, np.random.default_rng(0), np.array([2, 3]))
