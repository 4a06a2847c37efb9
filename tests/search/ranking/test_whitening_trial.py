"""Whitening is used where it measures better on products that it has not learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from search.ranking import photo_sample, whitening_trial
from search.ranking.whitening_trial import WhiteningTrial, learnt_whitening
from tests.support.embeddings import unit


def shop(n, noisy, seed=0, photos=2):
    """Products of `photos` photos whose first four numbers tell nothing; `noisy`: how much they vary."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n) * 7, photos)
    vectors = np.repeat(rng.normal(size=(n, 16)), photos, axis=0) + 0.5 * rng.normal(size=(n * photos, 16))
    vectors[:, :4] = noisy * rng.normal(size=(len(owner), 4))
    return unit(vectors), owner


def test_it_is_used_where_photos_of_a_product_differ_in_some_directions_alone():
    vectors, owner = shop(150, noisy=6.0)
    trial = WhiteningTrial.of(vectors, owner, 12, "network")
    assert trial.n_products == 150
    assert trial.gain.low > 0.2
    assert trial.whitened.value - trial.plain.value == pytest.approx(trial.gain.value)
    assert trial.whitening is not None
    assert (trial.whitening.width, trial.whitening.digest) == (12, "network")
    assert "it is used" in trial.text
    assert learnt_whitening(vectors, owner, 12, "network").digest_after == trial.whitening.digest_after


def test_it_is_not_used_where_everything_is_found_without():
    rng = np.random.default_rng(0)
    product = np.repeat(rng.normal(size=(100, 16)), 2, axis=0)
    trial = WhiteningTrial.of(unit(product + 0.01 * rng.normal(size=product.shape)), np.repeat(np.arange(100), 2), 12)
    assert (trial.plain.value, trial.gain.value) == (1, 0)
    assert trial.whitening is None
    assert "it is not used" in trial.text


@pytest.mark.parametrize("n", [0, 1, 29])
def test_few_products_of_several_photos_are_no_trial(n):
    vectors, owner = shop(n, noisy=6.0) if n else (np.zeros((0, 16), np.float32), np.zeros(0, np.int64))
    single = unit(np.random.default_rng(1).normal(size=(50, 16)))
    trial = WhiteningTrial.of(np.concatenate([vectors, single]), np.append(owner, 10_000 + np.arange(50)), 12)
    assert trial.whitening is None
    assert trial.n_products == n
    assert "not tried" in trial.text


def test_products_that_belong_together_never_stand_on_two_sides(monkeypatch):
    """Of two products each a photo is the same: learning from the other one would be learning from itself."""
    vectors, owner = shop(120, noisy=6.0)
    seen = []
    fit = whitening_trial.Whitening.fit

    def spy(learnt, width, groups, digest=""):
        seen.append(set(groups.tolist()))
        return fit(learnt, width, groups, digest)

    monkeypatch.setattr(whitening_trial.Whitening, "fit", spy)
    WhiteningTrial.of(vectors, owner, 12, together=owner // 14)
    assert len(seen) == photo_sample.FOLDS + 1
    for learnt in seen[:-1]:
        assert {one // 14 for one in learnt}.isdisjoint({one // 14 for one in set(owner.tolist()) - learnt})


def test_zeros_are_passed_over():
    vectors, owner = shop(40, noisy=6.0)
    # a photo more of each, and two of a product that has no other
    with_zeros = np.concatenate([np.zeros_like(vectors), vectors, np.zeros_like(vectors[:2])])
    trial = WhiteningTrial.of(with_zeros, np.concatenate([owner, owner, [999, 999]]), 12)
    assert (trial.n_products, trial.plain) == (40, WhiteningTrial.of(vectors, owner, 12).plain)
