"""Work shared among processes: results in the order of the tasks, a bounded number of them under way."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
AHEAD = 2
"""Tasks per process that wait or whose result waits: a slow one holds up the others no sooner."""


def in_order(
    function: Callable[[Task], Result], tasks: Iterable[Task], n_workers: int
) -> Generator[Result, None, None]:
    """`map(function, tasks)` in `n_workers` processes; in this one when that is 1.

    `function` is importable by name. Closing the iterator, an error or Ctrl-C ends the processes after their task.

    Raises:
        OSError: a process died (out of memory, killed).
    """
    if n_workers <= 1:
        yield from map(function, tasks)
        return
    # spawned, not forked: a process with threads (a progress bar has one) cannot be forked safely
    pool = ProcessPoolExecutor(n_workers, mp_context=get_context("spawn"), initializer=_prepare)
    try:
        rest = iter(tasks)
        pending: deque[Future[Result]] = deque()
        for task in islice(rest, n_workers * AHEAD):
            pending.append(pool.submit(function, task))
        while pending:
            result = pending.popleft().result()
            for task in islice(rest, 1):
                pending.append(pool.submit(function, task))
            yield result
    except BrokenProcessPool:
        raise OSError(
            "a worker process died, perhaps for want of memory: run the command again. (A Python script that gets here "
            "does its work below `if __name__ == '__main__':`, or asks for n_workers=1)"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare() -> None:
    """Ctrl-C is for the command, which then ends its workers; they end as well when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
