"""How much memory a training step of each Cdiscount recipe takes at its batch: measured on a GPU, else counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from timm.optim import param_groups_layer_decay
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from catalog.product import MAX_IMAGES
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.device import autocast
from mosaic.networks.network import MosaicNetwork

LEAVES = 5270
RECIPES = sorted(path.stem for path in (Path(__file__).parents[1] / "configs" / "cdiscount").glob("*.yaml"))
COUNTED_PHOTOS = 4
"""Of the step on a CPU whose saved activations are counted; they grow with the photos alone."""
GIB = 2**30


@dataclass(frozen=True)
class StepMemory:
    """Bytes of one training step.

    Attributes:
        state: weights, gradients, AdamW's two moments and, where the recipe keeps one, the moving average.
        per_photo: what the forward pass keeps for the backward pass, for each photo of a mosaic of four.
    """

    state: int
    per_photo: float

    def at(self, n_photos: int) -> float:
        """Bytes of a batch of so many photos: a lower bound, since work space of the kernels comes on top."""
        return self.state + self.per_photo * n_photos


class _Saved:
    """Bytes of what autograd keeps, each storage once."""

    def __init__(self, known: set[int]) -> None:
        self._known = known
        self.n_bytes = 0

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._known:
            self._known.add(storage.data_ptr())
            self.n_bytes += storage.nbytes()
        return tensor


def network_of(config: MosaicConfig, n_leaves: int = LEAVES) -> MosaicNetwork:
    """The recipe's network with random weights: nothing is downloaded."""
    backbone = config.backbone.model_copy(update={"weights": "random"})
    return MosaicNetwork(backbone, np.arange(n_leaves), np.full(n_leaves, 1 / n_leaves))


def counted(config: MosaicConfig) -> StepMemory:
    """What the step of one mosaic of four photos keeps, counted on the CPU with bfloat16 as on a GPU."""
    network = network_of(config).to(memory_format=torch.channels_last).train()
    parameters = list(network.parameters())
    n_weights = sum(p.numel() for p in parameters)
    copies = 4 + (config.training.ema > 0)
    saved = _Saved({tensor.untyped_storage().data_ptr() for tensor in [*parameters, *network.buffers()]})
    side = config.train_photo_size
    mosaic = torch.zeros((1, side, side * COUNTED_PHOTOS, 3), dtype=torch.uint8)
    with (
        torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16),
    ):
        network(mosaic)
    # autocast's copies of the weights are saved too, and do not grow with the batch
    halves = 2 * sum(p.numel() for p in parameters if p.ndim > 1)
    return StepMemory(4 * n_weights * copies + halves, max(0, saved.n_bytes - halves) / COUNTED_PHOTOS)


@contextmanager
def _peak(device: torch.device) -> Iterator[list[int]]:
    """Fills the list with the bytes that were allocated and reserved at most."""
    found: list[int] = []
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    yield found
    torch.cuda.synchronize(device)
    found += [torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)]


def measured(config: MosaicConfig, device: torch.device) -> tuple[int, int]:
    """Bytes allocated and reserved at most in two steps of the recipe's batch of mosaics of four photos."""
    with _peak(device) as peak:
        network = network_of(config).to(device, memory_format=torch.channels_last).train()
        groups = param_groups_layer_decay(network.backbone, layer_decay=config.training.layer_decay)
        optimizer = AdamW([*groups, {"params": network.head.parameters()}])
        rows, side = max(1, config.photos_per_batch // MAX_IMAGES), config.train_photo_size
        mosaics = torch.zeros((rows, side, side * MAX_IMAGES, 3), dtype=torch.uint8, device=device)
        labels = torch.zeros(rows, dtype=torch.int64, device=device)
        for _ in range(2):
            with autocast(device):
                loss = cross_entropy(network(mosaics).float(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return peak[0], peak[1]


def report(device: torch.device, recipes: list[str]) -> None:
    """A line for each recipe."""
    is_measured = device.type == "cuda"
    print(f"{'recipe':<28}{'batch':>6}{'GiB counted':>13}" + ("  GiB measured (reserved)" if is_measured else ""))
    for name in recipes:
        config = load_config(MosaicConfig, "mosaic", f"cdiscount/{name}")
        line = f"{name:<28}{config.photos_per_batch:6} {counted(config).at(config.photos_per_batch) / GIB:12.1f}"
        if is_measured:
            try:
                allocated, reserved = measured(config, device)
                line += f"{allocated / GIB:14.1f} ({reserved / GIB:.1f})"
            except torch.cuda.OutOfMemoryError:
                line += "  does not fit"
        print(line, flush=True)
