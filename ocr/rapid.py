"""RapidOCR (PP-OCR networks on onnxruntime), inside this process, one photo per thread."""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.config import EngineConfig
from ocr.engine import MIN_SIDE, EngineMissing, Photo
from ocr.transcript import OcrFailure, Transcript, Word, bounded, line_words

log = logging.getLogger(__name__)

ENLARGE = 2.0
MIN_CONFIDENCE = 0.7
MAX_SIDE = 2000
# The detector sees a square at most this elongated: a thin strip is padded, or it would shrink to nothing.
MAX_ASPECT = 4.0
_INSTALL = "pip install 'rapidocr>=3.10' onnxruntime, or set engine.name to tesseract"


class RapidEngine:
    """Reads photos with the networks that ship in rapidocr's wheel; nothing is downloaded.

    One onnxruntime thread per photo: two take 0.45 s of processor time for a photo where one takes 0.26 s.

    Raises:
        EngineMissing: rapidocr, onnxruntime or the networks are not installed.
    """

    name = "rapidocr"

    def __init__(self, config: EngineConfig) -> None:
        spec = importlib.util.find_spec("rapidocr")
        if spec is None or spec.origin is None or importlib.util.find_spec("onnxruntime") is None:
            raise EngineMissing(f"RapidOCR is not installed: {_INSTALL}")
        models = Path(spec.origin).parent / "models"
        self.detector, self.recognizer = _network(models, "det"), _network(models, "rec")
        self.enlarge = ENLARGE if config.enlarge == "auto" else config.enlarge
        self.min_confidence = MIN_CONFIDENCE if config.min_confidence == "auto" else config.min_confidence
        self.detection_side = config.detection_side
        self.threads = os.cpu_count() or 1 if config.threads == "auto" else config.threads
        self.settings = (
            f"rapidocr {metadata.version('rapidocr')} {self.detector.stem} {self.recognizer.stem} "
            f"side={self.detection_side} enlarge={self.enlarge:g} min_confidence={self.min_confidence:g} r1"
        )
        self._session: Any = None
        self._lock = threading.Lock()

    def read(self, photos: Sequence[Photo]) -> list[Transcript | OcrFailure]:
        """See `ocr.engine.Engine.read`."""
        if not photos:
            return []
        self._load()
        with ThreadPoolExecutor(min(self.threads, len(photos))) as pool:
            return list(pool.map(self._read_one, photos))

    def _load(self) -> None:
        with self._lock:
            if self._session is not None:
                return
            from rapidocr import RapidOCR

            logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
            threads = "EngineConfig.onnxruntime"
            self._session = RapidOCR(
                params={
                    "Global.use_cls": False,
                    "Global.log_level": "critical",
                    "Global.text_score": self.min_confidence,
                    # `prepared` does both, with a bound on the aspect that these lack
                    "Global.use_preprocess_img": False,
                    "Global.use_vertical_padding": False,
                    "Det.model_path": str(self.detector),
                    "Det.limit_side_len": self.detection_side,
                    "Det.limit_type": "max",
                    "Rec.model_path": str(self.recognizer),
                    # one crop at its own width: no padding is read
                    "Rec.rec_batch_num": 1,
                    "Rec.rec_img_shape": [3, 48, 48],
                    f"{threads}.intra_op_num_threads": 1,
                    f"{threads}.inter_op_num_threads": 1,
                }
            )

    def _read_one(self, photo: Photo) -> Transcript | OcrFailure:
        if min(photo.shape[:2]) < MIN_SIDE:
            return Transcript()
        try:
            picture, scale = prepared(photo, self.enlarge)
            found = self._session(picture)
            if found.txts is None:
                return Transcript()
            words: list[Word] = []
            for line, (text, score, corners) in enumerate(zip(found.txts, found.scores, found.boxes, strict=True)):
                box = np.asarray(corners, np.float64) / scale
                left, top, right, bottom = (float(side) for side in (*box.min(axis=0), *box.max(axis=0)))
                words += line_words(text, float(score), (left, top, right, bottom), line)
            return bounded(words)
        except Exception as error:
            # a network on odd pixels may raise anything; the other photos go on
            log.warning("RapidOCR failed on a photo of %s pixels: %s", photo.shape[:2], error)
            return OcrFailure(f"rapidocr: {type(error).__name__}: {str(error)[:200]}")


def prepared(photo: Photo, enlarge: float) -> tuple[NDArray[np.uint8], float]:
    """The photo as RapidOCR sees it, and by how much it was enlarged.

    Args:
        photo: `(H, W, 3)` uint8. enlarge: factor, lowered where the longer side would pass `MAX_SIDE`.

    Returns:
        `(H', W', 3)` uint8, no more than `MAX_ASPECT` times longer than wide (padded right or below, so that
        coordinates only scale), and the scale.
    """
    scale = min(enlarge, MAX_SIDE / max(photo.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    picture = cv2.resize(photo, (width, height), interpolation=cv2.INTER_CUBIC)
    least = int(max(height, width) / MAX_ASPECT)
    below, right = max(0, least - height), max(0, least - width)
    if below or right:
        picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8), scale


def _network(models: Path, kind: str) -> Path:
    found = sorted(models.glob(f"*_{kind}_*.onnx"))
    if not found:
        raise EngineMissing(f"{models} holds no {kind} network: reinstall it, {_INSTALL}")
    return found[-1]
