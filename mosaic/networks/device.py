"""What the machine offers: device, worker processes."""

from __future__ import annotations

import os

import torch

from mosaic.config import MosaicConfig


def best_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def data_workers(config: MosaicConfig) -> int:
    """Worker processes of the input pipeline; on CPU the network needs every core itself."""
    if config.workers != "auto":
        return config.workers
    return min(8, os.cpu_count() or 1) if torch.cuda.is_available() else 0
