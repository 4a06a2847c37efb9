"""Leaves whose groups are accidental are told from those of different products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mosaic.training.matching.groups import ALONE
from mosaic.training.matching.told_apart import own_group_closer, share_told_apart


@given(st.integers(0, 1000), st.integers(1, 12))
def test_it_is_the_share_of_pairs_of_which_the_own_one_is_closer(seed, n):
    rng = np.random.default_rng(seed)
    # coarse vectors have ties
    vectors = rng.integers(-2, 3, (n, 3)).astype(np.float32) + np.float32(0.25)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # whole numbers of 1/4096: sums are the same in any order
    group, cosines = rng.integers(ALONE, 3, n), vectors @ vectors.T
    expected = []
    for i in range(n):
        own = [j for j in range(n) if j != i and group[j] == group[i] != ALONE]
        others = [j for j in range(n) if group[j] != group[i]]
        wins = [(cosines[i, a] > cosines[i, b]) + 0.5 * (cosines[i, a] == cosines[i, b]) for a in own for b in others]
        if wins:
            expected.append(np.mean(wins))
    got = own_group_closer(vectors, group)
    assert len(got) == len(expected)
    np.testing.assert_allclose(got, expected, atol=0.51 / max(1, n))


def test_groups_at_random_are_at_chance_and_products_are_not():
    rng = np.random.default_rng(0)
    leaf, group = np.repeat([0, 1], 80), np.arange(160) // 2
    centres = rng.normal(size=(80, 16))
    vectors = rng.normal(size=(160, 16))
    vectors[80:] += 2 * centres[group[80:]]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    at_random, products, nothing = share_told_apart(
        vectors.astype(np.float32), group, leaf, np.array([5, 6, 9]), np.random.default_rng(0)
    )
    assert at_random == pytest.approx(0.5, abs=0.07)
    assert products > 0.9
    # neither it nor its shelf has a photo that tells
    assert np.isnan(nothing)


def test_few_photos_are_drawn_to_what_their_shelf_shows():
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, *[2] * 6]]
    group, leaf = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4]), np.array([0] * 4 + [1] * 6)
    first, second = share_told_apart(vectors, group, leaf, np.array([7, 7]), np.random.default_rng(0))
    # 4 photos of 1, 6 of 0.5: a shelf of 0.7
    assert first == pytest.approx((4 * 1 + 40 * 0.7) / 44)
    assert second == pytest.approx((6 * 0.5 + 40 * 0.7) / 46)
