"""A network in PyTorch as prediction uses it."""

import numpy as np

from mosaic.config import InferenceConfig
from mosaic.inference.backend import make_backend
from mosaic.inference.deployed import DeployedNetwork
from mosaic.networks.device import best_device
from mosaic.networks.network import MosaicNetwork


def deployed(network: MosaicNetwork, inference: InferenceConfig, photo_size: int = 180) -> DeployedNetwork:
    """The network on the machine's best device, behind what `inference.backend` asks for, see `make_backend`."""
    network = network.to(best_device()).eval()
    return DeployedNetwork(
        network.support.cpu().numpy().astype(np.int32),
        network.frequency.cpu().numpy(),
        network.head.in_features,
        make_backend(network, inference, photo_size),
    )
