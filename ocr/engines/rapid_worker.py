"""`python -m ocr.engines.rapid_worker SETTINGS`: one process that reads photos with RapidOCR's networks on one thread.

SETTINGS is JSON, the arguments of `RapidReader`.
"""

import io
import json
import logging
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.engines import cuda
from ocr.engines.pool import last_line, serve
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
            **{f"onnxruntime.cuda_ep_cfg.{key}": value for key, value in cuda.PROVIDER_OPTIONS.items()},
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
        self._side = detection_side

    def load(self) -> None:
        """Load both networks and their first kernels, so that no photo's time runs meanwhile."""
        self._detect(_blank(64, 64))
        # rapidocr loads a network when it is first asked, and this one is not asked about a picture without text
        self._recognize(_blank(LINE_HEIGHT, WIDTH_STEP))

    def read(self, picture: NDArray[np.uint8], scale: float) -> Transcript:
        """Words of a `(H, W, 3)` uint8 BGR picture; boxes are divided by `scale`."""
        detection = self._detect(picture)
        if detection.boxes is None:
            return Transcript()
        regions = np.asarray(detection.boxes, np.float64)
        return transcript(read_regions(picture, regions, self._recognize, self._min_confidence), scale)

    def _detect(self, picture: NDArray[np.uint8]) -> Any:
        return self._run(picture, use_det=True, use_rec=False)

    def _recognize(self, line: NDArray[np.uint8]) -> tuple[str, float]:
        recognition = self._run(line, use_det=False, use_rec=True)
        return ("", 0.0) if not recognition.txts else (recognition.txts[0], float(recognition.scores[0]))

    def _run(self, picture: NDArray[np.uint8], **steps: bool) -> Any:
        # no classifier: it turns whole lines by half turns only; `ocr.lines` tries the directions (similarity on turned
        # covers 0.997 against 0.553, `bench/ocr_engines.py`)
        return self._networks(picture, use_cls=False, **steps)


class GpuReader(RapidReader):
    """The same on a GPU: it does not start where the CPU would compute instead, and ends with the GPU's first error."""

    def load(self) -> None:
        """See `RapidReader.load`.

        Raises:
            SystemExit: a network does not run on the GPU; a sentence says why, and what to do.
        """
        said = io.StringIO()
        try:
            with redirect_stdout(said):
                cuda.preload_libraries()
                super().load()
            sessions = cuda.sessions_of(self._networks)
            first = [session.get_providers()[0] for session in sessions]
            if set(first) != {cuda.PROVIDER}:
                raise SystemExit(cuda.why_not_cuda(f"reads on {' and '.join(sorted(set(first)))}", said.getvalue()))
            for session in sessions:
                # else it goes on by itself on the CPU after an error
                session.disable_fallback()
            self._detect(_blank(self._side, self._side))
            for width in cuda.LINE_WIDTHS:
                self._recognize(_blank(LINE_HEIGHT, width))
        except cuda.GpuFailed as error:
            raise SystemExit(cuda.why_not_cuda("fails", str(error))) from None

    def read(self, picture: NDArray[np.uint8], scale: float) -> Transcript:
        """Words of a `(H, W, 3)` uint8 BGR picture, see `RapidReader.read`.

        Raises:
            SystemExit: the GPU failed; this process is of no more use.
        """
        try:
            return super().read(picture, scale)
        except cuda.GpuFailed as error:
            # a CUDA context that has failed once fails from then on: whether it is the photo, a new process shows
            raise SystemExit(f"the GPU failed: {error}") from None

    def _run(self, picture: NDArray[np.uint8], **steps: bool) -> Any:
        try:
            return super()._run(picture, **steps)
        except Exception as error:
            raise cuda.GpuFailed(last_line(error)) from error


def _blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 255, np.uint8)


def _reader() -> Callable[[NDArray[np.uint8], float], Transcript]:
    cv2.setNumThreads(1)
    arguments = json.loads(sys.argv[1])
    reader = (GpuReader if arguments["backend"] == "cuda" else RapidReader)(**arguments)
    reader.load()
    return reader.read


if __name__ == "__main__":
    serve(_reader)
