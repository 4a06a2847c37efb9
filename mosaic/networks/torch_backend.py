"""PyTorch behind the call that prediction makes: what the other programs are held against."""

import copy
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from mosaic.inference.outputs import Outputs
from mosaic.networks.device import CPU, autocast, ran_out
from mosaic.networks.network import MosaicNetwork

log = logging.getLogger(__name__)
_ON_A_GPU = threading.Lock()
"""Held by the one thread of this process that computes on a GPU."""


class TorchBackend:
    """PyTorch on one device, in the numbers that suit it (`mosaic.networks.device.compute_dtype`); safe in threads.

    A batch that does not fit into a GPU's memory is computed in pieces.

    Attributes:
        network: a copy of its own. `Module.to` works in place: whoever took the network elsewhere (another backend, a
            training that goes on from it) would take it from this one, too.
    """

    name = "torch"

    def __init__(self, network: MosaicNetwork, device: torch.device) -> None:
        """The network stays where it is, and as it is.

        Raises:
            ValueError: a GPU's memory does not hold it.
        """
        try:
            self.network = copy.deepcopy(network).to(device).to(memory_format=torch.channels_last).eval()
        except RuntimeError as error:
            if not ran_out(error):
                raise
            raise ValueError(_no_memory("the network")) from None
        self._at_most: dict[tuple[int, ...], int] = {}

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`.

        Raises:
            ValueError: a GPU's memory does not hold a single mosaic.
        """
        if self.network.device == CPU:
            return self._computed(mosaics)
        # a GPU does one thing after another: several batches at once would be no faster, but had to fit together
        with _ON_A_GPU, _algorithms_by_shape():
            return self._in_pieces(mosaics)

    def _in_pieces(self, mosaics: NDArray[np.uint8]) -> Outputs:
        shape, parts = mosaics.shape[1:], list[Outputs]()
        while (done := sum(len(part.logits) for part in parts)) < len(mosaics):
            piece = mosaics[done : done + self._at_most.get(shape, len(mosaics))]
            try:
                parts.append(self._computed(piece))
                continue
            except RuntimeError as error:
                if not ran_out(error):
                    raise
            # here and not where the error is dealt with: it holds what was computed so far
            torch.cuda.empty_cache()
            self._at_most[shape] = _half(len(piece), shape)
        return Outputs(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    @torch.inference_mode()
    def _computed(self, mosaics: NDArray[np.uint8]) -> Outputs:
        device = self.network.device
        with autocast(device):
            # pinned memory would gain nothing: there is nothing to do until the answers are back
            embedding = self.network.features(torch.from_numpy(mosaics).to(device)).float()
        # not in bfloat16: it has eight binary digits, in which the logits of thousands of leaves tie
        logits = self.network.head(embedding)
        return Outputs(embedding.cpu().numpy(), logits.cpu().numpy())


def _half(n: int, shape: tuple[int, ...]) -> int:
    """How many mosaics of this shape are computed at a time from now on, where n do not fit."""
    size = f"{shape[1]} x {shape[0]} pixels"
    if n == 1:
        raise ValueError(_no_memory(f"a single mosaic of {size}"))
    half = (n + 1) // 2
    log.warning("the GPU has no memory for %d mosaics of %s at a time, from now on they go by %d", n, size, half)
    return half


def _no_memory(what: str) -> str:
    return (
        f"the GPU has no memory for {what}: end what else uses it (nvidia-smi names it), or predict on the CPU, with "
        "CUDA_VISIBLE_DEVICES= before the command"
    )


@contextmanager
def _algorithms_by_shape() -> Iterator[None]:
    """cuDNN chooses by a batch's shape alone, among algorithms that always give the same bits.

    A training may have left it to choose by what was fastest at the moment, which changes from run to run.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic = before
