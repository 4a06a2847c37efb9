"""PyTorch behind the call that prediction makes: what the other programs are held against."""

import numpy as np
import torch
from numpy.typing import NDArray

from mosaic.inference.outputs import Outputs
from mosaic.networks.device import autocast
from mosaic.networks.network import MosaicNetwork


class TorchBackend:
    """PyTorch on the network's device, in the numbers that suit it (`mosaic.networks.device.compute_dtype`)."""

    name = "torch"

    def __init__(self, network: MosaicNetwork) -> None:
        """The network stays where it is."""
        self.network = network.to(memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        device = self.network.device
        with autocast(device):
            embedding = self.network.features(torch.from_numpy(mosaics).to(device))
            logits = self.network.head(embedding)
        return Outputs(embedding.float().cpu().numpy(), logits.float().cpu().numpy())
