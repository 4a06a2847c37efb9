"""A model folder predicts where nothing can be written, as in a read-only container, and without a HOME."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.runs.workspace import Workspace
from tests.support.trained import picture

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
# shared memory stays, as it does in a container
READ_ONLY = (
    "for place in $(cut -d' ' -f2 /proc/mounts | grep -v ^/dev/shm$); "
    "do mount -o remount,bind,ro $place 2>/dev/null; done"
)
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


@pytest.fixture
def read_only(tmp_path):
    """`read_only(script, *arguments)`: Python where no file system can be written, from an empty folder."""
    probe = subprocess.run([*OWN_MOUNTS, f"{READ_ONLY}; ! touch {tmp_path}/probe"], capture_output=True)
    if probe.returncode:
        pytest.skip("this machine lets nobody make its file systems read-only for himself")

    def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
        command = f'{READ_ONLY}; exec "$@"'
        return subprocess.run(
            [*OWN_MOUNTS, command, "sh", sys.executable, "-c", script, *map(str, arguments)],
            cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    return run


def test_the_command_and_the_interface_predict_a_photo(trained, tmp_path, read_only):
    run = Workspace(trained / "runs").require("fusion").folder
    shutil.copytree(run, tmp_path / "model")
    (tmp_path / "front.jpg").write_bytes(picture(0, 1))
    command = "import sys; from fusion.cli import main; main()"
    done = read_only(command, "predict", "front.jpg", "--run", "model")
    assert (done.returncode, done.stderr) == (0, "")
    assert "LIBRAIRIE" in done.stdout
    script = "import rayonnage; print(rayonnage.load('model').predict([['front.jpg']])[0])"
    assert read_only(script).stdout == done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["front.jpg", "model"]


def test_what_must_be_written_says_where_it_cannot(trained, tmp_path, read_only):
    run = Workspace(trained / "runs").require("fusion").folder
    shutil.copytree(run, tmp_path / "model")
    shutil.copy(trained / "train.bson", tmp_path)
    command = "import sys; from fusion.cli import main; main()"
    refused = read_only(command, "predict", "train.bson", "--run", "model")
    assert refused.returncode == 1
    assert "\nError: runs: Read-only file system." in refused.stderr
    assert "--output" in refused.stderr
