"""What runs a trained network: PyTorch, OpenVINO or ONNX Runtime behind one call."""

from __future__ import annotations

import logging
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mosaic.config import InferenceConfig
from mosaic.inference.outputs import Backend, Outputs, compare, require
from mosaic.networks.network import MosaicNetwork
from mosaic.training.graph import INPUT, OUTPUTS, to_onnx, to_openvino

log = logging.getLogger(__name__)
MAX_PROGRAMS = 12
"""Compiled models that OpenVINO keeps: strips of one to four photos and grids are five shapes, small ones two each."""
PIXELS_PER_REQUEST = 4 * 160 * 160
"""Small mosaics go several to a request: four of 160 pixels take a tenth less time than four requests, eight more."""
CHECKED = 4
"""Mosaics of the first batch of each shape that are also run by PyTorch."""


class TorchBackend:
    """PyTorch; bfloat16 on a GPU."""

    name = "torch"

    def __init__(self, network: MosaicNetwork, device: torch.device) -> None:
        """The network is moved to `device`."""
        self.device = device
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        batch = torch.from_numpy(mosaics).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            embedding = self.network.features(batch)
            logits = self.network.head(embedding)
        return Outputs(embedding.float().cpu().numpy(), logits.float().cpu().numpy())


class OnnxBackend:
    """ONNX Runtime on CPU."""

    name = "onnx"

    def __init__(self, path: Path) -> None:
        """`path`: what `mosaic.graph.to_onnx` wrote; it is not needed afterwards."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`."""
        return Outputs(*self._session.run(list(OUTPUTS), {INPUT: mosaics}))


def shared_requests(n: int, height: int, width: int) -> tuple[int, int]:
    """How many mosaics share a request, and how many of n go that way; the others go one by one."""
    several = max(1, PIXELS_PER_REQUEST // (height * width))
    # with fewer mosaics every core takes them one by one: none idles, and a single product is not kept waiting
    return several, n // several * several if n >= several * torch.get_num_threads() else 0


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
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "INFERENCE_PRECISION_HINT": "f32",
            }
            self._queues[shape] = openvino.AsyncInferQueue(self._core.compile_model(model, "CPU", options))
            if len(self._queues) > MAX_PROGRAMS:
                self._queues.popitem(last=False)
        self._queues.move_to_end(shape)
        return self._queues[shape]


class CheckedBackend:
    """A program made from the network at the first call, held against PyTorch on the first mosaics of each shape."""

    def __init__(self, network: MosaicNetwork, name: str, build: Callable[[], Backend], *, fall_back: bool) -> None:
        """`fall_back`: use PyTorch, with a warning, where the program cannot be made or is no good."""
        self.name = name
        self._torch = TorchBackend(network, torch.device("cpu"))
        self._build = build
        self._fall_back = fall_back
        self._backend: Backend | None = None
        self._checked: set[tuple[int, ...]] = set()

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`.

        Raises:
            ValueError: the program cannot be made or is no good, and there is no falling back.
        """
        if self._backend is self._torch:
            return self._torch(mosaics)
        try:
            return self._checked_call(mosaics)
        # whatever the other program does not like about a network, PyTorch can run it
        except Exception as error:
            why = " ".join(str(error).split()) or type(error).__name__
            if not self._fall_back:
                raise ValueError(
                    f"{self.name} cannot run this network: {why} Set inference.backend to auto or torch"
                ) from error
            log.warning("%s cannot run this network, PyTorch does, more slowly: %s", self.name, why)
            self.name, self._backend = self._torch.name, self._torch
            return self._torch(mosaics)

    def _checked_call(self, mosaics: NDArray[np.uint8]) -> Outputs:
        if self._backend is None:
            self._backend = self._build()
        out = self._backend(mosaics)
        # few and many mosaics may take different ways through the program
        way = (shared_requests(*mosaics.shape[:3])[1] > 0, *mosaics.shape[1:])
        if way not in self._checked:
            some = Outputs(*(values[:CHECKED] for values in out))
            require(compare(self._torch(mosaics[:CHECKED]), some), self.name)
            self._checked.add(way)
        return out


def make_backend(
    network: MosaicNetwork, inference: InferenceConfig, device: torch.device, photo_size: int = 180
) -> Backend:
    """What `inference.backend` asks for; `auto` is PyTorch on a GPU and OpenVINO, else PyTorch, on CPU.

    Nothing is converted before the first call. `photo_size`: side in pixels of the mosaic that the network is traced
    with.
    """
    wanted = inference.backend
    if wanted == "torch" or (wanted == "auto" and device.type == "cuda"):
        return TorchBackend(network, device)
    # these two run on CPU, also beside a GPU
    if wanted == "onnx":
        return CheckedBackend(network, "onnx", lambda: _onnx(network, photo_size), fall_back=False)
    return CheckedBackend(
        network, "openvino", lambda: OpenVinoBackend(to_openvino(network, photo_size)), fall_back=wanted == "auto"
    )


def _onnx(network: MosaicNetwork, photo_size: int) -> Backend:
    with tempfile.TemporaryDirectory() as folder:
        to_onnx(network, photo_size, Path(folder) / "network.onnx")
        return OnnxBackend(Path(folder) / "network.onnx")
