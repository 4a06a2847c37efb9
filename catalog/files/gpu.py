"""Whether this machine has a GPU, asked of the system: a library that could tell takes seconds to load."""

from pathlib import Path

DEVICES = Path("/dev")
NVIDIA, AMD = "nvidia[0-9]*", "kfd"
"""Device files that the drivers make, one for each of NVIDIA's GPUs and one for all of AMD's."""


def has_nvidia_gpu() -> bool:
    """Whether there is a GPU of NVIDIA."""
    return any(DEVICES.glob(NVIDIA))


def has_gpu() -> bool:
    """Whether there is any GPU that a network could run on; whether PyTorch can use it is for PyTorch to say."""
    return has_nvidia_gpu() or (DEVICES / AMD).exists()
