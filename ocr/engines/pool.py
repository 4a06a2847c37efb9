"""Child processes that read photos: one that hangs or dies costs one photo, never the job."""

import json
import logging
import os
import queue
import re
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocr.engines.base import EngineMissing, Photo
from ocr.transcript import OcrFailure, PhotoReading, Transcript

log = logging.getLogger(__name__)

HEADER = struct.Struct("<IId")
"""Height, width and enlargement of the picture whose `H * W * 3` bytes follow."""
READY = b"ready\n"
START_LIMIT_S = 120.0
MAX_ANSWER_BYTES = 16 * 2**20
"""Of an answer, and of what a child's libraries may have said before it is forgotten."""
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
"""Signals by which a process ends because of what it was given; others may be the machine's state."""
# These packages need not be installed, a checkout is enough; last on the path, where they hide nothing.
_RUN_MODULE = (
    "import runpy, sys; _, root, module, argument = sys.argv; sys.path.append(root); "
    "sys.argv = [module, argument]; runpy.run_module(module, run_name='__main__')"
)
_OUT_OF_MEMORY = re.compile("memory|alloc", re.IGNORECASE)

Enlarged = tuple[NDArray[np.uint8], float]
"""A picture, and by how much it was enlarged."""


class WorkerLost(Exception):
    """The process ended (`signal_number` is what ended it, 0 if none) or ran past its time."""

    def __init__(self, message: str, signal_number: int = 0, late: bool = False) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.late = late


class WorkerProcess:
    """A child that answers each picture with one line of JSON, a transcript or `{"failure": reason}`.

    Args:
        module: run as if by `python -m module ARGUMENT`; it prints `READY` when it can read (see `serve`).

    Raises:
        EngineMissing: it does not start; the message ends with the child's last line.
    """

    def __init__(self, module: str, argument: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the child
        self._process = subprocess.Popen(
            # -P: a json.py in the user's folder is not ours
            [sys.executable, "-P", "-c", _RUN_MODULE, str(Path(__file__).parents[2]), module, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # Ctrl-C is for the command, which then ends its children
            start_new_session=True,
            # what lies in a buffer of Python's, a selector does not see
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        # a pipe holds less than a picture: sending one to a child that hangs must not block
        os.set_blocking(self._requests, False)
        self._left = b""
        try:
            answer = self._line(time.monotonic() + START_LIMIT_S)
        except WorkerLost as error:
            raise EngineMissing(f"{module} does not start: {error}") from None
        if answer + b"\n" != READY:
            self.close()
            raise EngineMissing(f"{module} does not start: it said {answer[:80]!r}")

    @property
    def lives(self) -> bool:
        """Whether the child has not ended by itself since its last answer."""
        return self._process.poll() is None

    def read(self, picture: NDArray[np.uint8], scale: float, time_limit_s: float) -> PhotoReading:
        """Read one `(H, W, 3)` uint8 picture, enlarged by `scale`.

        Raises:
            WorkerLost: no answer in time, or the child died; it is gone then.
        """
        if self._left:
            self.close()
            raise WorkerLost("an answer that nobody asked for")
        deadline = time.monotonic() + time_limit_s
        self._send(HEADER.pack(*picture.shape[:2], scale) + picture.tobytes(), deadline)
        answer = self._line(deadline)
        # whatever libraries say stays bounded; the child writes on from the new end
        if os.fstat(self._errors.fileno()).st_size > MAX_ANSWER_BYTES:
            self._errors.seek(0)
            self._errors.truncate()
        try:
            value = json.loads(answer)
            if isinstance(value, dict) and isinstance(value.get("failure"), str):
                return OcrFailure(value["failure"], lasting=value.get("lasting") is True)
            return Transcript.from_json(value)
        except (ValueError, RecursionError) as error:
            self.close()
            raise WorkerLost(f"an answer that is no transcript ({error})") from None

    def close(self) -> None:
        """End the child."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def _send(self, message: bytes, deadline: float) -> None:
        rest = memoryview(message)
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_WRITE)
            while rest:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._late()
                try:
                    rest = rest[os.write(self._requests, rest) :]
                except OSError:
                    raise self._lost() from None

    def _line(self, deadline: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while b"\n" not in self._left:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._late()
                part = os.read(self._answers, 2**16)
                if not part:
                    raise self._lost()
                self._left += part
                if len(self._left) > MAX_ANSWER_BYTES:
                    self.close()
                    raise WorkerLost(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        line, _, self._left = self._left.partition(b"\n")
        return line

    def _late(self) -> WorkerLost:
        self.close()
        return WorkerLost("no answer in time", late=True)

    def _lost(self) -> WorkerLost:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            code = 0
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 1000))
        complaint = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return WorkerLost(": ".join([how, *complaint[-1:]]), max(0, -code))


class WorkerPool:
    """Up to `size` worker processes, started when there is work and kept for the next.

    Args:
        module, argument: see `WorkerProcess`. prepare: makes of a photo what a worker is sent, its picture and
            enlargement. time_limit_s: seconds a photo may take.
    """

    def __init__(
        self, module: str, argument: str, prepare: Callable[[Photo], Enlarged], size: int, time_limit_s: float
    ) -> None:
        self.module, self.argument, self.prepare = module, argument, prepare
        self.size, self.time_limit_s = size, time_limit_s
        self._idle: queue.SimpleQueue[WorkerProcess] = queue.SimpleQueue()
        weakref.finalize(self, _close_all, self._idle)

    def read(self, photos: Sequence[Photo]) -> list[PhotoReading]:
        """Read photos, each in whichever worker is free; results in order.

        A photo that ends its worker is tried once more in a new one, unless time was the reason.

        Raises:
            EngineMissing: a worker does not start.
        """
        if not photos:
            return []
        with ThreadPoolExecutor(min(self.size, len(photos))) as pool:
            return list(pool.map(self._read_one, photos))

    def _read_one(self, photo: Photo) -> PhotoReading:
        picture, scale = self.prepare(photo)
        try:
            try:
                return self._answer(self._free_worker(), picture, scale)
            except WorkerLost as error:
                if error.late:
                    raise
                log.info("a photo of %s pixels is read again in a new process: %s", photo.shape[:2], error)
                return self._answer(WorkerProcess(self.module, self.argument), picture, scale)
        except WorkerLost as error:
            why = f"{error} ({self.time_limit_s:g} s)" if error.late else str(error)
            # commands name the product; a line for each would fill the screen where all are late
            log.info("a photo of %s pixels could not be read: %s", photo.shape[:2], why)
            return OcrFailure(f"the reading process was lost: {why[:200]}", error.signal_number in CRASHES)

    def _answer(self, worker: WorkerProcess, picture: NDArray[np.uint8], scale: float) -> PhotoReading:
        result = worker.read(picture, scale, self.time_limit_s)
        self._idle.put(worker)
        return result

    def _free_worker(self) -> WorkerProcess:
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                return WorkerProcess(self.module, self.argument)
            if worker.lives:
                return worker
            worker.close()


def serve(make_reader: Callable[[], Callable[[NDArray[np.uint8], float], Transcript]]) -> None:
    """The child's side: load, then answer pictures from stdin on stdout until the parent goes away.

    Args:
        make_reader: loads what reads a `(H, W, 3)` uint8 BGR picture that was enlarged by a factor.
    """
    # before anything is loaded: whatever a library prints must not become an answer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    requests = sys.stdin.buffer
    read = make_reader()
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
            # want of memory is the machine's state, not the photo's doing
            lasting = not isinstance(error, MemoryError) and not _OUT_OF_MEMORY.search(str(error))
            answer = {"failure": f"{type(error).__name__}: {str(error)[:200]}", "lasting": lasting}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _end_with(parent: int) -> None:
    """A child that hangs does not see that its parent is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _close_all(idle: queue.SimpleQueue[WorkerProcess]) -> None:
    while not idle.empty():
        idle.get_nowait().close()
