"""Reading on a GPU, without one: worker processes whose onnxruntime says what one of a GPU machine would say."""

import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from catalog.runs.config import load_config
from ocr.config import OcrConfig
from ocr.engines import cuda, rapid
from ocr.engines.base import EngineMissing
from ocr.engines.rapid_worker import RapidReader
from ocr.engines.registry import make_engine
from ocr.transcript import OcrFailure, Transcript
from tests.ocr.engines.test_engines import TITLES, cover
from tests.support.processes import Running

# Python runs it at its start, here the worker's alone: the CPU computes, whatever the session says
SITE = """
import json, os, pathlib, sys
import onnxruntime

folder = pathlib.Path(__file__).parent
real = onnxruntime.InferenceSession
on_gpu = (folder / "on-gpu").read_text().split()


class Session(real):
    def __init__(self, path, sess_options, providers):
        assert (folder / "preloaded").exists(), "a session before its libraries"
        self.kind = "det" if "_det_" in path else "rec"
        (folder / self.kind).write_text(json.dumps(providers))
        if self.kind == "rec" and (folder / "no-memory").exists():
            raise RuntimeError("CUDA failure 2: out of memory ; GPU=0")
        super().__init__(path, sess_options, providers=["CPUExecutionProvider"])

    def get_providers(self):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"] if self.kind in on_gpu else ["CPUExecutionProvider"]

    def disable_fallback(self):
        super().disable_fallback()
        (folder / f"{self.kind}-alone").touch()

    def run(self, names, inputs):
        shape = " ".join(map(str, next(iter(inputs.values())).shape))
        with (folder / f"{self.kind}-shapes").open("a") as file:
            print(shape, file=file)
        failing = folder / "fails-at"
        if failing.exists() and shape in failing.read_text():
            if "once" in failing.read_text():
                failing.unlink()
            raise RuntimeError("CUDA failure 719: unspecified launch failure ; GPU=0")
        return super().run(names, inputs)


def preload_dlls():
    (folder / "preloaded").touch()
    print("Failed to load libcublasLt.so.13: cannot open shared object file")


onnxruntime.InferenceSession, onnxruntime.preload_dlls = Session, preload_dlls
onnxruntime.get_device, onnxruntime.cuda_version = lambda: "GPU", "13.0"
onnxruntime.get_available_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
"""


NOWHERE = object()


def config(*overrides):
    return load_config(OcrConfig, "ocr", None, [f"engine.{item}" for item in ("name=rapidocr", *overrides)]).engine


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """The folder in which workers leave what they did."""
    (tmp_path / "sitecustomize.py").write_text(SITE)
    (tmp_path / "on-gpu").write_text("det rec")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(cuda, "check_build", lambda: None)
    return tmp_path


@pytest.fixture
def on_gpu(machine):
    engine = make_engine(config("backend=cuda", "threads=1"))
    yield engine
    engine.close()


def shapes(machine, kind):
    return [tuple(map(int, line.split())) for line in (machine / f"{kind}-shapes").read_text().splitlines()]


def test_a_worker_may_take_longer_to_start_on_a_gpu_than_any_photo_to_be_read(monkeypatch):
    asked = []
    monkeypatch.setattr(cuda, "check_build", lambda: None)
    monkeypatch.setattr(rapid, "WorkerPool", lambda *arguments: asked.append(arguments))
    for backend in ("cuda", "openvino"):
        make_engine(config(f"backend={backend}"))
    (*_, size, photo_limit, start_limit), (*_, usual) = asked
    assert (size, photo_limit) == (2, 20)
    assert start_limit > usual > photo_limit


def test_both_networks_read_on_the_gpu_and_are_warm_before_the_first_photo(machine, on_gpu):
    (blank,) = on_gpu.read([np.full((160, 160, 3), 255, np.uint8)])
    assert blank == Transcript()
    assert (machine / "det-alone").exists()
    assert (machine / "rec-alone").exists()
    assert {shape[-1] for shape in shapes(machine, "rec")} == {16, *cuda.LINE_WIDTHS}
    assert (1, 3, 320, 320) in shapes(machine, "det")
    for kind in ("det", "rec"):
        (name, options), (last, _) = json.loads((machine / kind).read_text())
        assert (name, last) == ("CUDAExecutionProvider", "CPUExecutionProvider")
        assert options == {"device_id": 0, **cuda.PROVIDER_OPTIONS}
        assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    (transcript,) = on_gpu.read([cover(TITLES[0])])
    assert transcript.text.split("\n") == list(TITLES[0])


@pytest.mark.parametrize("really", ["", "det", "rec"])
def test_a_network_that_would_run_on_the_cpu_is_refused(machine, on_gpu, really):
    (machine / "on-gpu").write_text(really)
    with pytest.raises(EngineMissing) as caught:
        on_gpu.read([cover(TITLES[0])])
    sentence = str(caught.value)
    assert "reads on" in sentence
    assert "CPUExecutionProvider" in sentence
    assert "libcublasLt.so.13" in sentence
    assert "built for CUDA 13.0" in sentence
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in sentence
    assert "engine.backend=openvino" in sentence


def test_a_gpu_without_memory_left_is_named_at_the_start(machine, on_gpu):
    (machine / "no-memory").touch()
    with pytest.raises(EngineMissing, match=r"fails \(CUDA failure 2: out of memory.*engine.backend=openvino"):
        on_gpu.read([cover(TITLES[0])])


@pytest.mark.slow
def test_a_photo_at_which_the_gpu_fails_is_tried_in_a_new_process_and_not_remembered(machine, on_gpu, caplog):
    small = [cover(TITLES[0], (150, 150))]
    (read,) = on_gpu.read(small)
    shape = (machine / "det-shapes").read_text().splitlines()[-1]
    (machine / "fails-at").write_text(f"{shape} once")
    with caplog.at_level(logging.INFO):
        assert on_gpu.read(small) == [read]
    assert "read again in a new process: ended with status 1: the GPU failed: RuntimeError: CUDA failure" in caplog.text
    (machine / "fails-at").write_text(shape)
    (failure,) = on_gpu.read(small)
    assert isinstance(failure, OcrFailure)
    assert "CUDA failure 719" in failure.reason
    assert not failure.lasting
    # a GPU that is lost altogether ends the command: else a whole catalogue would be called unreadable
    (machine / "fails-at").write_text("1 3 48 16")
    with pytest.raises(EngineMissing, match="CUDA failure 719"):
        on_gpu.read(small)


def test_a_build_for_the_cpu_is_named_before_anything_is_read(monkeypatch):
    import onnxruntime

    monkeypatch.setattr(cuda.metadata, "version", {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}.get)
    built = r"onnxruntime 1.32.0 and onnxruntime-gpu 1.31.1 is built for the CPU alone: pip uninstall -y onnxruntime"
    with pytest.raises(EngineMissing, match=built):
        make_engine(config("backend=cuda"))
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0")
    assert " cuda " in make_engine(config("backend=cuda")).settings
    monkeypatch.setattr(onnxruntime, "cuda_version", "")
    # half a folder, as after the removal of one of both packages
    monkeypatch.delattr(onnxruntime, "get_available_providers")
    with pytest.raises(EngineMissing, match=r"does not load .*: pip uninstall -y onnxruntime onnxruntime-gpu"):
        make_engine(config("backend=cuda"))


def test_the_driver_is_asked_which_cuda_it_can_run(monkeypatch):
    class Driver:
        def cuDriverGetVersion(self, number):
            number._obj.value = 12040

    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: Driver())
    assert "the driver offers CUDA 12.4" in cuda.why_not_cuda("fails", "")
    monkeypatch.undo()
    assert "no driver of NVIDIA answers" in cuda.why_not_cuda("fails", "***** EP Error *****\n")


def test_a_gpu_is_offered_once_and_not_taken(monkeypatch, caplog):
    monkeypatch.setattr(rapid, "has_nvidia_gpu", lambda: True)
    rapid._tell_of_gpu.cache_clear()
    with caplog.at_level(logging.INFO):
        assert " openvino " in make_engine(config()).settings
        make_engine(config())
    assert caplog.text.count("--set engine.backend=cuda") == 1


def test_rapidocr_has_every_parameter_that_it_is_given(monkeypatch):
    """It takes any name without a word: one that a new version calls otherwise would no longer have an effect."""
    import rapidocr

    given = {}

    class Networks:
        def __init__(self, params):
            given.update(params)

    monkeypatch.setattr(rapidocr, "RapidOCR", Networks)
    RapidReader("det.onnx", "rec.onnx", "cuda", 320, 0.7)
    known = OmegaConf.load(Path(rapidocr.__file__).parent / "config.yaml")
    absent = {path for path in given if OmegaConf.select(known, path, default=NOWHERE) is NOWHERE}
    # an option of ONNX Runtime's, which rapidocr hands on as it is: the test of both networks shows it
    assert absent == {"EngineConfig.onnxruntime.cuda_ep_cfg.gpu_mem_limit"}


def test_the_recognizer_is_loaded_before_the_first_photo():
    """A picture without text loads the detector alone."""
    # RapidOCR has cores of OpenVINO of its own: given up, they leave a process to die of the next signal
    Running(load_reader).finish()


def load_reader() -> None:
    models = Path(rapid.importlib.util.find_spec("rapidocr").origin).parent / "models"
    networks = (str(rapid._network(models, kind)) for kind in ("det", "rec"))
    reader = RapidReader(*networks, "openvino", 320, 0.7)
    reader.load()
    assert reader._networks.text_det is not None
    assert reader._networks.text_rec is not None
