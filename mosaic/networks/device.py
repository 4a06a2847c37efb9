"""What the machine offers: device, worker processes."""

import torch

from catalog.files.cores import n_cores
from mosaic.config import MosaicConfig


def best_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def data_workers(config: MosaicConfig) -> int:
    """Worker processes of the input pipeline."""
    if config.workers != "auto":
        return config.workers
    # one process prepares 6,800 photos a second (bench/results/input_pipeline.txt), a CPU of two cores learns from 28:
    # there workers would only take cores from the network
    return min(8, n_cores()) if torch.cuda.is_available() else 0
