"""The machine: OCR engines, GPU, what predicts on the CPU, disk, shared memory."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mosaic.training.shared_memory import SHARED_MEMORY
from rayonnage.doctor.check import Check, Status

if TYPE_CHECKING:
    from ocr.engines.base import Engine

LANGUAGES = ("fra", "eng")
"""Tesseract's codes of the languages that the shipped configuration reads."""
LOW_DISK = 5 * 2**30
"""Bytes. Five networks of the challenge's size, held-out twins, graphs and checkpoints (DenseNet-161: 110 MB)."""
LOW_SHARED_MEMORY = 2**30
"""Bytes. Batches of 512 photos of 180 px, prepared by eight processes, fill 0.9 GB (`bytes_in_flight`)."""


def check_rapidocr() -> Check:
    """The engine that reads unless another is asked for: its package, its runtime, its networks."""
    import numpy as np

    from ocr.engines import cuda
    from ocr.engines.base import EngineMissing
    from ocr.engines.languages import RAPIDOCR_SCRIPTS

    try:
        engine = _rapidocr()
    except EngineMissing as error:
        finding, _, remedy = str(error).partition(": ")
        return Check(Status.MISSING, "reading", finding, remedy)
    finding = f"{engine.settings.partition(' side=')[0]}: {RAPIDOCR_SCRIPTS}"
    try:
        cuda.check_build()
    except EngineMissing:
        # nobody has prepared this machine for it
        return Check(Status.OK, "reading", finding)
    try:
        with closing(_rapidocr("engine.backend=cuda", "engine.threads=1")) as on_gpu:
            # what was compiled in says little: a process that starts shows what loads
            on_gpu.read([np.full((64, 64, 3), 255, np.uint8)])
    except EngineMissing as error:
        why, _, remedy = str(error).rpartition("; ")
        return Check(Status.WARNING, "reading", f"{finding}; not on the GPU: {why}", remedy)
    return Check(Status.OK, "reading", f"{finding}; with --set engine.backend=cuda on the GPU")


def _rapidocr(*overrides: str) -> Engine:
    from catalog.runs.config import load_config
    from ocr.config import OcrConfig
    from ocr.engines.registry import make_engine

    return make_engine(load_config(OcrConfig, "ocr", overrides=["engine.name=rapidocr", *overrides]).engine)


def check_tesseract() -> Check:
    """The other engine, which nothing needs unless it is asked for."""
    import pytesseract

    from ocr.engines.languages import install_tesseract
    from ocr.engines.tesseract_version import tesseract_version

    remedy = f"sudo {install_tesseract(LANGUAGES)}"
    try:
        version = tesseract_version()
        installed = pytesseract.get_languages()
    # pytesseract ends the program where tesseract's answer is none
    except (OSError, SystemExit, RuntimeError):
        return Check(Status.WARNING, "tesseract", "not installed; only engine.name=tesseract needs it", remedy)
    absent = [code for code in LANGUAGES if code not in installed]
    if absent:
        return Check(Status.WARNING, "tesseract", f"{version}, without the language {' and '.join(absent)}", remedy)
    return Check(Status.OK, "tesseract", f"{version}, languages {', '.join(installed)}")


def check_gpu() -> Check:
    """A GPU is used when torch can compute on it; one that it cannot use is worth a word."""
    import torch

    from mosaic.networks.device import GPU_REMEDY, best_device, described, why_no_gpu

    if best_device().type == "cuda":
        gpus = [(torch.device("cuda", number), torch.cuda.get_device_properties(number).total_memory)
                for number in range(torch.cuda.device_count())]  # fmt: skip
        names = "; ".join(f"{described(gpu)} ({memory / 2**30:.0f} GiB)" for gpu, memory in gpus)
        return Check(Status.OK, "GPU", f"{names}: training uses it")
    if why := why_no_gpu():
        return Check(Status.WARNING, "GPU", why, GPU_REMEDY)
    return Check(Status.OK, "GPU", "none: everything runs on the processor")


def check_processor() -> Check:
    """What predicts where there is no GPU."""
    import onnxruntime

    from catalog.files.openvino_core import openvino_core

    devices = openvino_core().available_devices
    if "CPU" not in devices:
        return Check(Status.WARNING, "processor", "OpenVINO does not know it: predictions run on ONNX Runtime")
    # not its providers: they are what was compiled in, and of them the CPU alone predicts
    return Check(Status.OK, "processor", f"OpenVINO on {', '.join(devices)}; ONNX Runtime {onnxruntime.__version__}")


def check_disk(folder: Path) -> Check:
    """Room for runs and predictions."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    finding = f"{free / 2**30:.1f} GiB are free in {there}"
    if free < LOW_DISK:
        return Check(Status.WARNING, "disk", finding, "make room, or keep the runs elsewhere: --workspace FOLDER")
    return Check(Status.OK, "disk", finding)


def check_shared_memory() -> Check:
    """Through it processes that decode photos hand them to the training; Docker gives 64 MiB."""
    if not SHARED_MEMORY.is_dir():
        return Check(Status.OK, "shared memory", f"this system has no {SHARED_MEMORY}")
    size = shutil.disk_usage(SHARED_MEMORY).total
    finding = f"{size / 2**30:.2g} GiB in {SHARED_MEMORY}"
    if size < LOW_SHARED_MEMORY:
        remedy = "docker run --shm-size=2g ..., or mosaic train --set workers=0"
        return Check(Status.WARNING, "shared memory", f"only {finding}: training on a GPU may be slower", remedy)
    return Check(Status.OK, "shared memory", finding)
