"""Clipped leaves: against adding groups one by one; small leaves stay; diverse products stay where asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.samples.clipping import clip
from curation.samples.diverse_choice import DiverseChoice
from curation.samples.vectors import Vectors


def slow(group, leaf, at_most, orders) -> list[bool]:
    """Group after group, everything counted anew; `orders`: of the groups of each leaf that is too large."""
    products = range(len(group))
    large = [one for one in range(max(leaf) + 1) if sum(leaf[i] == one for i in products) > at_most]
    large.sort(key=lambda one: -sum(leaf[i] == one for i in products))
    taken = {g for g in group if not any(leaf[i] in large for i in products if group[i] == g)}
    refused = set()
    for one in large:
        for g in orders(one):
            if g in taken or g in refused:
                continue
            after = [leaf[i] for i in products if group[i] in taken or group[i] == g]
            if all(after.count(leaf[i]) <= at_most for i in products if group[i] == g):
                taken.add(g)
        refused |= {group[i] for i in products if leaf[i] == one} - taken
    return [g in taken for g in group]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), min_size=1, max_size=40), st.integers(1, 9))
def test_groups_are_whole_and_no_leaf_is_larger_than_asked_for(pairs, at_most):
    group = np.unique([g for g, _ in pairs], return_inverse=True)[1]
    leaf = np.array([one for _, one in pairs])

    def arrange(seeds, free, room):
        return np.unique(group[free])

    stays = clip(group, leaf, at_most, np.random.default_rng(0), arrange)
    expected = slow(group.tolist(), leaf.tolist(), at_most, lambda one: sorted(set(group[leaf == one].tolist())))
    assert stays.tolist() == expected
    at_random = clip(group, leaf, at_most, np.random.default_rng(1))
    for kept in (stays, at_random):
        assert np.bincount(leaf[kept], minlength=5).max() <= at_most
        assert all(len(set(kept[group == g].tolist())) == 1 for g in set(group.tolist()))


def test_chance_takes_every_product_of_a_large_leaf_as_often():
    leaf = np.array([0] * 20 + [1] * 3)
    n = np.zeros(23)
    for seed in range(400):
        n += clip(np.arange(23), leaf, 5, np.random.default_rng(seed))
    assert (n[20:] == 400).all()
    assert n[:20].sum() == 400 * 5
    assert np.abs(n[:20] / 400 - 0.25).max() < 0.1


def test_what_stays_of_a_leaf_is_spread_out():
    rng = np.random.default_rng(0)
    looks = np.repeat(np.arange(10), [91, *[1] * 9])
    rows = (np.eye(10)[looks] + rng.normal(size=(100, 10)) * 0.001).astype(np.float32)
    diverse = DiverseChoice(Vectors(rows, np.arange(100)), np.arange(100), rng)
    stays = clip(np.arange(100), np.zeros(100, int), 10, rng, diverse)
    assert set(looks[stays].tolist()) == set(range(10))
