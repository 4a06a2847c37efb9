"""Samples: as many as asked, groups whole, leaves kept, categories level, every product as likely as any other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.samples.drawing import Population, draw


def population(rng: np.random.Generator, n: int, n_leaves: int, n_groups: int, level: int) -> Population:
    """Products on leaves of uneven size, linked at random; `level` 3: a quota per leaf, 1: per pair of leaves."""
    weight = rng.random(n_leaves) ** 2 + 0.01
    leaf = rng.choice(n_leaves, n, p=weight / weight.sum())
    _, leaf = np.unique(leaf, return_inverse=True)
    _, group = np.unique(rng.integers(0, n_groups, n), return_inverse=True)
    return Population(group, {0: leaf * 0, 1: leaf // 2, 3: leaf}[level], leaf)


@settings(max_examples=150)
@given(
    st.integers(0, 10**6),
    st.integers(1, 60),
    st.integers(1, 8),
    st.integers(1, 80),
    st.sampled_from([0, 1, 3]),
    st.integers(0, 3),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_groups_are_whole_and_numbers_hold(seed, n, n_leaves, n_groups, level, least, power, share):
    products = population(np.random.default_rng(seed), n, n_leaves, n_groups, level)
    wanted = max(1, round(share * n))
    largest = np.bincount(products.group).max()
    if least and wanted <= least * n_leaves * largest:
        # the minimum alone may take more: groups bring others along
        wanted = n
    drawn = draw(products, wanted, power, least, np.random.default_rng(seed))
    inside = np.bincount(products.group, weights=drawn)
    assert ((inside == 0) | (inside == np.bincount(products.group))).all()
    assert abs(drawn.sum() - wanted) < largest
    if drawn.sum() < wanted:
        # nothing is left that would have made it whole
        assert not ((np.bincount(products.group)[products.group] == 1) & ~drawn).any()
    have, available = np.bincount(products.leaf, drawn), np.bincount(products.leaf)
    assert (have >= np.minimum(least, available)).all()


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(1, 9), st.floats(0, 1))
def test_without_copies_a_balanced_sample_is_level_to_one_product(seed, n, n_leaves, share):
    products = population(np.random.default_rng(seed), n, n_leaves, 10**9, 3)
    assert len(np.unique(products.group)) == n
    drawn = draw(products, max(1, round(share * n)), 0.0, 0, np.random.default_rng(seed))
    assert drawn.sum() == max(1, round(share * n))
    have, available = np.bincount(products.leaf, drawn), np.bincount(products.leaf)
    open_ = have[have < available]
    assert not len(open_) or have.max() - open_.min() <= 1


def test_with_copies_across_leaves_a_balanced_sample_stays_nearly_level():
    rng = np.random.default_rng(3)
    leaf = np.repeat(np.arange(10), [30, 40, 50, 60, 80, 100, 150, 200, 300, 500])
    group = np.arange(len(leaf))
    linked = rng.choice(len(leaf), 300, replace=False)
    group[linked] = rng.integers(0, 60, 300) + len(leaf)
    _, group = np.unique(group, return_inverse=True)
    for seed in range(5):
        drawn = draw(Population(group, leaf, leaf), 200, 0.0, 0, np.random.default_rng(seed))
        have = np.bincount(leaf, drawn)
        assert abs(have.sum() - 200) <= 5
        assert have.min() >= 17
        assert have.max() <= 26


@pytest.mark.slow
def test_every_product_is_as_likely_as_any_other():
    group = np.concatenate([np.arange(40), np.repeat(40, 3), [41, 41], np.arange(42, 57)])
    nothing = np.zeros(60, np.int64)
    times = np.zeros(60)
    n_draws = 2000
    for seed in range(n_draws):
        times += draw(Population(group, nothing, nothing), 20, 0.0, 0, np.random.default_rng(seed))
    single = np.bincount(group)[group] == 1
    expected = times[single].mean()
    # chi-square over the products without copies: 54 degrees of freedom, 99.9 % below 94
    chi_square = ((times[single] - expected) ** 2 / (expected * (1 - expected / n_draws))).sum()
    assert chi_square < 94
    assert expected / n_draws == pytest.approx(20 / 60, abs=0.01)
    # a group that no longer fits at the end is passed over: a little rarer
    assert times[~single].min() / n_draws > 0.26


def test_the_seed_decides():
    products = population(np.random.default_rng(0), 100, 5, 60, 3)
    first, again, other = (draw(products, 40, 0.5, 1, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert (first == again).all()
    assert (first != other).any()


def test_too_many_are_refused():
    products = population(np.random.default_rng(0), 50, 5, 10**9, 3)
    with pytest.raises(ValueError, match="there are only 50 to draw from"):
        draw(products, 51, 0.0, 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="--min-per-leaf 9 alone takes"):
        draw(products, 10, 0.0, 9, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(4))
def test_what_a_group_brings_another_leaf_counts_towards_its_minimum(seed):
    leaf = np.array([0, 0, 1, 1])
    linked = Population(np.array([0, 1, 0, 1]), np.zeros(4, np.int64), leaf)
    drawn = draw(linked, 2, 0.0, 1, np.random.default_rng(seed))
    assert leaf[drawn].tolist() == [0, 1]
