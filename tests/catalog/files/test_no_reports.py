"""Nothing leaves the machine, and nothing is left in the home folder: no look-up, no id, in any process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bson
import pytest

from catalog.files.no_reports import NO_REPORTS, REPORTER
from tests.support.traced import Trace, traced
from tests.support.trained import document
from tests.test_architecture import ROOMS

LIBRARIES = "openvino, onnxruntime, huggingface_hub, lightning, timm, matplotlib.figure, rapidocr, skops.io, cleanlab"


def all_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_switches_reports_off_before_it_loads_anything(room):
    program = (
        f"import sys, os; before = set(sys.modules); import {room}; "
        f"assert sys.modules[{REPORTER!r}] is None; "
        f"assert {NO_REPORTS!r}.items() <= os.environ.items(); "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {*ROOMS, REPORTER}


def test_settings_that_the_user_has_stay_in_force(tmp_path):
    program = "import os, catalog; print(os.environ.get('MPLCONFIGDIR'))"

    def folder_of_matplotlib(**variables: str) -> str:
        usual = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL"))}
        environment = usual | {"HOME": str(tmp_path)} | variables
        return subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).strip()

    assert folder_of_matplotlib() == f"{tmp_path}/.cache/rayonnage/matplotlib"
    assert folder_of_matplotlib(XDG_CACHE_HOME="/var/cache") == "/var/cache/rayonnage/matplotlib"
    assert folder_of_matplotlib(MPLCONFIGDIR="/somewhere") == "/somewhere"
    (tmp_path / ".config" / "matplotlib").mkdir(parents=True)
    assert folder_of_matplotlib() == "None"


def test_what_is_watched_is_seen(tmp_path):
    """Without this, the tests below would pass where nothing can be seen."""
    look_up = "import socket\ntry: socket.getaddrinfo('example.org', 80)\nexcept OSError: pass"
    trace = traced(f'python -c "{look_up}"; mkdir {tmp_path}/made; echo > {tmp_path}/home/left', tmp_path)
    assert trace.look_ups
    assert set(trace.written_outside(tmp_path / "job")) == {tmp_path / "made", tmp_path / "home" / "left"}


def quiet(trace: Trace, room: Path) -> None:
    cache = room / "home" / ".cache"
    assert trace.look_ups == []
    made_on_the_way = {cache, cache / "rayonnage"}
    outside = set(trace.written_outside(room / "job", room / "tmp", cache / "rayonnage")) - made_on_the_way
    assert outside == set()
    assert all(name.startswith(".cache/rayonnage/") for name in all_below(room / "home"))


@pytest.mark.slow
def test_libraries_are_loaded_in_silence(tmp_path):
    # what is sent, is sent by threads that start with the library
    program = f"import rayonnage, time; import {LIBRARIES}; openvino.Core(); time.sleep(1)"
    quiet(traced(f"python -c '{program}'", tmp_path), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_workers_that_read_photos_are_silent(tmp_path, backend):
    """Started by name as programs of their own, and with an environment that says nothing."""
    program = (
        "import os; from tests.catalog.files.test_no_reports import read_with; "
        f"[os.environ.pop(name) for name in {sorted(NO_REPORTS)}]; read_with('{backend}')"
    )
    trace = traced(f'python -c "{program}"', tmp_path)
    assert trace.output == "[Transcript(words=())]\n"
    quiet(trace, tmp_path)


def read_with(backend: str) -> None:
    """Have a blank photo read by RapidOCR's worker."""
    import numpy as np

    from catalog.runs.config import load_config
    from ocr.config import OcrConfig
    from ocr.engines.registry import make_engine

    settings = ["engine.name=rapidocr", "engine.threads=1", f"engine.backend={backend}"]
    engine = make_engine(load_config(OcrConfig, "ocr", overrides=settings).engine)
    print(engine.read([np.full((100, 100, 3), 255, np.uint8)]))


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not on this machine")
def test_tesseract_is_asked_for_its_version_without_a_look_up(tmp_path):
    """Of a machine whose own name is not in /etc/hosts."""
    hostname = "import socket; socket.sethostname('unknown.example.org')"
    version = "from ocr.engines.tesseract_version import tesseract_version; print(tesseract_version())"
    trace = traced(f'unshare --uts sh -ec "python -c \\"{hostname}\\"; python -c \\"{version}\\""', tmp_path)
    assert trace.output.count(".") >= 2
    assert trace.look_ups == []


def test_commands_are_silent(trained, tmp_path):
    """A look at the machine, a training with loading processes, a prediction."""
    job = tmp_path / "job"
    job.mkdir()
    for name in ("train.bson", "tree.csv"):
        shutil.copy(trained / name, job)
    shutil.copytree(trained / "runs", job / "runs")
    (job / "test.bson").write_bytes(b"".join(bson.encode(document(i, labelled=False)) for i in range(500, 510)))
    trace = traced(
        "rayonnage doctor; catalog split train.bson --tree tree.csv --workspace anew; "
        "mosaic train --config debug --n-images 1 --set training.epochs=1 --set workers=1 --workspace anew; "
        "fusion predict test.bson --output out",
        tmp_path,
    )
    assert "10 products" in trace.output
    quiet(trace, tmp_path)
