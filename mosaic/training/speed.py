"""How fast this machine trains a network and predicts with it, now: real steps, timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.time_budget import TimeBudget, typical
from mosaic.backbone_speed import BackboneSpeed
from mosaic.config import MosaicConfig
from mosaic.inference.backend import OpenVinoBackend
from mosaic.inference.outputs import Backend
from mosaic.networks.device import CPU, autocast, best_device
from mosaic.networks.graph import to_openvino
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend
from mosaic.training.augment import N_NUMBERS
from mosaic.training.batches import WHOLE, Examples
from mosaic.training.checkpoint import FitState
from mosaic.training.dataset import TrainingBatch
from mosaic.training.learner import FitTask, Learner
from mosaic.training.shrunken_photos import PhotoUse

Squares = NDArray[np.uint8]
FEW = 4
"""Photos of the first step, which tells whether whole batches can be waited for."""
STEPS = 6
BESIDE_KEPT = 1.1
"""What a step takes at its peak, to what it keeps for its backward pass: Lite0 45.1 of 40.7 MB a photo of 160 pixels,
Lite2 60.6 of 55.2."""
LEARNING, EMBEDDING = 0.7, 0.1
"""Shares of the time for training steps and for embedding; prediction, whose graph is made first, has what is left."""


def backbone_speed(
    config: MosaicConfig, catalog: Catalog, squares: Squares, n_leaves: int, budget: TimeBudget
) -> BackboneSpeed:
    """Time steps of a fit, embedding and prediction; a few photos at least, whatever the budget says.

    Args:
        squares: `(N, S, S, 3)` uint8 photos at `config.source_size`, one or more: they are shown again as needed.
        n_leaves: that the head names.
    """
    device = best_device()
    # what is drawn for the measurement must not change the weights that a later fit begins with
    with torch.random.fork_rng():
        leaves = np.arange(max(2, n_leaves))
        network = MosaicNetwork(config.backbone, leaves, np.full(len(leaves), 1 / len(leaves)))
        steps = _EndlessFit(network, config, catalog, squares, device)
        seconds = budget.left
        train_s, train_bytes = _learning(steps, config.photos_per_batch, budget.part(LEARNING * seconds))
        n = min(config.photos_per_batch, max(FEW, int(EMBEDDING * seconds / max(train_s, 1e-9))))
        size = config.photo_size
        mosaics = steps.shown(n)[:, :size, :size]
        embed_s = _predicting(TorchBackend(network, device), mosaics, budget.part(EMBEDDING * seconds))
        predict_s = embed_s
        if device == CPU:
            graph = OpenVinoBackend(to_openvino(network.cpu().eval(), size))
            predict_s = _predicting(graph, mosaics, budget)
    return BackboneSpeed(config.train_photo_size, train_s, embed_s, predict_s, train_bytes)


def _learning(steps: _EndlessFit, photos_per_batch: int, budget: TimeBudget) -> tuple[float, int]:
    """Seconds and bytes of a photo in a step: of whole batches, where three of them can be waited for."""
    with _kept_bytes() as kept:
        steps.learn(FEW)
    n_bytes = round(BESIDE_KEPT * sum(kept.values()) / FEW)
    few_s = typical(budget.times(lambda: steps.learn(FEW), 2)) / FEW
    if 3 * few_s * photos_per_batch > budget.left:
        return few_s, n_bytes
    return typical(budget.times(lambda: steps.learn(photos_per_batch), STEPS)) / photos_per_batch, n_bytes


def _predicting(backend: Backend, mosaics: Squares, budget: TimeBudget) -> float:
    """Seconds per photo."""
    return typical(budget.times(lambda: backend(mosaics), STEPS)) / len(mosaics)


class _EndlessFit:
    """A fit without end: batches of photos that show one photo of each product."""

    def __init__(
        self, network: MosaicNetwork, config: MosaicConfig, catalog: Catalog, squares: Squares, device: torch.device
    ) -> None:
        self._squares, self._device = squares, device
        # plain cross-entropy of the leaf: what parents and mixing add is small beside the network
        self._training = config.training.model_copy(update={"parent_loss": 0.0, "ema": 0.0})
        one = np.zeros(1, np.int8)
        examples = Examples(np.zeros(1, np.int64), np.zeros(1, np.int64), one + 1, one + 1, one + WHOLE)
        task = FitTask("speed", examples, self._training)
        shares = network.frequency.numpy()
        self._learner = Learner(network, catalog, task, config, FitState(), shares, None)
        self._learner.to(device).train()
        network.to(memory_format=torch.channels_last)
        self._optimizer = self._learner.configure_optimizers()

    def shown(self, n: int) -> Squares:
        """`(n, S, S, 3)` photos."""
        return self._squares[np.arange(n) % len(self._squares)]

    def learn(self, n: int) -> None:
        """A step of n photos."""
        photos = torch.from_numpy(self.shown(n)[:, None]).to(self._device)
        batch = TrainingBatch(
            photos, torch.zeros(n, dtype=torch.int64, device=self._device),
            torch.rand((n, 1, N_NUMBERS), device=self._device), self._training.head_epochs, 0, 1, PhotoUse(),
        )  # fmt: skip
        with autocast(self._device):
            loss = self._learner.training_step(batch, 0)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._optimizer.zero_grad()
        # a GPU is waited for
        loss.item()


@contextmanager
def _kept_bytes() -> Iterator[dict[int, int]]:
    """Bytes of what a step keeps for its backward pass, by where it lies: that is what a larger batch has more of."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        # weights are kept once, however large the batch
        if not (tensor.is_leaf and tensor.requires_grad):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield kept
