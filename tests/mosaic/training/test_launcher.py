"""What is said where one of several training processes ends before its time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("Error: ") == 1
    assert said in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr
