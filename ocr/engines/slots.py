"""How many programs read at a time, however many threads ask for them."""

import os
import threading
import time
from types import TracebackType

PATIENCE_S = 5.0
"""A photo takes 0.3 s: who holds a slot for so long hangs, most likely, and is waited for by nobody else."""


class Slots:
    """Lets so many threads in at a time (`with slots:`); a fork of the process has slots of its own.

    A thread that holds its slot for longer than `patience_s` has it still, but counts no more: another one is let in
    beside it, up to twice as many as there are slots. Else as many hanging programs as there are slots would hold up
    all other photos for as long as a program is given.

    Args:
        size: how many.
    """

    def __init__(self, size: int, patience_s: float = PATIENCE_S) -> None:
        self._size, self._patience_s = size, patience_s
        self._renew()

    def __enter__(self) -> None:
        # a fork inherits slots that are taken by threads which it does not have
        if self._owner != os.getpid():
            self._renew()
        with self._change:
            while (wait_s := self._wait_s()) > 0:
                self._change.wait(wait_s)
            self._since[threading.get_ident()] = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._change:
            self._since.pop(threading.get_ident(), None)
            self._change.notify()

    def _renew(self) -> None:
        self._owner, self._change = os.getpid(), threading.Condition()
        self._since: dict[int, float] = {}

    def _wait_s(self) -> float:
        """Seconds after which there may be room: 0 where there is some now."""
        if len(self._since) >= 2 * self._size:
            return threading.TIMEOUT_MAX
        late = time.monotonic() - self._patience_s
        in_time = sorted(since for since in self._since.values() if since > late)
        return 0 if len(in_time) < self._size else in_time[-self._size] - late
