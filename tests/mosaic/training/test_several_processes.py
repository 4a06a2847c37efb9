"""Processes that train together, connected by gloo on one CPU: one network, one checkpoint, one history."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from safetensors.torch import load_file

from catalog.catalog import Catalog
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.training import distributed
from mosaic.training import fit as fit_module
from mosaic.training.batches import Examples
from mosaic.training.checkpoint import FitState
from mosaic.training.fit import fit
from mosaic.training.history import EpochRecord, history_csv, read_history
from mosaic.training.learner import FitTask
from mosaic.views import View
from tests.support.products import make_product
from tests.support.two_processes import both, join

pytestmark = pytest.mark.slow
SETTINGS = (
    "photos_per_batch=12", "training.head_epochs=1", "training.epochs=2", "training.accumulate=2",
    "training.subsets=0.5", "training.mixup=0.2", "training.ema=0.5", "backbone.dropout=0.2",
    "checkpoint_minutes=0.00001",
)  # fmt: skip
N_STEPS = 15


@pytest.fixture
def folder(tmp_path) -> Path:
    """47 products of noise, one to three photos: batches of several widths, the last ones smaller."""
    documents = b"".join(bson.encode(make_product(i, 11, 1 + i % 3)) for i in range(47))
    (tmp_path / "products.bson").write_bytes(documents)
    return tmp_path


class Killed(Exception):
    """In the midst of a fit."""


def fit_in(folder: Path, name: str, *kills: int) -> None:
    """Fit on the folder's products, in several attempts where it is killed; leaves `name.safetensors` and `name.csv`.

    `kills`: steps after which an attempt ends.
    """
    settings = load_config(MosaicConfig, "mosaic", "debug", SETTINGS)
    catalog = Catalog(folder / "products.bson")
    examples = Examples.of(View(), np.arange(47), np.arange(47) % 3, catalog.n_images)
    task = FitTask("part 0", examples, settings.training, checkpoint=folder / "checkpoint.pt" if kills else None)
    for kill in (*kills, None):
        torch.manual_seed(0)
        network = MosaicNetwork(settings.backbone, np.arange(3), np.full(3, 1 / 3))

        def kill_then(done: int, total: int, last: int | None = kill) -> None:
            if last is not None and done * N_STEPS == last * total:
                raise Killed

        with contextlib.suppress(Killed):
            history = fit(network, catalog, task, settings, kill_then)
    network.save(folder / f"{name}.safetensors")
    history_csv(folder / f"{name}.csv", history)


def fit_as_one_of_two(folder: Path, rank: int, *kills: int) -> None:
    """`fit_in` as `two-RANK`; `searched.txt` says of each trainer whether it searches for unused weights."""
    join(folder, rank)
    searched = []

    class Recorded(DDPStrategy):
        def __init__(self, *, find_unused_parameters: bool) -> None:
            searched.append(str(find_unused_parameters))
            super().__init__(find_unused_parameters=find_unused_parameters)

    fit_module.DDPStrategy = Recorded
    fit_in(folder, f"two-{rank}", *kills)
    (folder / "searched.txt").write_text(" ".join(searched))
    distributed.leave()


def curves(path: Path) -> list[EpochRecord]:
    return [replace(record, seconds=0, accuracy=0) for record in read_history(path)]


def test_two_processes_take_the_steps_that_one_takes_with_two_batches(folder):
    """Whatever the widths and sizes of their batches, in the head's epochs as in the others, and after kills."""
    fit_in(folder, "one")
    one = load_file(folder / "one.safetensors")
    both(fit_as_one_of_two, folder)
    assert (folder / "searched.txt").read_text() == "True False"
    uninterrupted = load_file(folder / "two-0.safetensors")
    both(fit_as_one_of_two, folder, 3, 5, 8)
    two = [load_file(folder / f"two-{rank}.safetensors") for rank in range(2)]
    for name, tensor in one.items():
        # a process has the batch statistics of its own batches only
        if "running" not in name and "num_batches" not in name:
            for of_two in two:
                torch.testing.assert_close(of_two[name], tensor, atol=1e-5, rtol=1e-4, msg=name)
        assert torch.equal(two[0][name], uninterrupted[name]), name
    for rank in range(2):
        history = curves(folder / f"two-{rank}.csv")
        assert [record.step for record in history] == [5, 10, N_STEPS]
        for of_two, of_one in zip(history, curves(folder / "one.csv"), strict=True):
            assert of_two.loss == pytest.approx(of_one.loss, rel=1e-4)
            assert replace(of_two, loss=0) == replace(of_one, loss=0)


def take_up_late(folder: Path, rank: int) -> None:
    """A fit that is over; the main process removes its checkpoint at once, the other comes late to it."""
    join(folder, rank)
    if rank:
        real = FitState.load
        FitState.load = classmethod(lambda _, path: time.sleep(1) or real(path))
    fit_in(folder, f"late-{rank}", N_STEPS)
    if distributed.is_main():
        (folder / "checkpoint.pt").unlink(missing_ok=True)
    distributed.leave()


def test_no_process_removes_what_another_has_not_read(folder):
    both(take_up_late, folder)
    first, second = (load_file(folder / f"late-{rank}.safetensors") for rank in range(2))
    assert torch.equal(first["head.weight"], second["head.weight"])
    assert curves(folder / "late-0.csv") == curves(folder / "late-1.csv")
