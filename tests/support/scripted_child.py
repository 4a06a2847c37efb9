"""A shell script in the place of the Python that a server starts, and patience for what it brings about."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

END_S = 300.0
"""Long, as a machine may have other work; a test that passes does not wait for it."""


def child(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Run a script in the place of each child that is started from now on."""
    path = folder / "child"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(path))


def waited(condition: Callable[[], bool]) -> bool:
    """Whether it comes true before anybody's patience ends."""
    end = time.monotonic() + END_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()
