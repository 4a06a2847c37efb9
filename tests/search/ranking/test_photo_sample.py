"""A sample of photos: bounded, of whole products, and what its photos find."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.ranking import photo_sample
from search.ranking.photo_sample import PhotoSample
from search.ranking.whitening_trial import places
from tests.support.embeddings import unit


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 4), min_size=1, max_size=10))
def test_what_photos_find_one_by_one(seed, photos):
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.repeat(np.arange(len(photos)) * 3, photos))
    sample = PhotoSample.of(unit(rng.normal(size=(len(ids), 4))), ids)
    assert sorted(sample.owner.tolist()) == sorted(ids.tolist())
    assert sample.asks.sum() == sum(n > 1 for n in photos)
    for asked in sample.ask(sample.vectors, np.flatnonzero(sample.asks)):
        for row, place in zip(asked.rows.tolist(), places(asked).tolist(), strict=True):
            cosines = sample.vectors @ sample.vectors[row]
            best = {
                one: max(float(cosines[at]) for at in range(len(ids)) if sample.owner[at] == one and at != row)
                for one in set(np.delete(sample.owner, row).tolist())
            }
            assert sorted(best, key=lambda one: -best[one]).index(sample.owner[row]) + 1 == place


def test_it_is_bounded_and_of_whole_products(monkeypatch):
    monkeypatch.setattr(photo_sample, "MAX_PRODUCTS", 5)
    monkeypatch.setattr(photo_sample, "MAX_PHOTOS", 18)
    ids = np.concatenate([np.repeat(np.arange(20), 3), 100 + np.arange(30)])
    sample = PhotoSample.of(np.ones((len(ids), 2)), ids)
    kept, size = np.unique(sample.owner, return_counts=True)
    assert len(sample.owner) == 18
    assert (size[kept < 100] == 3).all()
    assert (kept < 100).sum() == 5


def test_what_belongs_together_is_in_one_fold():
    ids = np.repeat(np.arange(50), 2)
    sample = PhotoSample.of(np.ones((100, 2)), ids, ids // 5)
    assert all(len(set(sample.fold[sample.owner // 5 == one].tolist())) == 1 for one in range(10))
    assert set(sample.fold.tolist()) == set(range(photo_sample.FOLDS))


def test_zeros_and_nothing():
    assert len(PhotoSample.of(np.zeros((3, 2)), np.arange(3)).owner) == 0
    empty = PhotoSample.of(np.zeros((0, 2)), np.zeros(0, np.int64))
    assert (len(empty.products), len(empty.asks)) == (0, 0)
