"""What the machine offers a network: its device, the numbers it computes in, processes that prepare photos."""

import os

import torch

from catalog.files.cores import n_cores
from mosaic.config import MosaicConfig

MAX_WORKERS = 8
"""Processes that prepare photos for one GPU: each prepares thousands a second, a GPU learns from hundreds."""


def best_device() -> torch.device:
    """The GPU of this process when there is one that PyTorch can use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compute_dtype(device: torch.device) -> torch.dtype:
    """The numbers that a network's products are computed in, in training, validation and prediction alike.

    bfloat16 where a GPU has units for it, else float32. PyTorch calls bfloat16 supported also where a GPU emulates it
    (before Ampere): there it takes longer than float32.
    """
    has_units = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_units else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Context in which a network computes in `compute_dtype`; without effect where that is float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=compute_dtype(device) == torch.bfloat16)


def data_workers(config: MosaicConfig) -> int:
    """Worker processes of the input pipeline of one training process."""
    if config.workers != "auto":
        return config.workers
    # one process prepares 6,800 photos a second (bench/results/input_pipeline.txt), a CPU of two cores learns from 28:
    # there workers would only take cores from the network
    if not torch.cuda.is_available():
        return 0
    # the training processes of one machine share its cores
    return max(1, min(MAX_WORKERS, n_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
