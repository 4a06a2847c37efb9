"""Child processes that read photos: one that hangs or dies costs one photo, never the job."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ocr.engine import EngineMissing
from ocr.transcript import OcrFailure, Transcript

log = logging.getLogger(__name__)

HEADER = struct.Struct("<IId")
"""Height, width and enlargement of the picture whose `H * W * 3` bytes follow."""
READY = b"ready\n"
START_LIMIT_S = 120.0
MAX_ANSWER_BYTES = 16 * 2**20

Prepared = tuple[NDArray[np.uint8], float]


class WorkerLost(Exception):
    """The process ended (`signal` is what ended it, 0 if none) or ran past its time."""

    def __init__(self, message: str, signal_number: int = 0, late: bool = False) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.late = late


class WorkerProcess:
    """A child that answers each picture with one line of JSON, a transcript or `{"failure": reason}`.

    Args:
        module: run as `python -m module ARGUMENT`; it prints `READY` when it can read (see `serve`).

    Raises:
        EngineMissing: it does not start; the message ends with the child's last line.
    """

    def __init__(self, module: str, argument: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the child
        # the child imports the packages that this process did, wherever they lie; nothing else is changed
        root = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path},
            # Ctrl-C is for the command, which then ends its children
            start_new_session=True,
            bufsize=0,
        )
        self._left = b""
        try:
            answer = self._line(START_LIMIT_S)
        except WorkerLost as error:
            raise EngineMissing(f"{module} does not start: {error}") from None
        if answer + b"\n" != READY:
            self.close()
            raise EngineMissing(f"{module} does not start: it said {answer[:80]!r}")

    def read(self, picture: NDArray[np.uint8], scale: float, time_limit_s: float) -> Transcript | OcrFailure:
        """Read one `(H, W, 3)` uint8 picture, enlarged by `scale`.

        Raises:
            WorkerLost: no answer in time, or the child died; it is gone then.
        """
        stdin = self._process.stdin
        assert stdin is not None
        message = HEADER.pack(*picture.shape[:2], scale) + picture.tobytes()
        try:
            # unbuffered: a large picture goes in several pieces
            rest = memoryview(message)
            while rest:
                rest = rest[stdin.write(rest) :]
        except OSError:
            raise self._lost() from None
        answer = self._line(time_limit_s)
        try:
            value = json.loads(answer)
            if isinstance(value, dict) and isinstance(value.get("failure"), str):
                return OcrFailure(value["failure"])
            return Transcript.from_json(value)
        except (ValueError, RecursionError) as error:
            self.close()
            raise WorkerLost(f"an answer that is no transcript ({error})") from None

    def close(self) -> None:
        """End the child."""
        _end(self._process, self._errors)

    def _line(self, time_limit_s: float) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None
        deadline = time.monotonic() + time_limit_s
        while b"\n" not in self._left:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not wait([stdout.fileno()], remaining):
                self.close()
                raise WorkerLost(f"no answer within {time_limit_s:g} s", late=True)
            part = os.read(stdout.fileno(), 2**16)
            if not part:
                raise self._lost()
            self._left += part
            if len(self._left) > MAX_ANSWER_BYTES:
                self.close()
                raise WorkerLost(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        line, _, self._left = self._left.partition(b"\n")
        return line

    def _lost(self) -> WorkerLost:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            code = 0
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 1000))
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return WorkerLost(": ".join([how, *said[-1:]]), max(0, -code))


class Crew:
    """Up to `size` worker processes, started when there is work and kept for the next.

    Args:
        module, argument: see `WorkerProcess`. time_limit_s: seconds a photo may take.
    """

    def __init__(self, module: str, argument: str, size: int, time_limit_s: float) -> None:
        self.module, self.argument = module, argument
        self.size, self.time_limit_s = size, time_limit_s
        self._idle: queue.SimpleQueue[WorkerProcess] = queue.SimpleQueue()
        weakref.finalize(self, _close_all, self._idle)

    def read(self, photos: Sequence[Prepared]) -> list[Transcript | OcrFailure]:
        """Read pictures (with their enlargements), each in whichever worker is free; results in order.

        A photo that ends its worker is tried once more in a new one, unless time was the reason.

        Raises:
            EngineMissing: a worker does not start.
        """
        if not photos:
            return []
        with ThreadPoolExecutor(min(self.size, len(photos))) as pool:
            return list(pool.map(self._read_one, photos))

    def _read_one(self, photo: Prepared) -> Transcript | OcrFailure:
        for attempt in (1, 2):
            worker = self._free_worker()
            try:
                result = worker.read(*photo, self.time_limit_s)
            except WorkerLost as error:
                log.warning("reading a photo of %s pixels: %s", photo[0].shape[:2], error)
                if error.late or attempt == 2:
                    # out of memory or time may be the machine's state; a crash is the photo's doing
                    lasting = not error.late and error.signal_number != signal.SIGKILL
                    return OcrFailure(f"the reading process was lost: {str(error)[:200]}", lasting)
            else:
                self._idle.put(worker)
                return result
        raise AssertionError("unreachable")

    def _free_worker(self) -> WorkerProcess:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return WorkerProcess(self.module, self.argument)


def serve(read: Callable[[NDArray[np.uint8], float], Transcript]) -> None:
    """The child's side: answer pictures from stdin on stdout until the parent goes away."""
    answers = os.fdopen(os.dup(1), "wb")
    # whatever a library prints must not become an answer
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    answers.write(READY)
    answers.flush()
    while len(header := requests.read(HEADER.size)) == HEADER.size:
        height, width, scale = HEADER.unpack(header)
        pixels = requests.read(height * width * 3)
        if len(pixels) < height * width * 3:
            break
        picture = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        try:
            answer = read(picture, scale).to_json()
        except Exception as error:  # whatever a network stumbles over is that photo's result
            answer = {"failure": f"{type(error).__name__}: {str(error)[:200]}"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _end(process: subprocess.Popen[bytes], errors: BinaryIO) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, errors):
        if pipe is not None:
            pipe.close()


def _close_all(idle: queue.SimpleQueue[WorkerProcess]) -> None:
    while not idle.empty():
        idle.get_nowait().close()
