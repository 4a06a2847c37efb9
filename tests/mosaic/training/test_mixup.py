"""Mixup and cutmix: what is blended is what the labels say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training.mixup import mixup_or_cutmix

PLAIN = load_config(MosaicConfig, "mosaic").training


def photos(batch: int = 6, n: int = 2, size: int = 16) -> torch.Tensor:
    """Every photo of one value, which tells product and rank."""
    values = torch.arange(batch * n, dtype=torch.float32).view(batch, n, 1, 1, 1)
    return values.expand(batch, n, size, size, 3).contiguous()


def blended(seed: int, **options: float):
    return mixup_or_cutmix(photos(), PLAIN.model_copy(update=options), np.random.default_rng(seed))


def test_nothing_is_blended_unless_asked_or_with_a_single_product():
    mixed = blended(0)
    assert mixed.share == 1
    assert (mixed.photos == photos()).all()
    alone = mixup_or_cutmix(photos(1), PLAIN.model_copy(update={"mixup": 1.0}), np.random.default_rng(0))
    assert alone.share == 1


@pytest.mark.parametrize("seed", range(10))
def test_mixup_is_the_weighted_sum_with_the_partner(seed):
    mixed = blended(seed, mixup=0.5)
    assert sorted(mixed.partner.tolist()) == list(range(6))
    expected = mixed.share * photos() + (1 - mixed.share) * photos()[mixed.partner]
    torch.testing.assert_close(mixed.photos, expected)


@pytest.mark.parametrize("seed", range(10))
def test_cutmix_takes_a_rectangle_of_the_same_photo_and_counts_its_area(seed):
    mixed, before = blended(seed, cutmix=1.0), photos()
    from_partner = torch.tensor(0.0)
    for row, partner in enumerate(mixed.partner.tolist()):
        kept = (mixed.photos[row] == before[row]).all(-1)
        taken = (mixed.photos[row] == before[partner]).all(-1)
        assert (kept | taken).all()
        if partner != row:
            from_partner = (~kept).float().mean()
            assert (kept[0] == kept[1]).all()
    assert float(from_partner) == pytest.approx(1 - mixed.share, abs=1e-6)


def test_with_both_on_each_batch_draws_one():
    kinds = set()
    for seed in range(30):
        mixed = blended(seed, mixup=1.0, cutmix=1.0)
        kinds.add(bool((mixed.photos == mixed.photos.round()).all()))
    assert kinds == {True, False}


def test_the_mean_share_is_that_of_the_beta_law():
    shares = [blended(seed, mixup=0.4).share for seed in range(300)]
    assert abs(np.mean(shares) - 0.5) < 0.07
    assert np.mean([abs(s - 0.5) > 0.4 for s in shares]) > 0.35
