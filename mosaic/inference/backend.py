"""What runs a trained network: OpenVINO or ONNX Runtime behind the same call as PyTorch, and held against it."""

import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.cores import n_cores
from mosaic.config import InferenceConfig
from mosaic.inference.outputs import INPUT, OUTPUTS, Backend, Outputs, compare, require
from mosaic.networks.graph import to_onnx, to_openvino
from mosaic.networks.network import MosaicNetwork
from mosaic.networks.torch_backend import TorchBackend

log = logging.getLogger(__name__)
MAX_PROGRAMS = 12
"""Compiled models that OpenVINO keeps: strips of one to four photos and grids are five shapes, small ones two each."""
PIXELS_PER_REQUEST = 4 * 160 * 160
"""Small mosaics go several to a request: four of 160 pixels take a tenth less time than four requests, eight more."""
CHECKED = 4
"""Mosaics of the first batch of each shape that are also run by PyTorch."""


def n_threads() -> int:
    """Threads that run a network: `OMP_NUM_THREADS`, which PyTorch goes by too, else one for each core."""
    # the variable may be a list, a number for each level of nested threads
    return int(os.environ.get("OMP_NUM_THREADS", "").partition(",")[0] or n_cores())


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


class OpenVinoBackend:
    """OpenVINO on CPU: a few mosaics per request, as many requests at once as there are cores.

    That was measured to be half as fast again as one request for the whole batch. Each shape of a request has a
    compiled model of its own, in which everything that depends on the shape is a constant.
    """

    name = "openvino"

    def __init__(self, model: Any) -> None:
        """`model`: `openvino.Model`, or the path of an .xml or .onnx file."""
        import openvino

        self._core = openvino.Core()
        self._model = self._core.read_model(model) if isinstance(model, Path) else model
        self._queues: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        n = len(mosaics)
        several, together = shared_requests(*mosaics.shape[:3])
        rows: list[tuple[NDArray[np.float32], ...]] = [()] * n

        def keep(request: Any, first: int) -> None:
            # the request's own memory is used again for a later mosaic
            values = [request.get_output_tensor(i).data.copy() for i in range(len(OUTPUTS))]
            rows[first : first + len(values[0])] = list(zip(*values, strict=True))

        for start, stop, step in ((0, together, several), (together, n, 1)):
            if start == stop:
                continue
            queue = self._queue((step, *mosaics.shape[1:]))
            queue.set_callback(keep)
            for row in range(start, stop, step):
                queue.start_async({0: mosaics[row : row + step]}, row)
            queue.wait_all()
        return Outputs(*(np.stack(values) for values in zip(*rows, strict=True)))

    def _queue(self, shape: tuple[int, ...]) -> Any:
        import openvino

        if shape not in self._queues:
            model = self._model.clone()
            model.reshape(list(shape))
            # full precision: on CPUs that have bfloat16 it would be the default, and is slower for these networks
            options = {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "INFERENCE_NUM_THREADS": n_threads(),
                "INFERENCE_PRECISION_HINT": "f32",
            }
            self._queues[shape] = openvino.AsyncInferQueue(self._core.compile_model(model, "CPU", options))
            if len(self._queues) > MAX_PROGRAMS:
                self._queues.popitem(last=False)
        self._queues.move_to_end(shape)
        return self._queues[shape]


class CheckedBackend:
    """A program made from the network at the first call, held against PyTorch on the first mosaics of each shape."""

    def __init__(self, name: str, build: Callable[[], Backend], reference: Backend, *, fall_back: bool) -> None:
        """`fall_back`: use the `reference`, with a warning, where the program cannot be made or is no good."""
        self.name, self._build = name, build
        self._reference, self._fall_back = reference, fall_back
        self._program: Backend | None = None
        self._checked: set[tuple[int, ...]] = set()

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`.

        Raises:
            ValueError: the program cannot be made or is no good, and there is no falling back.
        """
        if self._program is self._reference:
            return self._reference(mosaics)
        try:
            return self._checked_call(mosaics)
        # whatever the other program does not like about a network, PyTorch can run it
        except Exception as error:
            why = " ".join(str(error).split()) or type(error).__name__
            if not self._fall_back:
                what = f"{self.name} cannot run this network: {why}"
                raise ValueError(f"{what} Set inference.backend to auto or torch") from error
            log.warning("%s cannot run this network, PyTorch does, more slowly: %s", self.name, why)
            self.name, self._program = self._reference.name, self._reference
            return self._reference(mosaics)

    def _checked_call(self, mosaics: NDArray[np.uint8]) -> Outputs:
        if self._program is None:
            self._program = self._build()
        outputs = self._program(mosaics)
        # few and many mosaics may take different ways through the program
        way = (shared_requests(*mosaics.shape[:3])[1] > 0, *mosaics.shape[1:])
        if way not in self._checked:
            first = Outputs(*(values[:CHECKED] for values in outputs))
            require(compare(self._reference(mosaics[:CHECKED]), first), self.name)
            self._checked.add(way)
        return outputs


def make_backend(network: MosaicNetwork, inference: InferenceConfig, photo_size: int = 180) -> Backend:
    """What `inference.backend` asks for; `auto` is PyTorch where the network is on a GPU, else OpenVINO, else PyTorch.

    Nothing is converted before the first call. `photo_size`: side in pixels of the mosaic that the network is traced
    with.
    """
    wanted = inference.backend
    if wanted == "torch" or (wanted == "auto" and network.device.type == "cuda"):
        return TorchBackend(network)
    # the other programs run on CPU, also beside a GPU
    reference = TorchBackend(network.cpu())
    if wanted == "onnx":
        return CheckedBackend("onnx", lambda: _onnx(network, photo_size), reference, fall_back=False)
    return CheckedBackend(
        "openvino", lambda: OpenVinoBackend(to_openvino(network, photo_size)), reference, fall_back=wanted == "auto"
    )


def _onnx(network: MosaicNetwork, photo_size: int) -> Backend:
    with tempfile.TemporaryDirectory() as folder:
        to_onnx(network, photo_size, Path(folder) / "network.onnx")
        return OnnxBackend(Path(folder) / "network.onnx")
