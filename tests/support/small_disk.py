"""A disk that is soon full, for a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def printed_on_small_disk(folder: Path, size: str, program: str, before: str = "true") -> str:
    """What a Python program prints that is given a folder of so little room (`400k`); skips where none is mounted.

    `before`: a shell command, once the disk is there.
    """
    # mounted for this process alone: nothing is left of it, however it ends
    mounted = f"mount -t tmpfs -o size={size} tmpfs {folder} && {before} && exec {sys.executable} - {folder}"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted]
    try:
        done = subprocess.run(command, input=program, capture_output=True, text=True, env=os.environ)
    except OSError:
        pytest.skip("there is no unshare here")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no disk can be mounted here")
    assert done.returncode == 0, done.stderr
    return done.stdout
