"""`python -m ocr.engines.rapid_worker SETTINGS`: one process that reads photos with RapidOCR's networks on one thread.

SETTINGS is JSON, the arguments of `RapidReader`.
"""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.engines.pool import serve
from ocr.lines import LINE_HEIGHT, WIDTH_STEP, read_regions, transcript
from ocr.transcript import Transcript


class RapidReader:
    """RapidOCR's detection and recognition networks; how regions become words is ours (`ocr.lines`).

    Args:
        detector, recognizer: ONNX files. backend: `openvino`, `onnxruntime` or `cuda`.
        detection_side: longer side of what the detector sees, pixels. min_confidence: in [0, 1].
    """

    def __init__(
        self, detector: str, recognizer: str, backend: str, detection_side: int, min_confidence: float
    ) -> None:
        from rapidocr import EngineType, RapidOCR

        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        engine = EngineType.OPENVINO if backend == "openvino" else EngineType.ONNXRUNTIME
        one_thread = {
            "onnxruntime.intra_op_num_threads": 1,
            "onnxruntime.inter_op_num_threads": 1,
            "onnxruntime.use_cuda": backend == "cuda",
            "openvino.inference_num_threads": 1,
            "openvino.num_streams": 1,
            # every process would pin itself to the same first core
            "openvino.enable_cpu_pinning": False,
        }
        self._networks = RapidOCR(
            params={
                "Global.log_level": "critical",
                # `ocr.engines.rapid.prepared` does both, with a bound on the aspect that these lack
                "Global.use_preprocess_img": False,
                "Global.use_vertical_padding": False,
                "Det.engine_type": engine,
                "Det.model_path": detector,
                "Det.limit_side_len": detection_side,
                "Det.limit_type": "max",
                "Rec.engine_type": engine,
                "Rec.model_path": recognizer,
                # a line at its own width: what is padded is read too, and a batch pads to its widest line
                "Rec.rec_batch_num": 1,
                "Rec.rec_img_shape": [3, LINE_HEIGHT, WIDTH_STEP],
                **{f"EngineConfig.{key}": value for key, value in one_thread.items()},
            }
        )
        self._min_confidence = min_confidence

    def read(self, picture: NDArray[np.uint8], scale: float) -> Transcript:
        """Words of a `(H, W, 3)` uint8 BGR picture; boxes are divided by `scale`."""
        # no classifier: it turns whole lines by half turns only; `ocr.lines` tries the directions (similarity on turned
        # covers 0.997 against 0.553, `bench/ocr_engines.py`)
        detection: Any = self._networks(picture, use_det=True, use_cls=False, use_rec=False)
        if detection.boxes is None:
            return Transcript()
        regions = np.asarray(detection.boxes, np.float64)
        return transcript(read_regions(picture, regions, self._recognize, self._min_confidence), scale)

    def _recognize(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        recognition: Any = self._networks(line, use_det=False, use_cls=False, use_rec=True)
        return ("", 0.0) if not recognition.txts else (recognition.txts[0], float(recognition.scores[0]))


def _reader() -> Callable[[NDArray[np.uint8], float], Transcript]:
    cv2.setNumThreads(1)
    reader = RapidReader(**json.loads(sys.argv[1]))
    # both networks are loaded, and their first kernels built, before the first photo's time runs
    reader.read(np.full((64, 64, 3), 255, np.uint8), 1.0)
    return reader.read


if __name__ == "__main__":
    serve(_reader)
