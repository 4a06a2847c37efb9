"""Photos that the device decodes in training: which they are, and that the network is shown the same."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks import jpeg_decoder
from mosaic.networks.network import MosaicNetwork
from mosaic.training import train as train_module
from mosaic.training.batches import Batch, Examples
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import MosaicDataset, TrainingBatch
from mosaic.training.fit import fit
from mosaic.training.hand_over import PackedBatches
from mosaic.training.learner import FitTask, Learner
from mosaic.training.resume import identity_of
from mosaic.views import View
from tests.support.photo_kinds import photo_of
from tests.support.products import make_photo, make_product

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities:DeprecationWarning")
SIZE = 48
PHOTOS = {
    "larger": make_photo(2, (64, 64)),
    "left to the device": make_photo(1),
    "smaller": make_photo(3, (32, 32)),
    "not square": make_photo(4, (48, 40)),
    "lying on its side": photo_of("JPEG", "RGB", (SIZE, SIZE), orientation=6),
    "without its end": make_photo(5)[:-2],
    "PNG": make_photo(6, kind="PNG"),
    "left to it too": photo_of("JPEG", "L", (SIZE, SIZE)),
    "unreadable": b"none",
}


def config(*overrides: str) -> MosaicConfig:
    settings = ["photos_per_batch=8", f"source_size={SIZE}", "training.subsets=0", *overrides]
    return load_config(MosaicConfig, "mosaic", "debug", settings)


@pytest.fixture
def catalog(write_bson) -> Catalog:
    """A product of a photo each."""
    return Catalog(write_bson(*({"_id": i, "imgs": [{"picture": photo}]} for i, photo in enumerate(PHOTOS.values()))))


def all_of(catalog: Catalog) -> tuple[Examples, Batch]:
    n = len(catalog)
    return Examples.of(View(), np.arange(n), np.arange(n) % 3, catalog.n_images[:n]), Batch(np.arange(n), 1, 0, 0, 1)


def learner_of(catalog: Catalog, settings: MosaicConfig) -> Learner:
    examples, _ = all_of(catalog)
    network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))
    task = FitTask("part 0", examples, settings.training)
    return Learner(network, catalog, task, settings, FitState(n_devices=1), np.full(3, 1 / 3), None)


def decoded(catalog: Catalog, settings: MosaicConfig) -> TrainingBatch:
    """The batch of all, as the step gets it."""
    examples, batch = all_of(catalog)
    dataset = MosaicDataset(catalog, examples, settings, SIZE, encoded=True)
    learner = learner_of(catalog, settings)
    packed = PackedBatches(dataset.preparation)[dataset.plan(batch)]
    return learner.on_after_batch_transfer(learner.on_before_batch_transfer(packed, 0), 0)


def test_only_what_needs_nothing_but_decoding_is_left_to_the_device(catalog):
    examples, batch = all_of(catalog)
    prepared = MosaicDataset(catalog, examples, config(), SIZE, encoded=True)[batch]
    expected = MosaicDataset(catalog, examples, config(), SIZE)[batch]
    left = [place for place, name in enumerate(PHOTOS) if name.startswith("left")]
    assert prepared.encoded.places.tolist() == left == [1, 7]
    assert prepared.encoded.photos == [PHOTOS["left to the device"], PHOTOS["left to it too"]]
    assert (prepared.photos[left] == 255).all()
    others = [place for place in range(len(PHOTOS)) if place not in left]
    assert torch.equal(prepared.photos[others], expected.photos[others])
    assert expected.encoded.photos == []


def test_the_learner_is_shown_what_workers_would_have_decoded(catalog):
    examples, batch = all_of(catalog)
    expected = MosaicDataset(catalog, examples, config(), SIZE)[batch]
    ours = decoded(catalog, config())
    assert float((ours.photos.int() - expected.photos.int()).abs().float().mean(dim=(1, 2, 3, 4)).max()) <= 1
    assert ours.encoded.photos == []


def test_what_the_device_refuses_is_the_ordinary_decoders(write_bson, monkeypatch):
    photos = [make_photo(seed) for seed in range(6)]
    catalog = Catalog(write_bson(*({"_id": i, "imgs": [{"picture": photo}]} for i, photo in enumerate(photos))))
    decode, asked = jpeg_decoder._decode, []

    def refusing(some, device):
        asked.append(len(some))
        if photos[2] in some:
            raise RuntimeError("Error while decoding JPEG images")
        return decode(some, device)

    monkeypatch.setattr(jpeg_decoder, "_decode", refusing)
    examples, batch = all_of(catalog)
    expected = MosaicDataset(catalog, examples, config(), SIZE)[batch]
    assert torch.equal(decoded(catalog, config()).photos, expected.photos)
    assert 6 in asked


def test_a_gpu_that_is_to_decode_and_is_not_there_is_told_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(train_module, "best_device", lambda: torch.device("cpu"))
    with pytest.raises(ValueError, match="--set decode=cpu"):
        train_module.train(None, config("decode=gpu"), View(), None, None)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_fit_learns_the_same_whoever_decodes(write_bson, monkeypatch, workers):
    catalog = Catalog(write_bson(*(make_product(i, 11, 1 + i % 3) for i in range(12))))
    examples = Examples.of(View(), np.arange(12), np.arange(12) % 3, catalog.n_images[:12])
    decode, asked = jpeg_decoder._decode, []
    monkeypatch.setattr(jpeg_decoder, "_decode", lambda some, device: asked.extend(some) or decode(some, device))
    losses = []
    for settings in (config(), config("decode=gpu", f"workers={workers}")):
        torch.manual_seed(0)
        network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))
        assert not losses or not asked
        history = fit(network, catalog, FitTask("part 0", examples, settings.training), settings)
        losses.append([record.loss for record in history])
    n_shown = int(catalog.n_images.sum()) * (settings.training.head_epochs + settings.training.epochs)
    # and the one by which it is tried
    assert len(asked) == n_shown + 1
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_what_was_begun_before_there_was_a_choice_is_gone_on_with():
    values = config().model_dump()
    # these came together, or later
    del values["decode"], values["deterministic"], values["matching"], values["method"]
    assert MosaicConfig.model_validate(values).decode == "cpu"
    begun = {"plan": "plan", "view": View().slot, "init_from": None, "config": values}
    identity = hashlib.blake2b(json.dumps(begun, sort_keys=True).encode(), digest_size=8).hexdigest()
    assert identity_of(config(), View(), None, "plan") == identity
    assert identity_of(config("decode=gpu"), View(), None, "plan") != identity
