"""Whether this machine has a GPU, asked of the system: a library that could tell takes seconds to load."""

import os
from pathlib import Path

DEVICES = Path("/dev")
NVIDIA, AMD = "nvidia[0-9]*", "kfd"
"""Device files that the drivers make, one for each of NVIDIA's GPUs and one for all of AMD's."""
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""Is there while NVIDIA's driver is loaded, also in a container that was given none of its GPUs."""


def has_nvidia_gpu() -> bool:
    """Whether there is a GPU of NVIDIA."""
    return any(DEVICES.glob(NVIDIA))


def has_nvidia_driver() -> bool:
    """Whether there is a GPU of NVIDIA, or at least the driver of one."""
    return has_nvidia_gpu() or NVIDIA_DRIVER.exists()


def has_gpu() -> bool:
    """Whether there is any GPU that a network could run on; whether PyTorch can use it is for PyTorch to say."""
    return has_nvidia_gpu() or (DEVICES / AMD).exists()


def gpus_are_hidden() -> bool:
    """Whether whoever started this program has kept all GPUs of NVIDIA from it: `CUDA_VISIBLE_DEVICES=` or -1."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
