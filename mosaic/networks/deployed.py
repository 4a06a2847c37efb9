"""A network in PyTorch as prediction uses it: as it is, or as another program that is made of it in memory."""

import tempfile
from pathlib import Path

import numpy as np

from mosaic.config import InferenceConfig
from mosaic.inference.backend import OnnxBackend, OpenVinoBackend
from mosaic.inference.checked import CheckedBackend, against
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.outputs import Backend
from mosaic.networks.device import best_device
from mosaic.networks.graph import to_onnx, to_openvino
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend


def deployed(network: MosaicNetwork, inference: InferenceConfig, photo_size: int = 180) -> DeployedNetwork:
    """The network on the machine's best device, behind what `inference.backend` asks for, see `make_backend`."""
    network = network.to(best_device()).eval()
    return DeployedNetwork(
        network.support.cpu().numpy().astype(np.int32),
        network.frequency.cpu().numpy(),
        network.head.in_features,
        make_backend(network, inference, photo_size),
    )


def make_backend(network: MosaicNetwork, inference: InferenceConfig, photo_size: int = 180) -> Backend:
    """What `inference.backend` asks for; `auto` is PyTorch where the network is on a GPU, else OpenVINO, else PyTorch.

    Nothing is converted before the first call. `photo_size`: side in pixels of the mosaic that the network is traced
    with.
    """
    wanted = inference.backend
    if wanted == "torch" or (wanted == "auto" and network.device.type == "cuda"):
        return TorchBackend(network)
    # the other programs run on CPU, also beside a GPU
    reference = TorchBackend(network.cpu())
    check = against(reference)
    if wanted == "onnx":
        return CheckedBackend("onnx", lambda: _onnx(network, photo_size), check, lambda: reference, fall_back=False)
    return CheckedBackend(
        "openvino", lambda: OpenVinoBackend(to_openvino(network, photo_size)), check, lambda: reference,
        fall_back=wanted == "auto",
    )  # fmt: skip


def _onnx(network: MosaicNetwork, photo_size: int) -> Backend:
    with tempfile.TemporaryDirectory() as folder:
        to_onnx(network, photo_size, Path(folder) / "network.onnx")
        return OnnxBackend(Path(folder) / "network.onnx")
