"""Processes that prepare batches: no forks of the training process, with which they end; a death is noticed at once.

A process that holds a GPU cannot be forked: CUDA does not work in the fork, NCCL's threads are not there, and locks
that any thread held stay locked. A server that has imported what workers need, and holds nothing, is forked instead.
It is their parent: neither they nor the training process hear of each other's death as after a fork of the latter.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, parent_process, queues
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import FrameType, ModuleType
from typing import Any, NoReturn

import cv2

IMPORTED = "mosaic.training.hand_over"
"""What every worker needs: the server imports it once, torch with it, which takes seconds."""


def worker_context() -> BaseContext:
    """How worker processes start."""
    context = multiprocessing.get_context("forkserver")
    # of no effect on a server that runs already: then each worker imports what it needs
    context.set_forkserver_preload([IMPORTED])
    return context


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Ctrl-C waits until the block ends; a server that starts in here hears of none, nor do its workers.

    It is the training's: a server that still imports would end in a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def main_module_left_alone() -> Iterator[None]:
    """Processes that start in here do not run the program's main module again.

    They would, to know classes of it; workers need none. A script that trains without asking for its `__name__` first
    would begin anew in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


# -- in the training process ----------------------------------------------------------------------------------------


class WorkerWatch:
    """Calls `on_death` in the main thread, wherever that is, as soon as one of some workers ends before its time.

    torch asks every five seconds while it waits for the next batch; of a batch that breaks off in the middle it waits
    for the rest without end. Nothing is watched outside the main thread, since signals reach that alone.
    """

    def __init__(
        self, workers: Sequence[BaseProcess], are_told_to_end: Callable[[], bool],
        on_death: Callable[[BaseProcess], None],
    ) -> None:  # fmt: skip
        self._workers, self._are_told_to_end, self._on_death = list(workers), are_told_to_end, on_death
        self._dead: BaseProcess | None = None
        self._stopped = not workers or threading.current_thread() is not threading.main_thread()
        if self._stopped:
            return
        # also what tells of children that are forked: a handler of torch's or another's stays in force
        self._before: Any = signal.signal(signal.SIGCHLD, self._on_signal)
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._wait, name="worker watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """What ends from now on ends in time."""
        if self._stopped:
            return
        self._stopped = True
        self._writer.close()
        self._thread.join()
        self._reader.close()
        # where another handler has been set on top of this one, this one only passes on
        if signal.getsignal(signal.SIGCHLD) == self._on_signal:
            signal.signal(signal.SIGCHLD, self._before)

    def _wait(self) -> None:
        by_sentinel: dict[Any, BaseProcess] = {worker.sentinel: worker for worker in self._workers}
        gone = connection.wait([self._reader, *by_sentinel])
        if self._reader in gone or self._are_told_to_end():
            return
        self._dead = by_sentinel[gone[0]]
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGCHLD)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if callable(self._before):
            self._before(number, frame)
        # only once: how a process ended must not be asked while it is being asked
        dead, self._dead = self._dead, None
        if dead is not None and not self._stopped:
            self._on_death(dead)


# -- in a worker ----------------------------------------------------------------------------------------------------


def prepare_worker(_: int) -> None:
    """Make this process a worker: it ends with the training process, and where a batch cannot be sent."""
    # Ctrl-C is for the training process, which then ends its workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trainer = parent_process()
    assert trainer is not None
    threading.Thread(target=_end_with, args=(trainer.sentinel,), daemon=True).start()
    # it would be waited for without end
    queues.Queue._on_queue_feeder_error = staticmethod(_end)  # type: ignore[attr-defined]
    # there are as many workers as cores
    cv2.setNumThreads(1)


def _end_with(sentinel: int) -> None:
    """torch's own watchdog asks for the parent, which is the server: it lives as long as its workers do."""
    connection.wait([sentinel])
    os._exit(1)


def _end(error: BaseException, _: object) -> NoReturn:
    sys.stderr.write(f"a batch cannot be handed over: {error}\n")
    sys.stderr.flush()
    os._exit(1)
