"""Steps that memory does not hold, played by a network that refuses large batches."""

from __future__ import annotations

import re
import weakref

import bson
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.device import ran_out
from mosaic.networks.network import MosaicNetwork
from mosaic.training.batches import Examples
from mosaic.training.fit import fit
from mosaic.training.history import EpochRecord
from mosaic.training.learner import FitTask, Learner
from mosaic.training.memory import BatchTooLarge
from mosaic.views import View
from tests.support.products import make_product

SIDE = 32


class Small(nn.Module):
    """A backbone for which memory holds so many photos; `tried` are those of each batch that learns."""

    def __init__(self, backbone: nn.Module, n_photos: int, error: type[RuntimeError]) -> None:
        super().__init__()
        self.backbone, self.n_photos, self.error, self.tried = backbone, n_photos, error, []

    def forward(self, pixels: Tensor) -> Tensor:
        n_photos = len(pixels) * (pixels.shape[3] // SIDE)
        if self.training:
            self.tried.append(n_photos)
            if n_photos > self.n_photos:
                raise self.error(f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {n_photos} photos")
        return self.backbone(pixels)


def fitted(tmp_path, n_photos: int, *overrides: str, error: type[RuntimeError] = RuntimeError) -> list[EpochRecord]:
    """Fit 24 products of one and two photos where memory holds `n_photos`."""
    path = tmp_path / "products.bson"
    if not path.exists():
        path.write_bytes(b"".join(bson.encode(make_product(i, 11, 1 + i % 2)) for i in range(24)))
    catalog = Catalog(path)
    settings = load_config(MosaicConfig, "mosaic", "debug", ["training.subsets=0", *overrides])
    network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))
    network.backbone = Small(network.backbone, n_photos, error)
    examples = Examples.of(View(), np.arange(24), np.arange(24) % 3, catalog.n_images)
    try:
        return fit(network, catalog, FitTask("part 0", examples, settings.training), settings)
    finally:
        fitted.tried = network.backbone.tried


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError])
def test_the_batch_that_fits_is_tried_named_and_keeps_the_photos_of_a_step(tmp_path, error):
    batch = ["photos_per_batch=12", "training.accumulate=2"]
    with pytest.raises(BatchTooLarge, match="does not hold a step of 12 photos; one of 3 was tried and fits") as said:
        fitted(tmp_path, 4, *batch, error=error)
    assert fitted.tried[-2:] == [6, 3]
    settings = re.findall(r"--set (\S+)", str(said.value))
    assert settings == ["photos_per_batch=3", "training.accumulate=8", "specialist.accumulate=4"]
    assert fitted(tmp_path, 4, *settings)


def test_what_the_failed_step_had_in_memory_is_free_when_another_is_tried(tmp_path, monkeypatch):
    """The error's frames hold the learner, and it the optimizer's state: on a GPU nothing would fit beside it."""
    begun, alive = [], []
    real = Learner.__init__

    def noted(self: Learner, *arguments: object) -> None:
        alive.append([reference for reference in begun if reference() is not None])
        begun.append(weakref.ref(self))
        real(self, *arguments)

    monkeypatch.setattr(Learner, "__init__", noted)
    with pytest.raises(BatchTooLarge):
        fitted(tmp_path, 4, "photos_per_batch=12")
    # the fit's, then those of 6 and 3 photos
    assert alive == [[], [], []]


def test_a_network_for_which_no_batch_is_small_enough_is_named(tmp_path):
    with pytest.raises(BatchTooLarge, match="nor one of 1: free memory that others hold, take smaller photos"):
        fitted(tmp_path, 0, "photos_per_batch=12")


def test_other_errors_stay_what_they_are(tmp_path):
    class Other(RuntimeError):
        def __init__(self, _: str) -> None:
            super().__init__("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(Other):
        fitted(tmp_path, 0, error=Other)
    assert not ran_out(ValueError("CUDA error: out of memory"))
    assert ran_out(RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported"))
