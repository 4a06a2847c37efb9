"""Child processes that read photos: one that hangs or dies costs one photo, never the job."""

import json
import logging
import re
import signal
import struct
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from catalog.files.child_pool import ChildPool
from catalog.files.child_process import START_LIMIT_S, ChildLost, ChildNotStarted, ChildProcess
from catalog.files.parent_process import ParentProcess
from ocr.engines.base import EngineMissing, Photo
from ocr.engines.slots import Slots
from ocr.transcript import OcrFailure, PhotoReading, Transcript

log = logging.getLogger(__name__)

HEADER = struct.Struct("<IId")
"""Height, width and enlargement of the picture whose `H * W * 3` bytes follow."""
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
"""Signals by which a process ends because of what it was given; others may be the machine's state."""
_OUT_OF_MEMORY = re.compile("memory|alloc", re.IGNORECASE)

Enlarged = tuple[NDArray[np.uint8], float]
"""A picture, and by how much it was enlarged."""


class WorkerProcess(ChildProcess):
    """A child that answers each picture with one line of JSON, a transcript or `{"failure": reason}` (see `serve`)."""

    def read(self, picture: NDArray[np.uint8], scale: float, time_limit_s: float) -> PhotoReading:
        """Read one `(H, W, 3)` uint8 picture, enlarged by `scale`.

        Raises:
            ChildLost: no answer in time, or the child died; it is gone then.
        """
        deadline = time.monotonic() + time_limit_s
        self.send(HEADER.pack(*picture.shape[:2], scale), picture.tobytes(), deadline=deadline)
        answer = self.line(deadline)
        try:
            value = json.loads(answer)
            if isinstance(value, dict) and isinstance(value.get("failure"), str):
                return OcrFailure(value["failure"], lasting=value.get("lasting") is True)
            return Transcript.from_json(value)
        except (ValueError, RecursionError) as error:
            self.close()
            raise ChildLost(f"an answer that is no transcript ({error})") from None


class WorkerPool:
    """Up to `size` worker processes, however many threads have photos read; started when there is work, then kept.

    Args:
        module, argument: see `WorkerProcess`. prepare: makes of a photo what a worker is sent, its picture and
            enlargement. time_limit_s: seconds a photo may take. start_limit_s: seconds a worker may take to start.
    """

    def __init__(
        self,
        module: str,
        argument: str,
        prepare: Callable[[Photo], Enlarged],
        size: int,
        time_limit_s: float,
        start_limit_s: float = START_LIMIT_S,
    ) -> None:
        self.module, self.argument, self.prepare = module, argument, prepare
        self.size, self.time_limit_s = size, time_limit_s
        self._children = ChildPool(partial(WorkerProcess, module, argument, start_limit_s=start_limit_s))
        # each call has threads of its own, and every worker has the networks in memory
        self._slots = Slots(size)

    def read(self, photos: Sequence[Photo]) -> list[PhotoReading]:
        """Read photos, each in whichever worker is free; results in order.

        A photo that ends its worker is tried once more in a new one, unless time was the reason.

        Raises:
            EngineMissing: a worker does not start.
        """
        if len(photos) < 2:
            return [self._read_one(photo) for photo in photos]
        with ThreadPoolExecutor(min(self.size, len(photos))) as pool:
            return list(pool.map(self._read_one, photos))

    def close(self) -> None:
        """End the workers, those that read after their photo; later photos start new ones."""
        self._children.close()

    def _read_one(self, photo: Photo) -> PhotoReading:
        picture, scale = self.prepare(photo)
        try:
            try:
                return self._answer(picture, scale)
            except ChildLost as error:
                if error.late:
                    raise
                log.info("a photo of %s pixels is read again in a new process: %s", photo.shape[:2], error)
                return self._answer(picture, scale, fresh=True)
        except ChildLost as error:
            why = f"{error} ({self.time_limit_s:g} s)" if error.late else str(error)
            # commands name the product; a line for each would fill the screen where all are late
            log.info("a photo of %s pixels could not be read: %s", photo.shape[:2], why)
            return OcrFailure(f"the reading process was lost: {why[:200]}", error.signal_number in CRASHES)
        except ChildNotStarted as error:
            raise EngineMissing(str(error)) from None

    def _answer(self, picture: NDArray[np.uint8], scale: float, fresh: bool = False) -> PhotoReading:
        with self._slots, self._children.child(fresh) as worker:
            return worker.read(picture, scale, self.time_limit_s)


def serve(make_reader: Callable[[], Callable[[NDArray[np.uint8], float], Transcript]]) -> None:
    """The child's side: load, then answer pictures from stdin on stdout until the parent goes away.

    Args:
        make_reader: loads what reads a `(H, W, 3)` uint8 BGR picture that was enlarged by a factor.
    """
    parent = ParentProcess()
    read = make_reader()
    parent.say_ready()
    while header := parent.receive(HEADER.size):
        height, width, scale = HEADER.unpack(header)
        pixels = parent.receive(height * width * 3)
        if pixels is None:
            break
        picture = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        try:
            answer = read(picture, scale).to_json()
        except Exception as error:  # whatever a network stumbles over is that photo's result
            # want of memory is the machine's state, not the photo's doing
            lasting = not isinstance(error, MemoryError) and not _OUT_OF_MEMORY.search(str(error))
            answer = {"failure": f"{type(error).__name__}: {last_line(error)}", "lasting": lasting}
        parent.answer(json.dumps(answer).encode(), b"\n")


def last_line(error: Exception) -> str:
    """What an error says, at most 200 characters: rapidocr's hold a whole traceback, whose last line is the error."""
    line = (str(error).strip().splitlines() or [""])[-1]
    # a traceback names an error with its module
    return re.sub(r"^(\w+\.)+(?=\w+: )", "", line)[:200]
