"""What a training step costs on this machine: its parts, its optimizer, its copies, and what a resumption changes."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.optim import AdamW, Optimizer

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig
from mosaic.networks.device import autocast, best_device
from mosaic.networks.network import MosaicNetwork
from mosaic.training.batches import WHOLE, CountBatchSampler, Examples
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import MosaicDataset, TrainingBatch
from mosaic.training.fit import fit
from mosaic.training.hand_over import PackedLoader
from mosaic.training.learner import FitTask, Learner
from mosaic.training.loader import batch_loader

N_LEAVES = 50
EPOCHS_AHEAD = 1000
"""Enough batches, whatever is measured: the loader is left when the time is up."""


@dataclass(frozen=True)
class Scale:
    """How much is measured: `TOY` shows on a CPU that the script runs.

    Attributes:
        batch: photos in a batch; batches: timed, after `warm_up` others; repeats: of each, medians are printed.
    """

    batch: int
    batches: int
    warm_up: int
    repeats: int


def synchronize(device: torch.device) -> None:
    """Wait for the GPU, so that the clock tells what it has done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def median_seconds(step: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Median wall time of a step, the first of which is not counted."""
    times = []
    for _ in range(repeats + 1):
        synchronize(device)
        start = time.perf_counter()
        step()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def examples_of(catalog: Catalog, count: int, n: int) -> Examples | None:
    """n examples of products with so many photos, the first photos of larger ones where there are too few."""
    having = np.flatnonzero(catalog.n_images >= count)
    if not len(having):
        return None
    positions = np.resize(having, n)
    shown, whole = np.full(n, count, np.int8), np.full(n, WHOLE, np.int8)
    return Examples(positions, np.arange(n) % N_LEAVES, shown, shown, whole)


def fresh_network(config: MosaicConfig) -> MosaicNetwork:
    """The configuration's network with random weights: nothing is downloaded."""
    torch.manual_seed(0)
    backbone = config.backbone.model_copy(update={"weights": "random"})
    return MosaicNetwork(backbone, np.arange(N_LEAVES), np.full(N_LEAVES, 1 / N_LEAVES))


@dataclass
class Bench:
    """A network, its batches, and the step of `Learner` without the trainer around it."""

    learner: Learner
    optimizer: Optimizer
    loader: PackedLoader
    device: torch.device

    @classmethod
    def of(cls, catalog: Catalog, examples: Examples, config: MosaicConfig) -> Bench:
        """Everything fresh, on the machine's best device."""
        device = best_device()
        training = config.training.model_copy(
            update={"head_epochs": 0, "epochs": EPOCHS_AHEAD, "subsets": 0.0, "ema": 0.0}
        )
        task = FitTask("bench", examples, training)
        sampler = CountBatchSampler(examples, config.photos_per_batch, training, config.seed)
        network = fresh_network(config).to(memory_format=torch.channels_last).to(device).train()
        shares = sampler.leaf_shares(len(network.support))
        learner = Learner(network, catalog, task, config, FitState(), shares, None).to(device)
        loader = batch_loader(MosaicDataset(catalog, examples, config, config.source_size), sampler)
        return cls(learner, learner.configure_optimizers(), loader, device)

    def on_device(self, batch: TrainingBatch, *, waits: bool) -> TrainingBatch:
        """The batch where the network lies; `waits`: the copies are synchronous."""
        moved = {
            name: getattr(batch, name).to(self.device, non_blocking=not waits)
            for name in ("photos", "labels", "numbers")
        }
        return batch._replace(**moved)

    def step(self, batch: TrainingBatch) -> None:
        """Forward, backward, and the optimizer's step."""
        with autocast(self.device):
            loss = self.learner.training_step(batch, 0)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        # else taken by the trainer's hook
        self.learner.counts.clear()


def training_rates(catalog: Catalog, config: MosaicConfig, count: int, scale: Scale) -> str:
    """Photos per second of the whole, and which share of a synchronised step is input, copies, step."""
    examples = examples_of(catalog, count, max(scale.batch, 4 * scale.batch // count))
    if examples is None:
        return "no product has so many photos"
    bench = Bench.of(catalog, examples, config)
    batches = iter(bench.loader)
    seen, parts = 0, {"input": 0.0, "copies": 0.0, "step": 0.0}
    start = time.perf_counter()
    for number in range(scale.warm_up + 2 * scale.batches):
        if number in (scale.warm_up, scale.warm_up + scale.batches):
            synchronize(bench.device)
            if number > scale.warm_up:
                rate = seen / (time.perf_counter() - start)
            start = time.perf_counter()
        split = number >= scale.warm_up + scale.batches
        clock = [time.perf_counter()]
        batch = bench.learner.on_before_batch_transfer(next(batches), 0)
        clock.append(time.perf_counter())
        moved = bench.on_device(batch, waits=split)
        clock.append(time.perf_counter())
        bench.step(moved)
        if split:
            synchronize(bench.device)
            clock.append(time.perf_counter())
            for name, began, ended in zip(parts, clock[:-1], clock[1:], strict=True):
                parts[name] += ended - began
        elif number >= scale.warm_up:
            seen += moved.photos.shape[0] * moved.photos.shape[1]
    bench.loader.close()
    whole = sum(parts.values())
    return f"{rate:8.0f} photos/s   " + "  ".join(f"{name} {part / whole:4.0%}" for name, part in parts.items())


def optimizers(config: MosaicConfig, scale: Scale) -> None:
    """AdamW over a group for each weight tensor, over few groups, and over few in one kernel."""
    device = best_device()
    network = fresh_network(config).to(device)
    weights = list(network.parameters())
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    decayed = [weight for weight in weights if weight.ndim > 1]
    others = [weight for weight in weights if weight.ndim <= 1]
    two = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    ways = {
        f"{len(weights)} groups": lambda: AdamW([{"params": [weight]} for weight in weights], lr=1e-4),
        "2 groups": lambda: AdamW(two, lr=1e-4),
        "2 groups, fused": lambda: AdamW(two, lr=1e-4, fused=True),
    }
    for name, make in ways.items():
        print(f"  AdamW, {name:<20}{1000 * median_seconds(make().step, scale.repeats, device):8.2f} ms a step")


def copies(config: MosaicConfig, scale: Scale) -> None:
    """A batch of photos to the device: from ordinary memory, pinned, and pinned without waiting."""
    device = best_device()
    side = config.source_size
    ordinary = torch.zeros((scale.batch, side, side, 3), dtype=torch.uint8)
    pinned = ordinary.pin_memory() if device.type == "cuda" else ordinary
    ways = {
        "ordinary memory": lambda: ordinary.to(device, copy=True),
        "pinned": lambda: pinned.to(device, copy=True),
        "pinned, not waiting": lambda: pinned.to(device, non_blocking=True, copy=True),
    }
    for name, copy in ways.items():
        seconds = median_seconds(copy, scale.repeats, device)
        print(f"  copy, {name:<21}{1000 * seconds:8.2f} ms for {ordinary.nbytes / 2**20:.0f} MiB")


def switches(catalog: Catalog, config: MosaicConfig, scale: Scale) -> None:
    """The step as it is, with cudnn.benchmark, and compiled."""
    for name, benchmark, compiled in (
        ("as it is", False, False),
        ("cudnn.benchmark", True, False),
        ("compile", False, True),
    ):
        torch.backends.cudnn.benchmark = benchmark
        try:
            rate = training_rates(catalog, config.model_copy(update={"compile": compiled}), 2, scale)
        finally:
            torch.backends.cudnn.benchmark = False
        print(f"  {name:<18}{rate}")


class _Killed(Exception):
    pass


def resumption(catalog: Catalog, config: MosaicConfig, scale: Scale) -> None:
    """How far the weights of a fit that was broken off and resumed are from those of one that was not."""
    examples = examples_of(catalog, 1, 6 * scale.batch)
    if examples is None:
        raise ValueError(f"{catalog.name} has no photo")
    training = config.training.model_copy(update={"head_epochs": 0, "epochs": 1, "ema": 0.0})
    settings = config.model_copy(update={"checkpoint_minutes": 1e-9, "training": training})
    task = FitTask("bench", examples, training)

    def weights(*, broken_off: bool) -> dict[str, torch.Tensor]:
        network = fresh_network(settings)
        if not broken_off:
            fit(network, catalog, task, settings)
            return network.state_dict()
        with tempfile.TemporaryDirectory() as folder:
            kept = dataclasses.replace(task, checkpoint=Path(folder, "fit.pt"))
            try:
                fit(network, catalog, kept, settings, _break_off_at(3))
            except _Killed:
                network = fresh_network(settings)
                fit(network, catalog, kept, settings)
        return network.state_dict()

    whole, again, resumed = weights(broken_off=False), weights(broken_off=False), weights(broken_off=True)
    for name, other in (("trained twice", again), ("broken off and resumed", resumed)):
        print(f"  {name:<26} largest difference of a weight {_distance(whole, other):.3g}")


def _break_off_at(batch: int) -> Callable[[int, int], None]:
    def progress(done: int, _: int) -> None:
        if done == batch:
            raise _Killed

    return progress


def _distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max(float((a[name].double() - b[name].double()).abs().max()) for name in a)
