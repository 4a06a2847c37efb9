"""RapidOCR (PP-OCR networks), one photo per worker process and one worker per core."""

import importlib.util
import json
import logging
from collections.abc import Sequence
from functools import cache, partial
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.files.child_process import START_LIMIT_S
from catalog.files.cores import n_cores
from catalog.files.gpu import gpus_are_hidden, has_nvidia_gpu
from ocr.config import EngineConfig
from ocr.engines import cuda
from ocr.engines.base import MIN_SIDE, EngineMissing, Photo, longest_useful
from ocr.engines.languages import RAPIDOCR_SCRIPTS, install_tesseract, unread_by_rapidocr
from ocr.engines.pool import WorkerPool
from ocr.transcript import PhotoReading, Transcript

log = logging.getLogger(__name__)
ENLARGE = 2.0
MIN_CONFIDENCE = 0.7
MAX_SIDE = 2000
"""Pixels of the longer side, enlarged: lines are cut out of that picture, 48 pixels high."""
# The detector sees a square at most this elongated: a thin strip is padded, or it would shrink to nothing.
MAX_ASPECT = 4.0
_INSTALL = "pip install 'rapidocr>=3.10' onnxruntime openvino, or set engine.name to tesseract"
_RUNTIME = {"openvino": "openvino", "onnxruntime": "onnxruntime", "cuda": "onnxruntime"}


class RapidEngine:
    """Reads photos with the networks that ship in rapidocr's wheel; nothing is downloaded.

    One thread per photo: two of onnxruntime's took 0.45 s where one took 0.26 s, and cores have photos enough.

    Raises:
        EngineMissing: rapidocr, its runtime or the networks are not installed.
    """

    name = "rapidocr"

    def __init__(self, config: EngineConfig) -> None:
        backend = _best_backend() if config.backend == "auto" else config.backend
        spec = importlib.util.find_spec("rapidocr")
        if spec is None or spec.origin is None or importlib.util.find_spec(_RUNTIME[backend]) is None:
            raise EngineMissing(f"RapidOCR is not installed: {_INSTALL}")
        if backend == "cuda":
            # whether it finds a GPU, a worker tells when it starts
            cuda.check_build()
        unread = unread_by_rapidocr(config.languages)
        if unread:
            log.warning(
                "RapidOCR reads %s, not %s: --set engine.name=tesseract reads them (Debian: %s)",
                RAPIDOCR_SCRIPTS, ", ".join(unread), install_tesseract(unread),
            )  # fmt: skip
        models = Path(spec.origin).parent / "models"
        detector, recognizer = _network(models, "det"), _network(models, "rec")
        enlarge = ENLARGE if config.enlarge == "auto" else config.enlarge
        self.max_side = longest_useful(MAX_SIDE, enlarge)
        min_confidence = MIN_CONFIDENCE if config.min_confidence == "auto" else config.min_confidence
        # a GPU is shared by two processes: one computes while the other prepares
        best = 2 if backend == "cuda" else n_cores()
        threads = best if config.threads == "auto" else config.threads
        # r2 is our part of the reading, `ocr.lines`: raised with it, so that the cache's older transcripts are not used
        self.settings = (
            f"rapidocr {metadata.version('rapidocr')} {detector.stem} {recognizer.stem} {backend} "
            f"side={config.detection_side} enlarge={enlarge:g} min_confidence={min_confidence:g} r2"
        )
        arguments = {
            "detector": str(detector),
            "recognizer": str(recognizer),
            "backend": backend,
            "detection_side": config.detection_side,
            "min_confidence": min_confidence,
        }
        self._workers = WorkerPool(
            "ocr.engines.rapid_worker",
            json.dumps(arguments),
            partial(prepared, enlarge=enlarge),
            threads,
            config.time_limit_s,
            cuda.START_LIMIT_S if backend == "cuda" else START_LIMIT_S,
        )

    def read(self, photos: Sequence[Photo]) -> list[PhotoReading]:
        """See `ocr.engines.base.Engine.read`."""
        large = [row for row, photo in enumerate(photos) if min(photo.shape[:2]) >= MIN_SIDE]
        results: list[PhotoReading] = [Transcript()] * len(photos)
        for row, result in zip(large, self._workers.read([photos[row] for row in large]), strict=True):
            results[row] = result
        return results

    def close(self) -> None:
        """See `ocr.engines.base.Engine.close`."""
        self._workers.close()


def prepared(photo: Photo, enlarge: float) -> tuple[NDArray[np.uint8], float]:
    """The photo as RapidOCR sees it, and by how much it was enlarged.

    Args:
        photo: `(H, W, 3)` uint8 RGB. enlarge: factor, lowered where the longer side would pass `MAX_SIDE`.

    Returns:
        `(H', W', 3)` uint8 BGR, as its networks were trained, no more than `MAX_ASPECT` times longer than wide (padded
        right or below, so that coordinates only scale), and the scale.
    """
    scale = min(enlarge, MAX_SIDE / max(photo.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    how = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_AREA
    picture = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), (width, height), interpolation=how)
    least = int(max(height, width) / MAX_ASPECT)
    below, right = max(0, least - height), max(0, least - width)
    if below or right:
        picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8), scale


def _best_backend() -> str:
    """OpenVINO reads the same photos in 0.7 times ONNX Runtime's time on a CPU (`bench/ocr_engines.py`).

    A GPU is not taken by itself: whether two processes there, a line at a time, read faster than all of the machine's
    cores, nobody has measured.
    """
    if has_nvidia_gpu() and not gpus_are_hidden():
        _tell_of_gpu()
    return "openvino" if importlib.util.find_spec("openvino") is not None else "onnxruntime"


@cache
def _tell_of_gpu() -> None:
    log.info(
        "photos are read on the processor; whether the GPU is faster here: python bench/ocr_engines.py --backends, "
        "and --set engine.backend=cuda reads on it (needs onnxruntime-gpu)"
    )


def _network(models: Path, kind: str) -> Path:
    files = sorted(models.glob(f"*_{kind}_*.onnx"))
    if not files:
        raise EngineMissing(f"{models} holds no {kind} network: reinstall it, {_INSTALL}")
    # file names carry the networks' version: the newest
    return files[-1]
