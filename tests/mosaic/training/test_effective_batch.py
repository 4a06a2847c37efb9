"""How many photos a step learns from when several processes share in it."""

from __future__ import annotations

import re

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
    assert (batch.deviation(settings) == "") == (photos == 32 * accumulate)


def test_what_is_said_of_a_larger_step_names_settings_that_keep_it():
    given = ["training.accumulate=1", "specialist.accumulate=6"]
    settings = load_config(MosaicConfig, "mosaic", overrides=given)
    said = EffectiveBatch.of(settings, settings.training, 4).deviation(settings)
    assert said.startswith("128 photos a step (32 a batch x 4 processes), where the configuration has 32")
    followed = load_config(MosaicConfig, "mosaic", overrides=[*given, *re.findall(r"--set (\S+)", said)])
    for training, photos in ((followed.training, 32), (followed.specialist, 6 * 32)):
        batch = EffectiveBatch.of(followed, training, 4)
        assert batch.photos == photos
        assert batch.deviation(followed) == ""
