"""Where networks predict beside a GPU, for which torch's `meta` stands: a device whose tensors hold no numbers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks import deployed as deployed_module
from mosaic.networks.deployed import deployed
from mosaic.networks.device import CPU
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend

CONFIG = load_config(MosaicConfig, "mosaic", "debug")
GPU = torch.device("meta")
MOSAICS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def network(monkeypatch) -> MosaicNetwork:
    monkeypatch.setattr(deployed_module, "best_device", lambda: GPU)
    torch.manual_seed(0)
    return MosaicNetwork(CONFIG.backbone, np.arange(4), np.full(4, 0.25)).eval()


def ready(network: MosaicNetwork, backend: str):
    return deployed(network, CONFIG.inference.model_copy(update={"backend": backend}), 32)


@pytest.mark.parametrize("order", list(permutations(["torch", "openvino", "onnx"])), ids="-".join)
def test_programs_of_one_network_stay_each_on_its_device(network, order):
    expected = TorchBackend(network, CPU)(MOSAICS)
    weights = network.head.weight
    made = {backend: ready(network, backend) for backend in order}
    # nobody took it along, nor put other weights in its place
    assert network.device == CPU
    assert network.head.weight is weights
    assert made["torch"].backend.network.device == ready(network, "auto").backend.network.device == GPU
    # a training that goes on from it takes it to the GPU, before the other programs are made of it
    network.to(GPU)
    for backend in ("openvino", "onnx"):
        np.testing.assert_allclose(made[backend].backend(MOSAICS).logits, expected.logits, atol=1e-4)
    network.to_empty(device=CPU)
    assert made["torch"].backend.network.device == GPU
