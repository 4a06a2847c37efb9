"""What the machine offers a network: its device, the numbers it computes in, processes that prepare photos."""

import logging
import os
import warnings
from functools import cache

import torch

from catalog.files.cores import n_cores
from catalog.files.gpu import gpus_are_hidden, has_nvidia_driver
from mosaic.config import MosaicConfig

log = logging.getLogger(__name__)
MAX_WORKERS = 8
"""Processes that prepare photos for one GPU: each prepares thousands a second, a GPU learns from hundreds."""
CPU = torch.device("cpu")
AMPERE = (8, 0)
"""Compute capability of NVIDIA's first GPUs with units for bfloat16."""
_RAN_OUT = ("can't allocate memory", "CUDA error: out of memory", "_ALLOC_FAILED")
"""How want of memory is said by PyTorch's allocator on the CPU, by CUDA itself, by cuBLAS and cuDNN."""
GPU_REMEDY = (
    "update the driver, or install the torch that fits it and the GPU (https://pytorch.org/get-started/locally); a "
    "container sees GPUs when it is started with `docker run --gpus all`"
)
"""What to do where `why_no_gpu` says something."""


def best_device() -> torch.device:
    """The GPU of this process when there is one that PyTorch can use, else the CPU."""
    return torch.device("cpu" if _gpu_error() else "cuda")


def _gpu_error() -> str:
    """What PyTorch says when it is to compute something on this process's GPU; empty where it does it."""
    with warnings.catch_warnings():
        # the same as the error, which `why_no_gpu` tells in one line
        warnings.simplefilter("ignore")
        try:
            # not only asked: a GPU counts as available also where this PyTorch holds no code for its generation
            torch.ones(1, device="cuda").add_(1).item()
        # AssertionError: a PyTorch that was built for CPUs alone
        except (RuntimeError, AssertionError) as error:
            return str(error).strip().partition("\n")[0]
    return ""


def why_no_gpu() -> str:
    """Why PyTorch cannot use the GPU of NVIDIA that is there, in one line.

    Empty where it can, where there is none, and where `CUDA_VISIBLE_DEVICES` hides it on purpose.
    """
    if not has_nvidia_driver() or gpus_are_hidden() or not (error := _gpu_error()):
        return ""
    build = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    return f"there is an NVIDIA driver, but torch {torch.__version__} ({build}) cannot use its GPU: {error}"


def described(device: torch.device) -> str:
    """A device and the numbers that networks compute in on it, for people: `NVIDIA H100, bfloat16`, `CPU, float32`."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{name}, {str(compute_dtype(device)).removeprefix('torch.')}"


@cache
def warn_if_slow(device: torch.device) -> None:
    """Say in the log, once in a process, why networks run more slowly on this device than the machine lets expect.

    That is a CPU where PyTorch cannot use the GPU, or a GPU that has no units for bfloat16.
    """
    if device == CPU and (why := why_no_gpu()):
        log.warning("the CPU is used, and the GPU stands idle: %s; %s", why, GPU_REMEDY)
    if device.type == "cuda" and compute_dtype(device) == torch.float32:
        log.warning(
            "%s: this GPU has no units for bfloat16 (NVIDIA's have them from Ampere on, compute capability 8.0). "
            "float32 leaves its tensor cores idle, and what the network computes takes twice the memory: where it does "
            "not fit, lower photos_per_batch", described(device),
        )  # fmt: skip


def compute_dtype(device: torch.device) -> torch.dtype:
    """The numbers that a network's products are computed in, in training, validation and prediction alike.

    bfloat16 where a GPU has units for it, else float32. PyTorch calls bfloat16 supported also where a GPU emulates it
    (before Ampere): there it takes longer than float32.
    """
    # not torch.cuda.is_bf16_supported, which asks the current GPU, whatever the device
    has_units = device.type == "cuda" and (
        torch.version.hip is not None or torch.cuda.get_device_capability(device) >= AMPERE
    )
    return torch.bfloat16 if has_units else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Context in which a network computes in `compute_dtype`; without effect where that is float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=compute_dtype(device) == torch.bfloat16)


def ran_out(error: BaseException) -> bool:
    """Whether a computation has failed for want of memory."""
    is_said = isinstance(error, RuntimeError) and any(words in str(error) for words in _RAN_OUT)
    return is_said or isinstance(error, torch.OutOfMemoryError)


def data_workers(config: MosaicConfig) -> int:
    """Worker processes of the input pipeline of one training process."""
    if config.workers != "auto":
        return config.workers
    # one process prepares 6,800 photos a second (bench/results/input_pipeline.txt), a CPU of two cores learns from 28:
    # there workers would only take cores from the network
    if best_device() == CPU:
        return 0
    # the training processes of one machine share its cores
    return max(1, min(MAX_WORKERS, n_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
