"""How many programs read at a time, however many threads ask for them."""

import os
from threading import BoundedSemaphore
from types import TracebackType


class Slots:
    """Lets so many threads in at a time (`with slots:`); a fork of the process has slots of its own.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._owner, self._free = os.getpid(), BoundedSemaphore(size)

    def __enter__(self) -> None:
        # a fork inherits slots that are taken by threads which it does not have
        if self._owner != os.getpid():
            self._owner, self._free = os.getpid(), BoundedSemaphore(self._size)
        self._free.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._free.release()
