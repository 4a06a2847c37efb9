"""How a fit ends before its time: at once and with a sentence, whatever the worker processes are stuck in."""

import errno
import mmap
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from lightning import Callback

if TYPE_CHECKING:
    from lightning import LightningModule, Trainer

GRACE_S = 4.0
"""For closing what is open. Workers that were killed leave locks behind that are waited for without end."""
SHARED_MEMORY = Path("/dev/shm")
_DIED = re.compile(r"DataLoader worker \(pid.*", re.DOTALL)
"""How torch begins what it says of a worker that is no more; of an error in a worker it says `Caught ...`."""


_WAY_OUT = (
    "in a container give more (docker run --shm-size=2g ...), or train without such processes (--set workers=0); "
    "--resume goes on from the last checkpoint"
)


class WorkersDied(OSError):
    """A process that prepares batches is no more."""


def death_in(error: BaseException) -> WorkersDied | None:
    """What to say where an error of the data loader means that a worker has died, or could not begin.

    The trainer stumbles over what it closes: the loader's error may lie behind its own.
    """
    behind: BaseException | None = error
    while behind is not None:
        if died := _death(behind):
            return died
        behind = behind.__cause__ or behind.__context__
    return None


def _death(error: BaseException) -> WorkersDied | None:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None and _no_shared_memory():
        return WorkersDied(f"processes that prepare photos cannot begin: {SHARED_MEMORY} is full: {_WAY_OUT}")
    if isinstance(error, RuntimeError) and _DIED.match(str(error)):
        first = str(error).splitlines()[0].split(". ")[0].rstrip(". ")
        return _said_of(first.removeprefix("DataLoader ").replace("(s)", ""))
    return None


def _said_of(worker: str) -> WorkersDied:
    reasons = "perhaps for want of memory, or of shared memory"
    return WorkersDied(f"a process that prepares photos has died ({worker}), {reasons}: {_WAY_OUT}")


def _no_shared_memory() -> bool:
    return SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < mmap.PAGESIZE


class EndsInTime(Callback):
    """Ends the process where an error or SIGTERM has not ended the fit within `GRACE_S`."""

    def __init__(self, kill_workers: Callable[[bool], list[int]], n_workers: int) -> None:
        """`kill_workers(one_is_dying)`: ends the processes that prepare batches, which may hang; returns the dead.

        `n_workers`: how many there are; 0 where the fit prepares its batches itself.
        """
        self.died: WorkersDied | None = None
        self._kill_workers, self._n_workers = kill_workers, n_workers
        self._timer: threading.Timer | None = None
        self._on_child: Any = None

    def on_train_start(self, trainer: "Trainer", learner: "LightningModule") -> None:
        """SIGTERM ends the fit: the trainer's own handler lets it wait for a batch that may never come."""
        if threading.current_thread() is threading.main_thread():
            # it is installed by now; the trainer puts back what it found when the fit is over
            signal.signal(signal.SIGTERM, self._on_signal)

    def on_exception(self, trainer: "Trainer", learner: "LightningModule", exception: BaseException) -> None:
        """From now on the fit has `GRACE_S` to close what is open."""
        if threading.current_thread() is threading.main_thread():
            # torch has an error raised, wherever the process is, for each worker that is killed: now these are ours
            self._on_child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # what a dead worker had promised cannot be fetched any more, before torch knows why
        broken_off = self._n_workers > 0 and isinstance(exception, ConnectionError | EOFError)
        dead = self._kill_workers(broken_off)
        self.died = death_in(exception)
        if self.died is None and broken_off:
            self.died = _said_of(f"process {dead[0]}" if dead else "it broke off in the middle of a batch")
        self._end_later(f"Error: {self.died or repr(exception)}\n", 1)

    def release(self) -> None:
        """The fit is over, and its loader closed."""
        if self._timer is not None:
            self._timer.cancel()
        if self._on_child is not None:
            signal.signal(signal.SIGCHLD, self._on_child)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._end_later("", 128 + number)
        raise SystemExit(128 + number)

    def _end_later(self, words: str, status: int) -> None:
        if self._timer is None:
            self._timer = threading.Timer(GRACE_S, _end, (words, status))
            self._timer.daemon = True
            self._timer.start()


def _end(words: str, status: int) -> None:
    sys.stderr.write(words)
    sys.stderr.flush()
    os._exit(status)
