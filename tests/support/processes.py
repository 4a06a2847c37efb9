"""Functions in processes of their own, to be killed: they start in milliseconds, as forks of one that waits."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
# Importing these takes 6 s of a core, which every process that trains or predicts would need anew.
LIBRARIES = ["lightning", "timm", "onnxruntime", "openvino", "pyarrow.parquet", "sklearn", "skops.io"]
# and ours nearly another one
OURS = ["rayonnage.cli", "mosaic.training.train", "fusion.training.train", "fusion.prediction.predictor"]
# this one first: it keeps them from reporting that they were loaded
FORKS.set_forkserver_preload(["catalog", *LIBRARIES, *OURS])


class Running:
    """A function at work in a process, with what it writes to its standard output and error.

    It must be one that can be imported by name, and so must what it is given.
    """

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        reader, writer = FORKS.Pipe(duplex=False)
        self.process = FORKS.Process(target=_run, args=(writer, function, arguments))
        self.process.start()
        writer.close()
        self.output = os.fdopen(os.dup(reader.fileno()), "rb")
        reader.close()
        # from here on it has a group of its own, which `kill` ends
        self.output.readline()

    @property
    def is_running(self) -> bool:
        return self.process.is_alive()

    def line(self) -> str:
        """The next line, as soon as it is written; nothing at the end."""
        return self.output.readline().decode()

    def kill(self) -> None:
        """SIGKILL, for its own processes too; does nothing when it has ended."""
        if self.is_running:
            os.killpg(self.process.pid, signal.SIGKILL)
        self._end()

    def finish(self) -> str:
        """Wait for its good end; returns what is left of the output."""
        left = self.output.read().decode()
        self._end()
        assert self.process.exitcode == 0, left
        return left

    def _end(self) -> None:
        self.output.close()
        self.process.join()


def _run(writer: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    os.setsid()
    for stream in (1, 2):
        os.dup2(writer.fileno(), stream)
    os.write(writer.fileno(), b"\n")
    writer.close()
    function(*arguments)


def has_ended(pid: int) -> bool:
    """A zombie has ended (who was to take note of it may itself be gone), once none of its threads is left."""
    process = Path(f"/proc/{pid}")
    try:
        is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return is_zombie and len(list((process / "task").iterdir())) == 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for_end(pid: int) -> None:
    """Wait at most five minutes."""
    deadline = time.monotonic() + 300
    while not has_ended(pid):
        assert time.monotonic() < deadline, "the process outlives who started it"
        time.sleep(0.05)
