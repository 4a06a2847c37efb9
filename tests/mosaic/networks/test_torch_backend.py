"""What PyTorch does on a GPU beside computing, on torch's `meta` device: its answers are told by a stand-in."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.inference.outputs import Outputs
from mosaic.networks import torch_backend
from mosaic.networks.device import CPU
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


class SmallGpu(TorchBackend):
    """A GPU that holds `room` mosaics at a time; it says of each the value of its first pixel."""

    def __init__(self, room: int, error: RuntimeError = FULL) -> None:
        super().__init__(MosaicNetwork(CONFIG.backbone, np.arange(4), np.full(4, 0.25)), torch.device("meta"))
        self.room, self.sizes, self.error = room, list[int](), error

    def _computed(self, mosaics: np.ndarray) -> Outputs:
        self.sizes.append(len(mosaics))
        # else the batches of several threads had to fit together
        assert torch_backend._ON_A_GPU.locked()
        assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic) == (False, True)
        if len(mosaics) > self.room:
            raise self.error
        first = mosaics[:, 0, 0, :1].astype(np.float32)
        return Outputs(first, first)


def mosaics(n: int, width: int = 8) -> np.ndarray:
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 8, width, 3))


def test_a_batch_that_does_not_fit_is_computed_in_pieces_and_said_once(caplog):
    gpu = SmallGpu(room=5)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert gpu(mosaics(17)).logits[:, 0].tolist() == list(range(17))
    # halved until it fits, and from then on known to
    assert gpu.sizes == [17, 9, 5, 5, 5, 2, 5, 5, 5, 2]
    assert [message.partition(", ")[0] for message in caplog.messages] == [
        "the GPU has no memory for 17 mosaics of 8 x 8 pixels at a time",
        "the GPU has no memory for 9 mosaics of 8 x 8 pixels at a time",
    ]
    # smaller ones may go together still
    gpu.room = 40
    assert len(gpu(mosaics(20, width=4)).logits) == 20
    assert gpu.sizes[-1] == 20


def test_a_gpu_that_holds_not_even_one_mosaic_is_a_sentence():
    with pytest.raises(ValueError, match=r"no memory for a single mosaic of 16 x 8 pixels: .*CUDA_VISIBLE_DEVICES= "):
        SmallGpu(room=0)(mosaics(6, width=16))
    assert not torch_backend._ON_A_GPU.locked()


def test_what_else_goes_wrong_on_a_gpu_is_no_want_of_memory():
    full = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    assert len(SmallGpu(2, full)(mosaics(3)).logits) == 3
    with pytest.raises(RuntimeError, match="illegal memory access"):
        SmallGpu(2, RuntimeError("CUDA error: an illegal memory access was encountered"))(mosaics(3))


def test_a_network_for_which_there_is_no_memory_is_a_sentence(monkeypatch):
    def full(*_):
        raise FULL

    network = SmallGpu(1).network
    monkeypatch.setattr(MosaicNetwork, "to", full)
    with pytest.raises(ValueError, match="no memory for the network: end what else uses it"):
        TorchBackend(network, torch.device("cuda"))


def test_what_a_training_left_in_cudnn_is_there_again_afterwards(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    SmallGpu(room=1)(mosaics(1))
    assert torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.deterministic


def test_leaves_do_not_tie_for_want_of_digits(monkeypatch):
    """As on a GPU with units for bfloat16, which the CPU emulates."""
    torch.manual_seed(0)
    network = MosaicNetwork(CONFIG.backbone, np.arange(2000), np.full(2000, 1 / 2000)).eval()
    torch.nn.init.normal_(network.head.weight)
    photos = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    exact = TorchBackend(network, CPU)(photos).logits[0]
    monkeypatch.setattr(torch_backend, "autocast", lambda device: torch.autocast(device.type, torch.bfloat16))
    logits = TorchBackend(network, CPU)(photos).logits[0]
    assert not np.array_equal(logits, exact)
    # as many different values as float32 tells apart; bfloat16 leaves half of them
    assert len(np.unique(logits)) == len(np.unique(exact)) > 1990
    assert np.abs(logits - exact).max() < 0.02 * np.abs(exact).max()


def test_a_cpu_takes_a_batch_as_it_comes(monkeypatch):
    backend = TorchBackend(SmallGpu(1).network.to_empty(device=CPU), CPU)
    monkeypatch.setattr(TorchBackend, "_in_pieces", None)
    assert backend(np.zeros((3, 32, 32, 3), np.uint8)).logits.shape == (3, 4)
