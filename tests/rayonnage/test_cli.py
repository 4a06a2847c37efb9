"""The `rayonnage` command line: quick to answer, every door leads where it says."""

from __future__ import annotations

import configparser
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from curation.cli import main as catalog
from fusion.cli import evaluate, predict
from fusion.cli import main as fusion
from mosaic.cli import main as mosaic
from ocr.cli import main as ocr
from rayonnage.cli import COMMANDS, main
from tests.support.command_line import HEAVY, output_of


def test_import_rayonnage_imports_nothing_heavy():
    program = "import sys, rayonnage; print(*(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "rayonnage" in done.stdout.split()
    assert not set(done.stdout.split()) & HEAVY


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(command):
    program = (
        f"import sys; from rayonnage.cli import main\n"
        f"try: main({[*command, '--help']})\n"
        "except SystemExit: pass\n"
        "print('|' + ' '.join(m.split('.')[0] for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: ")
    loaded = set(done.stdout.rpartition("|")[2].split())
    assert "click" in loaded
    assert not loaded & HEAVY


def test_a_door_imports_its_own_room_alone():
    program = "import sys; from rayonnage.cli import main; main.get_command(None, 'ocr'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ocr.cli" in done.stdout.split()
    assert not {"mosaic.cli", "fusion.cli", "curation.cli"} & set(done.stdout.split())


def test_every_command_is_the_one_that_it_names():
    doors = {name: main.get_command(None, name) for name in main.list_commands(None)}
    assert list(doors) == list(COMMANDS)
    assert all(doors[name].name in (name, "main") for name in doors)
    assert (doors["predict"], doors["evaluate"]) == (predict, evaluate)
    assert fusion.commands["predict"] is predict
    assert [doors[name] for name in ("catalog", "mosaic", "ocr", "fusion")] == [catalog, mosaic, ocr, fusion]
    said = output_of(main, "--help")
    assert all(f"\n  {name} " in said for name in COMMANDS)


def test_the_commands_of_their_own_stay():
    settings = configparser.ConfigParser()
    settings.read(Path(__file__).parents[2] / "setup.cfg")
    scripts = settings["options.entry_points"]["console_scripts"].split("\n")[1:]
    assert dict(line.split(" = ") for line in scripts) == {
        "rayonnage": "rayonnage.cli:main",
        "catalog": "curation.cli:main",
        "mosaic": "mosaic.cli:main",
        "ocr": "ocr.cli:main",
        "fusion": "fusion.cli:main",
    }


def test_python_runs_the_package():
    done = subprocess.run([sys.executable, "-m", "rayonnage", "-h"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: rayonnage [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("predcit",), 2, "Did you mean 'predict'?"),
        (("nothing-like-it",), 2, "No such command"),
        (("catalog", "inof"), 2, "'info'"),
        (("catalog", "info", "x.bson"), 1, "x.bson does not exist"),
        (("predict", "x.bson"), 1, "x.bson does not exist"),
        (("demo", "/proc/self/fdinfo/demo", "--draw-only", "--train", "40", "--test", "10"), 1, "/proc/self/fdinfo"),
        (("demo", "/proc/self/fdinfo/demo"), 1, "/proc/self/fdinfo"),
    ],
)
def test_wrong_calls_get_one_plain_message(arguments, code, message):
    assert message in output_of(main, *arguments, code=code)


@pytest.mark.parametrize("arguments", [["--verbose", "catalog"], ["catalog", "--verbose"]], ids="-".join)
def test_verbose_counts_wherever_it_is_said(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    result = CliRunner().invoke(main, [*arguments, "info", str(tmp_path / "none.bson")])
    assert isinstance(result.exception, FileNotFoundError)
    assert logging.getLogger().level == logging.DEBUG
