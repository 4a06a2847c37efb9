"""Training and prediction are timed on real steps of a tiny network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catalog.files.time_budget import TimeBudget
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training import speed
from mosaic.training.learner import Learner
from mosaic.training.speed import backbone_speed

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
SQUARES = np.random.default_rng(0).integers(0, 256, (3, CONFIG.source_size, CONFIG.source_size, 3), dtype=np.uint8)


@pytest.fixture
def steps(monkeypatch) -> list[int]:
    """Photos of each step that was taken."""
    taken: list[int] = []
    whole = Learner.training_step

    def counted(learner, batch, number):
        taken.append(len(batch.photos))
        return whole(learner, batch, number)

    monkeypatch.setattr(Learner, "training_step", counted)
    return taken


def test_steps_of_whole_batches_are_timed(tiny_catalog, steps, monkeypatch):
    monkeypatch.setattr(speed, "STEPS", 2)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    measured = backbone_speed(CONFIG, tiny_catalog, SQUARES, 8, TimeBudget(60))
    assert steps == [4, 4, 4, CONFIG.photos_per_batch, CONFIG.photos_per_batch]
    assert measured.side == CONFIG.train_photo_size
    assert min(measured.train_s, measured.embed_s, measured.predict_s) > 0
    # a fit that follows begins with the weights that it would have had
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_machine_that_is_too_slow_for_whole_batches_takes_a_few_photos(tiny_catalog, steps):
    measured = backbone_speed(CONFIG, tiny_catalog, SQUARES, 1, TimeBudget(0))
    assert steps == [4, 4, 4]
    assert min(measured.train_s, measured.embed_s, measured.predict_s) > 0


def test_memory_of_a_photo_is_what_more_of_them_take(tiny_catalog):
    """The network's activations, against sizes that are counted by hand; weights are there once."""
    made = speed._EndlessFit(
        MosaicNetwork(CONFIG.backbone, np.arange(2), np.full(2, 0.5)),
        CONFIG,
        tiny_catalog,
        SQUARES,
        torch.device("cpu"),
    )
    kept = []
    for n in (4, 8):
        with speed._kept_bytes() as by_place:
            made.learn(n)
        kept.append(sum(by_place.values()))
    side = CONFIG.train_photo_size
    # twice as many photos, twice the memory; the mosaic alone is 12 bytes a pixel
    assert kept[1] == pytest.approx(2 * kept[0], rel=0.05)
    assert kept[0] > 4 * 12 * side**2
