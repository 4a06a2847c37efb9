"""How many photos a step learns from when several processes share in it."""

from __future__ import annotations

import pytest

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.training.effective_batch import EffectiveBatch


@pytest.mark.parametrize(
    ("accumulate", "n_devices", "share", "photos"),
    [(1, 1, 1, 32), (4, 1, 4, 128), (4, 2, 2, 128), (4, 4, 1, 128), (1, 4, 1, 128), (6, 4, 2, 256), (4, 8, 1, 256)],
)
def test_processes_share_the_batches_of_a_step(accumulate, n_devices, share, photos):
    settings = load_config(MosaicConfig, "mosaic", overrides=[f"training.accumulate={accumulate}"])
    batch = EffectiveBatch.of(settings, settings.training, n_devices)
    assert (batch.accumulate, batch.photos) == (share, photos)
    assert (batch.deviation() == "") == (photos == 32 * accumulate)


def test_what_is_said_of_a_larger_step_names_the_batch_that_keeps_it():
    settings = load_config(MosaicConfig, "mosaic")
    said = EffectiveBatch.of(settings, settings.training, 4).deviation()
    assert said.startswith("128 photos a step (32 a batch x 4 processes)")
    assert "the configuration has 32" in said
    smaller = load_config(MosaicConfig, "mosaic", overrides=["photos_per_batch=8"])
    assert "--set photos_per_batch=8 keeps" in said
    assert EffectiveBatch.of(smaller, smaller.training, 4).photos == 32
