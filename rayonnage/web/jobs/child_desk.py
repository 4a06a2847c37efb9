"""Has what waits in a folder of the workspace done, one after the other, each in a process of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic

from catalog.files.file_lock import take
from rayonnage.web.jobs.child import ChildWork
from rayonnage.web.jobs.record_store import Record, RecordStore

log = logging.getLogger(__name__)
LOOK_S = 1.0
SWEEP_S = 600.0
WAITING = "waiting"


class ChildDesk(ABC, Generic[Record]):
    """The thread that has work done; a desk says how a piece of it is begun and heard."""

    def __init__(self, name: str, store: RecordStore[Record], lock: str) -> None:
        """`lock`: file in the store's folder, held by the server that works: of two, one waits for the other's end."""
        self._name, self._records, self._lock_name = name, store, lock
        self._child = ChildWork()
        self._lock: int | None = None
        self._wake, self._ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Go on with what an earlier server had begun, and with what waits."""
        self._thread.start()

    def close(self) -> None:
        """End; what is being done is gone on with by the next server."""
        self._ends.set()
        self._wake.set()
        self._child.close()
        if self._thread.is_alive():
            self._thread.join(10)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def wake(self) -> None:
        """Say that something waits."""
        self._wake.set()

    @abstractmethod
    def _do(self, piece: Record, /) -> bool:
        """Have a piece of work done whose turn it is; False where it cannot be begun yet."""

    def _work(self) -> None:
        swept = 0.0
        while not self._ends.is_set():
            try:
                if time.monotonic() - swept > SWEEP_S:
                    swept = time.monotonic()
                    self._records.sweep()
                piece = self._next()
                if piece is not None and self._do(piece):
                    continue
            except FileNotFoundError:
                log.debug("%s: one was deleted while it was being done", self._name)
            except (OSError, ValueError) as error:
                # one's trouble must not end the thread that all others wait for
                log.error("%s: %s", self._name, error)
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def _next(self) -> Record | None:
        """The piece whose turn it is: one that was begun, else the oldest; None: none."""
        active = [piece for piece in self._records.all() if piece.is_active]
        if not active or not self._is_ours():
            return None
        return min(active, key=lambda piece: (piece.state == WAITING, piece.created))

    def _is_ours(self) -> bool:
        """Whether this server does the work: two would do the same piece at once, into the same folder."""
        if self._lock is None:
            self._lock = take(self._records.folder / self._lock_name)
        return self._lock is not None

    def _run(self, key: str, module: str, order: str, hear: Callable[[dict[str, Any]], None]) -> str:
        """Have a child work until it ends; why it broke off without a word, as one for which there was no memory.

        Empty where it has said how it ended, and where the server ends.
        """
        end = self._child.run(key, module, order, hear)
        if self._ends.is_set() or not self._records.get(key).is_active:
            return ""
        log.error("%s: %s ended with status %d: %s", self._name, key, end.status, end.told)
        return end.why
