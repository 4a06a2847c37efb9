"""Whether this machine has a GPU, asked of the system: a library that could tell takes seconds to load."""

import ctypes
import os
from pathlib import Path

DEVICES = Path("/dev")
NVIDIA, AMD = "nvidia[0-9]*", "kfd"
"""Device files that the drivers make, one for each of NVIDIA's GPUs and one for all of AMD's."""
WINDOWS = "dxg"
"""In Linux on Windows (WSL 2): one for whatever GPU there is. NVIDIA's has no other there."""
CUDA_LIBRARY = "libcuda.so.1"
"""Of NVIDIA's driver."""
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""Is there while NVIDIA's driver is loaded, also in a container that was given none of its GPUs."""


def has_nvidia_gpu() -> bool:
    """Whether there is a GPU of NVIDIA."""
    return any(DEVICES.glob(NVIDIA)) or ((DEVICES / WINDOWS).exists() and _is_installed(CUDA_LIBRARY))


def has_nvidia_driver() -> bool:
    """Whether there is a GPU of NVIDIA, or at least the driver of one."""
    return has_nvidia_gpu() or NVIDIA_DRIVER.exists()


def has_gpu() -> bool:
    """Whether there is any GPU that a network could run on; whether PyTorch can use it is for PyTorch to say."""
    return (has_nvidia_gpu() and not gpus_are_hidden()) or (DEVICES / AMD).exists()


def _is_installed(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def gpus_are_hidden() -> bool:
    """Whether whoever started this program has kept all GPUs of NVIDIA from it: `CUDA_VISIBLE_DEVICES=` or -1."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
