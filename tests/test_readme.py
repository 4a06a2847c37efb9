"""The README's blocks, run as a new user would, on a small demo catalogue with the debug configuration."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from rayonnage.demo.sample import write_sample
from tests.support.predictions import fill

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"<!-- block: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)


def blocks() -> dict[str, str]:
    """Marked blocks by name."""
    return dict(BLOCK.findall(README.read_text(encoding="utf-8")))


def run(script: str, folder: Path, program: str = "bash") -> str:
    """Run a block in a folder, with this environment's commands on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", script] if program == "bash" else [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_is_known():
    assert set(blocks()) == {"train", "catalogue", "predict", "review", "evaluate", "python"}


def test_every_command_of_the_table_exists():
    table = re.findall(r"^\| (`.*?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    named = {tuple(c.split()[:2]) for row in table for c in re.findall(r"`([^`]+)`", row)}
    assert len(named) >= 12
    for program, command in named:
        assert "Usage" in run(f"{program} {command} --help", Path.cwd())


@pytest.mark.slow
def test_the_readme_from_training_to_python(tmp_path):
    write_sample(tmp_path, n_train=240, n_test=30, seed=1)
    shutil.copy(tmp_path / "train.bson", tmp_path / "labelled.bson")
    text = blocks()
    debug = re.sub(r"^(mosaic|ocr|fusion) train.*$", r"\1 train --config debug", text["train"], flags=re.MULTILINE)
    assert debug.count("debug") == 3
    run(debug, tmp_path)
    run(text["catalogue"], tmp_path)
    for page in ("explored/explore.html", "copies/duplicates.html", "audited/audit.html"):
        assert (tmp_path / page).is_file()
    assert 190 <= len(Catalog(tmp_path / "small.bson")) <= 210
    run(text["predict"], tmp_path)
    with (tmp_path / "predictions" / "submission.csv").open() as file:
        rows = list(csv.reader(file))
    test = Catalog(tmp_path / "test.bson")
    assert [int(row[0]) for row in rows[1:]] == test.product_ids.tolist()
    for name in ("review.csv", "audit.csv"):
        fill(tmp_path / "predictions" / name, dict.fromkeys(test.product_ids.tolist(), "ok"))
    assert "30 answers, 30 confirmed" in run(text["review"], tmp_path)
    assert len(Catalog(tmp_path / "next.bson")) == 240 + 30
    run(text["evaluate"], tmp_path)
    assert (tmp_path / "report" / "fusion.html").is_file()
    assert (tmp_path / "report" / "fusion.json").is_file()
    shutil.copytree(Workspace(tmp_path / "runs").require("fusion").folder, tmp_path / "model")
    photo = test[0].images[0]
    for name in ("front.jpg", "back.jpg"):
        (tmp_path / name).write_bytes(photo)
    printed = run(text["python"], tmp_path, "python")
    assert printed.startswith("('")
