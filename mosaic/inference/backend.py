"""Programs that run a network's graph on a CPU: OpenVINO and ONNX Runtime, behind the same call as PyTorch."""

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.cores import n_cores
from catalog.files.openvino_core import openvino_core
from mosaic.inference.outputs import INPUT, OUTPUTS, Outputs

MAX_PROGRAMS = 12
"""Compiled models that OpenVINO keeps: strips of one to four photos and grids are five shapes, small ones two each."""
PIXELS_PER_REQUEST = 4 * 160 * 160
"""Small mosaics go several to a request: four of 160 pixels take a tenth less time than four requests, eight more."""


def n_threads() -> int:
    """Threads that run a network: `OMP_NUM_THREADS`, which PyTorch goes by too, else one for each core."""
    # the variable may be a list, a number for each level of nested threads; OpenMP passes over what is no such number
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) else n_cores()


class OnnxBackend:
    """ONNX Runtime on CPU."""

    name = "onnx"

    def __init__(self, path: Path) -> None:
        """`path`: what `to_onnx` wrote; it is not needed afterwards."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads()
        # else its threads burn their cores while they wait, see `catalog.files.cores`
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        return Outputs(*self._session.run(list(OUTPUTS), {INPUT: mosaics}))


def shared_requests(n: int, height: int, width: int) -> tuple[int, int]:
    """How many mosaics share a request, and how many of n go that way; the others go one by one."""
    several = max(1, PIXELS_PER_REQUEST // (height * width))
    # with fewer mosaics every core takes them one by one: none idles, and a single product is not kept waiting
    return several, n // several * several if n >= several * n_threads() else 0


class Requests:
    """The requests that a compiled model can run at once, lent to the calls that need some.

    Not openvino's AsyncInferQueue: it has one callback for all, and two threads that start at once get one request.
    """

    def __init__(self, compiled: Any) -> None:
        """`compiled`: `openvino.CompiledModel`."""
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")):
            self._idle.put(compiled.create_infer_request())

    def answers(self, inputs: Iterator[NDArray[np.uint8]]) -> list[Outputs]:
        """What the model says of each of `(B, H, W, 3)` uint8, in order, as many at once as there are requests."""
        running: deque[Any] = deque()
        found: list[Outputs] = []
        try:
            for mosaics in inputs:
                request = self._free(running, found)
                running.append(request)
                request.start_async({0: mosaics})
            while running:
                found.append(_answer(running[0]))
                self._idle.put(running.popleft())
        finally:
            # after an error: whoever takes one next must find it idle
            for request in running:
                with suppress(Exception):
                    request.wait()
                self._idle.put(request)
        return found

    def _free(self, running: deque[Any], found: list[Outputs]) -> Any:
        """A request that runs nothing: an idle one, else this call's own oldest when it has its answer."""
        try:
            return self._idle.get_nowait()
        except Empty:
            if not running:
                # others have them all; they wait for nothing but their own, so some come back
                return self._idle.get()
        found.append(_answer(running[0]))
        return running.popleft()


def _answer(request: Any) -> Outputs:
    request.wait()
    # the request's own memory is used again for a later mosaic
    return Outputs(*(request.get_output_tensor(i).data.copy() for i in range(len(OUTPUTS))))


class OpenVinoBackend:
    """OpenVINO on CPU: a few mosaics per request, as many requests at once as there are cores.

    That was measured to be half as fast again as one request for the whole batch. Each shape of a request has a
    compiled model of its own, in which everything that depends on the shape is a constant.
    """

    name = "openvino"

    def __init__(self, model: Any) -> None:
        """`model`: `openvino.Model`, or the path of an .xml or .onnx file."""
        self._core = openvino_core()
        self._model = self._core.read_model(model) if isinstance(model, Path) else model
        self._compiled: OrderedDict[tuple[int, ...], Requests] = OrderedDict()
        self._compiling = threading.Lock()

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        n = len(mosaics)
        several, together = shared_requests(*mosaics.shape[:3])
        parts: list[Outputs] = []
        for start, stop, step in ((0, together, several), (together, n, 1)):
            if start < stop:
                requests = self._requests((step, *mosaics.shape[1:]))
                parts += requests.answers(mosaics[row : row + step] for row in range(start, stop, step))
        return Outputs(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def _requests(self, shape: tuple[int, ...]) -> Requests:
        with self._compiling:
            if shape not in self._compiled:
                model = self._model.clone()
                model.reshape(list(shape))
                # full precision: on CPUs that have bfloat16 it would be the default, and is slower for these networks
                options = {
                    "PERFORMANCE_HINT": "THROUGHPUT",
                    "INFERENCE_NUM_THREADS": n_threads(),
                    "INFERENCE_PRECISION_HINT": "f32",
                }
                self._compiled[shape] = Requests(self._core.compile_model(model, "CPU", options))
                if len(self._compiled) > MAX_PROGRAMS:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(shape)
            return self._compiled[shape]
