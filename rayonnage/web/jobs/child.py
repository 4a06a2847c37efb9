"""A process of one's own for work that takes long: it gives its memory back, and ends with the server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_LINE = 2**20
TOLD_BYTES = 4000


@dataclass(frozen=True)
class ChildEnd:
    """How a child ended: its exit status, and the last that it told on its standard error."""

    status: int
    told: str

    @property
    def why(self) -> str:
        """For people: of a child that said nothing itself."""
        return (
            "it was killed, perhaps for want of memory" if self.status == -signal.SIGKILL else f"status {self.status}"
        )


class ChildWork:
    """Runs one child at a time, for whom it is named by; safe in threads."""

    def __init__(self) -> None:
        self._running: tuple[str, subprocess.Popen[bytes]] | None = None
        self._closed, self._lock = False, threading.Lock()

    def run(self, name: str, module: str, order: str, listen: Callable[[dict[str, Any]], None]) -> ChildEnd:
        """Have `python -m module order` work until it ends; `listen` hears each JSON object that it says."""
        # -P: a json.py in the folder that the server was started in is not ours
        command = [sys.executable, "-P", "-m", module, order]
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
            )
            with self._lock:
                self._running = name, process
            try:
                if self._closed:
                    self.kill()
                _listen(process, listen)
                status = process.wait()
            finally:
                # whatever went wrong, nothing goes on that nobody listens to
                self.kill()
                with self._lock:
                    self._running = None
            size = os.fstat(complaints.fileno()).st_size
            last = os.pread(complaints.fileno(), TOLD_BYTES, max(0, size - TOLD_BYTES))
            return ChildEnd(status, last.decode("utf-8", "replace").strip())

    def interrupt(self, name: str) -> bool:
        """Ask the child that works for `name` to end where it can be gone on with; whether there is one."""
        with self._lock:
            if self._running is None or self._running[0] != name or self._running[1].poll() is not None:
                return False
            # the process alone: its readers and decoders are ended by it
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._running[1].pid, signal.SIGINT)
            return True

    def kill(self, name: str | None = None) -> bool:
        """End the child at once, if it is the one that is meant; whether it was."""
        with self._lock:
            if self._running is None or name not in (None, self._running[0]):
                return False
            process = self._running[1]
            if process.poll() is None:
                # it may end by itself in this moment; its readers and decoders do so when it is gone
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True

    def close(self) -> None:
        """End the child that works, and any that is begun from now on."""
        self._closed = True
        self.kill()


def _listen(process: subprocess.Popen[bytes], listen: Callable[[dict[str, Any]], None]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        while line := lines.readline(MAX_LINE):
            try:
                said = json.loads(line)
            except ValueError:
                # it was killed in the middle of it
                break
            listen(said)
