"""How a fit ends before its time: at once and with a sentence, whatever the worker processes are stuck in."""

import errno
import mmap
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from lightning import Callback

from mosaic.training.shared_memory import SHARED_MEMORY
from mosaic.training.worker_death import WAY_OUT, WorkersDied, died

if TYPE_CHECKING:
    from lightning import LightningModule, Trainer

GRACE_S = 4.0
"""For closing what is open. Workers that were killed leave locks behind that are waited for without end."""
_DIED = re.compile(r"DataLoader worker \(pid.*", re.DOTALL)
"""How torch begins what it says of a worker that is no more; of an error in a worker it says `Caught ...`."""


def death_in(error: BaseException) -> WorkersDied | None:
    """What to say where an error of the data loader means that a worker has died, or could not begin.

    The trainer stumbles over what it closes: the loader's error may lie behind its own.
    """
    return next((death for behind in _with_what_is_behind(error) if (death := _death(behind))), None)


def is_interruption(error: BaseException) -> bool:
    """Whether it is Ctrl-C that an error of the trainer comes from, which stumbles over workers not yet begun."""
    return any(isinstance(behind, KeyboardInterrupt) for behind in _with_what_is_behind(error))


def _with_what_is_behind(error: BaseException) -> Iterator[BaseException]:
    behind: BaseException | None = error
    while behind is not None:
        yield behind
        behind = behind.__cause__ or behind.__context__


def _death(error: BaseException) -> WorkersDied | None:
    if isinstance(error, WorkersDied):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None and _no_shared_memory():
        return WorkersDied(f"processes that prepare photos cannot begin: {SHARED_MEMORY} is full: {WAY_OUT}")
    # workers are asked for, and hand over, by sockets in the folder for temporary files: 108 bytes at most
    if isinstance(error, OSError) and str(error) == "AF_UNIX path too long":
        return WorkersDied(
            f"processes that prepare photos cannot begin: the path {tempfile.gettempdir()} is too long for a socket in "
            "it: give a shorter folder for temporary files (TMPDIR=/tmp ...), or train without such processes "
            "(--set workers=0)"
        )
    if isinstance(error, RuntimeError) and _DIED.match(str(error)):
        first = str(error).splitlines()[0].split(". ")[0].rstrip(". ")
        return died(first.removeprefix("DataLoader ").replace("(s)", ""))
    return None


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

    def on_train_start(self, trainer: "Trainer", learner: "LightningModule") -> None:
        """SIGTERM ends the fit: the trainer's own handler lets it wait for a batch that may never come."""
        if threading.current_thread() is threading.main_thread():
            # it is installed by now; the trainer puts back what it found when the fit is over
            signal.signal(signal.SIGTERM, self._on_signal)

    def on_exception(self, trainer: "Trainer", learner: "LightningModule", exception: BaseException) -> None:
        """From now on the fit has `GRACE_S` to close what is open."""
        # what a dead worker had promised cannot be fetched any more, before torch knows why
        broken_off = self._n_workers > 0 and isinstance(exception, ConnectionError | EOFError)
        dead = self._kill_workers(broken_off)
        self.died = death_in(exception)
        if self.died is None and broken_off:
            self.died = died(f"process {dead[0]}" if dead else "it broke off in the middle of a batch")
        self._end_later(f"Error: {self.died or repr(exception)}\n", 1)

    def release(self) -> None:
        """The fit is over, and its loader closed."""
        if self._timer is not None:
            self._timer.cancel()

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
