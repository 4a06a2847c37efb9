"""ONNX Runtime on a GPU of NVIDIA: what its sessions are given, and whether the GPU is what computes.

`onnxruntime.get_available_providers` names what was compiled in. Whether it loads shows in a session alone, which goes
on without a word on the CPU where CUDA, cuDNN, the driver or the GPU's memory lacks.
"""

import ctypes
from contextlib import suppress
from importlib import metadata
from typing import Any

from ocr.engines.base import EngineMissing

PROVIDER = "CUDAExecutionProvider"
START_LIMIT_S = 600.0
"""A driver compiles the kernels for a GPU that is newer than the package, minutes long, when they are first loaded."""
LINE_WIDTHS = (16, 160, 320, 640, 1280, 2400)
"""Pixels. Lines whose kernels are chosen and loaded before the first photo."""
PROVIDER_OPTIONS = {
    # EXHAUSTIVE, rapidocr's choice, times every algorithm of every convolution at each of our 150 widths of lines
    "cudnn_conv_algo_search": "HEURISTIC",
    "do_copy_in_default_stream": True,
    # doubling what it holds each time, as it would by itself, an arena takes from a training on the same GPU
    "arena_extend_strategy": "kSameAsRequested",
    # of each network: the detector's tensors take 0.5 GiB at the largest `detection_side`, the recogniser's 0.1
    "gpu_mem_limit": 2 * 2**30,
}
"""Of ONNX Runtime's CUDA provider. Its device is the first of those that `CUDA_VISIBLE_DEVICES` shows."""
REINSTALL = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]'"
"""Both packages write the same folder, and what was installed last wins; without one, the other's files are gone."""


class GpuFailed(Exception):
    """A network did not get through on the GPU; the message is ONNX Runtime's last line."""


def check_build() -> None:
    """That onnxruntime is built for GPUs; whether it finds one, a session alone can say.

    Raises:
        EngineMissing: the installed onnxruntime does not load, or is not one for GPUs.
    """
    try:
        import onnxruntime

        # a build that loads CUDA as a plugin names the provider only where its libraries are found
        if _cuda_of_package() or PROVIDER in onnxruntime.get_available_providers():
            return
        why = "is built for the CPU alone"
    # what is left of a folder that two packages wrote and one removed can be imported, and holds nothing
    except (ImportError, AttributeError) as error:
        why = f"does not load ({error})"
    installed = []
    for name in ("onnxruntime", "onnxruntime-gpu"):
        with suppress(metadata.PackageNotFoundError):
            installed.append(f"{name} {metadata.version(name)}")
    what = f"what is installed as {' and '.join(installed)}" if installed else "onnxruntime"
    raise EngineMissing(f"engine.backend is cuda, but {what} {why}: {REINSTALL}")


def preload_libraries() -> None:
    """Load CUDA and cuDNN from the nvidia-* packages, which came with PyTorch: no system path leads there.

    What cannot be loaded is printed.
    """
    import onnxruntime

    # since 1.21; before, only what lies on the system's path is found
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()


def why_not_cuda(what: str, complaints: str) -> str:
    """One sentence without line breaks: what onnxruntime does instead of reading on the GPU, why, and the way out.

    Args:
        what: such as `fails`. complaints: what onnxruntime printed or raised; its first line that says something.
    """
    # its heading is a line of stars around two words
    reason = next((line.strip() for line in complaints.splitlines() if line.strip(" *") not in ("", "EP Error")), "")
    built, offered = _cuda_of_package(), _cuda_of_driver()
    driver = f"the driver offers CUDA {offered}" if offered else "no driver of NVIDIA answers (libcuda.so.1)"
    return (
        f"engine.backend is cuda, but onnxruntime {_version()} {what}{f' ({reason[:300]})' if reason else ''}: "
        f"it is built for CUDA {built or 'of an unknown version'}, {driver}; update the driver, or install what fits "
        f"it ({REINSTALL}), or --set engine.backend=openvino"
    )


def _version() -> str:
    """As told by the module: of two packages in one folder, that is the one which is loaded."""
    import onnxruntime

    return str(onnxruntime.__version__)


def _cuda_of_package() -> str:
    """Such as 13.0; empty in a build for the CPU."""
    import onnxruntime

    return str(getattr(onnxruntime, "cuda_version", "") or "")


def _cuda_of_driver() -> str:
    """The newest CUDA that the driver can run, such as 12.4; empty without a driver."""
    number = ctypes.c_int(0)
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number))
    return f"{number.value // 1000}.{number.value % 1000 // 10}" if number.value else ""


def sessions_of(networks: Any) -> list[Any]:
    """The detector's and the recogniser's `onnxruntime.InferenceSession` of a `rapidocr.RapidOCR` that has read."""
    return [network.session.session for network in (networks.text_det, networks.text_rec)]
