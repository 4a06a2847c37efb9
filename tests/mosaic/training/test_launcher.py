"""What is said where one of several training processes ends before its time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import wait_for_end

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
# of two dollars torchrun makes one
SECOND_ENDS = """[ "$RANK" = 0 ] && exec sleep 60; """


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("kill -KILL $$$$", "Error: training process 1 was ended by SIGKILL"),
        ("echo Error: why >&2; exit 1", "Error: why"),
    ],
)
def test_one_sentence_and_no_traceback(end, said):
    command = [sys.executable, "-m", "mosaic.training.launcher", "--standalone", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [*command, "sh", "-c", SECOND_ENDS + end], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("Error: ") == 1
    assert said in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr


STANDS_BY = """
import os, sys, time
from mosaic.training import distributed

distributed.join()
open(os.path.join(sys.argv[1], str(os.getpid())), "w").close()
time.sleep(600)
"""


def test_processes_whose_torchrun_was_killed_end(tmp_path):
    (tmp_path / "standing").mkdir()
    (tmp_path / "stands_by.py").write_text(STANDS_BY)
    launcher = subprocess.Popen(
        [sys.executable, "-m", "mosaic.training.launcher", "--standalone", "--nproc-per-node", "2",
         str(tmp_path / "stands_by.py"), str(tmp_path / "standing")],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with launcher:
        wait_for(lambda: len(list((tmp_path / "standing").iterdir())) == 2)
        launcher.kill()
    processes = [int(path.name) for path in (tmp_path / "standing").iterdir()]
    for pid in processes:
        wait_for_end(pid)


def wait_for(condition: Callable[[], bool]) -> None:
    """At most ten minutes; the test fails then."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError
