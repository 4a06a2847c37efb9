"""A network in PyTorch as prediction uses it: as it is, or as another program that is made of it in memory."""

import tempfile
from pathlib import Path

import numpy as np

from mosaic.config import InferenceConfig
from mosaic.inference.backend import OnnxBackend, OpenVinoBackend
from mosaic.inference.checked import CheckedBackend, against
from mosaic.inference.deployed import DeployedNetwork
from mosaic.inference.outputs import Backend
from mosaic.networks.device import CPU, best_device, warn_if_slow
from mosaic.networks.graph import to_onnx, to_openvino
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend


def deployed(network: MosaicNetwork, inference: InferenceConfig, photo_size: int = 180) -> DeployedNetwork:
    """The network behind what `inference.backend` asks for, see `make_backend`; it stays where and as it is itself."""
    return DeployedNetwork(
        network.support.cpu().numpy().astype(np.int32),
        network.frequency.cpu().numpy(),
        network.head.in_features,
        make_backend(network, inference, photo_size),
    )


def make_backend(network: MosaicNetwork, inference: InferenceConfig, photo_size: int = 180) -> Backend:
    """What `inference.backend` asks for; `auto` is PyTorch where there is a GPU, else OpenVINO, else PyTorch.

    Here alone it is decided on which device a network predicts: PyTorch on the best one, the other programs and what
    they are held against on the CPU, also beside a GPU. All run a copy of `network` as it is now, so that none is moved
    by another, or by a training that goes on from it. Nothing is converted before the first call.

    Args:
        network: on any device.
        photo_size: side in pixels of the mosaic that the network is traced with.
    """
    wanted = inference.backend
    if wanted in ("auto", "torch"):
        device = best_device()
        warn_if_slow(device)
        if wanted == "torch" or device != CPU:
            return TorchBackend(network, device)
    reference = TorchBackend(network, CPU)
    network, check = reference.network, against(reference)
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
