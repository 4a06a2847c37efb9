"""Child processes that wait for the next question: one is started when there is work and none is free."""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from catalog.files.child_process import ChildProcess

Child = TypeVar("Child", bound=ChildProcess)


class ChildPool(Generic[Child]):
    """Any number of children, used by any number of threads; they end with `close`, the pool, or this process.

    A fork of this process starts its own children and leaves those of its parent alone.

    Args:
        start: starts a child.
    """

    def __init__(self, start: Callable[[], Child]) -> None:
        self._start = start
        # needs no lock, which a fork could inherit from a thread that it does not have
        self._idle: deque[Child] = deque()
        self._n_closed = 0
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def child(self, fresh: bool = False) -> Iterator[Child]:
        """A child for one question and its whole answer; kept for the next when it can answer one.

        An error inside the block ends the child, for nobody knows how much of the answer is left: what an answer
        means is better judged after the block.

        Args:
            fresh: start a new one, whichever wait.

        Raises:
            ChildNotStarted: none waits and none starts.
        """
        n_closed = self._n_closed
        child = self._start() if fresh else self._free_child()
        try:
            yield child
        except BaseException:
            child.close()
            raise
        self._keep(child)
        if n_closed != self._n_closed:
            _close_all(self._idle)

    def close(self) -> None:
        """End the children that wait, and the others once they have answered; the next question starts a new one."""
        self._n_closed += 1
        _close_all(self._idle)

    def _free_child(self) -> Child:
        while True:
            try:
                # the last that was used: in quiet times the others may be swapped out
                child = self._idle.pop()
            except IndexError:
                return self._start()
            if child.awaits_question:
                return child
            child.close()

    def _keep(self, child: Child) -> None:
        if child.awaits_question:
            self._idle.append(child)
        else:
            child.close()


def _close_all(idle: deque[Child]) -> None:
    # another thread may take the last one
    with suppress(IndexError):
        while True:
            idle.pop().close()
