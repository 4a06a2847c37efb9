"""Which photos stand together in batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mosaic.training.batches import Examples
from mosaic.training.matching.batches import PHOTOS_OF_GROUP, WithinLeafSampler
from mosaic.training.matching.groups import ALONE
from tests.mosaic.training.matching.test_train import config


def sampler(labels: np.ndarray, group: np.ndarray, alone: float = 1, photos: int = 16, **options: object):
    n = len(labels)
    examples = Examples(np.arange(n), labels, np.full(n, 2, np.int8), np.ones(n, np.int8), np.zeros(n, np.int8))
    training = config().specialist
    return WithinLeafSampler(
        examples, photos, training, 0, group=group, photos_per_leaf=8, alone=alone, **options
    )  # fmt: skip


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 9))
def test_an_epoch_shows_every_photo_once_in_whole_pieces_of_groups(seed, n, n_groups):
    rng = np.random.default_rng(seed)
    group = rng.integers(ALONE, n_groups, n)
    leaf_of_group = rng.integers(0, 3, n_groups)
    labels = np.where(group == ALONE, rng.integers(0, 3, n), leaf_of_group[group])
    order = sampler(labels, group, alone=n)._drawn(np.random.default_rng(seed))
    together = (group != ALONE).any()
    assert sorted(order) == list(range(n)) if together else len(order) == 0
    # a group of at most as many photos as stand together stands in one piece
    for one in range(n_groups):
        places = np.flatnonzero(group[order] == one)
        if 0 < len(places) <= PHOTOS_OF_GROUP:
            assert places[-1] - places[0] == len(places) - 1


def test_a_batch_holds_several_groups_of_a_leaf_and_several_leaves():
    group, labels = np.arange(400) // 2, np.arange(400) // 100
    batches = sampler(labels, group).epoch(0)
    same, leaves = [], []
    for batch in batches:
        of_batch = labels[batch.examples]
        same.append(np.mean([(of_batch == leaf).sum() for leaf in of_batch]))
        leaves.append(len(set(of_batch)))
    # a shuffled batch of 16 holds 4.75 photos of a photo's leaf on average
    assert np.mean(same) > 8
    assert np.mean(leaves) > 1.4
    assert sorted(np.concatenate([batch.examples for batch in batches])) == list(range(400))


def test_photos_without_another_one_are_a_share_of_the_others():
    group = np.array([0, 0, 1, 1, *[ALONE] * 20])
    order = sampler(np.zeros(24, int), group, alone=0.5)._drawn(np.random.default_rng(0))
    assert (group[order] != ALONE).sum() == 4
    assert (group[order] == ALONE).sum() == 2


def test_a_limit_of_a_leaf_takes_whole_groups():
    group = np.arange(40) // 2
    order = sampler(np.zeros(40, int), group, limits=np.array([6]))._drawn(np.random.default_rng(0))
    assert len(order) == 6
    assert len(set(group[order])) == 3


@pytest.mark.parametrize("seed", [0, 1])
def test_epochs_differ_and_are_the_same_again(seed):
    group, labels = np.arange(64) // 2, np.arange(64) // 32
    first, again = (sampler(labels, group) for _ in range(2))
    np.testing.assert_array_equal(first.epoch(seed)[0].examples, again.epoch(seed)[0].examples)
    assert (first.epoch(seed)[0].examples != again.epoch(seed + 1)[0].examples).any()
