"""Runs compared in the background: one pair at a time, the latest answers kept."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from catalog.runs.run import DETAILS, Run
from fusion.evaluation.compare import RunComparison, compare_held_out

KEPT = 32
"""Answers that are remembered: some kilobytes each, and seconds of work for a large catalogue."""
MOST_WAITING = 8


class TooManyComparisons(Exception):
    """So many pairs wait that another one would wait too long."""


class Comparisons:
    """Comparisons by their pair of runs, safe in threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="compare")
        self._of: OrderedDict[tuple[object, ...], Future[RunComparison]] = OrderedDict()
        self._lock = Lock()

    def of(self, a: Run, b: Run) -> RunComparison | None:
        """B against A on the products that both hold out; None: it is being worked out, ask again.

        Raises:
            ValueError, FileNotFoundError: see `compare_held_out`. TooManyComparisons: others wait already.
        """
        key = tuple((run.folder, (run.folder / DETAILS).stat().st_mtime_ns) for run in (a, b))
        with self._lock:
            future = self._of.get(key)
            if future is None:
                if sum(not one.done() for one in self._of.values()) >= MOST_WAITING:
                    raise TooManyComparisons
                future = self._of[key] = self._threads.submit(compare_held_out, a, b)
            self._of.move_to_end(key)
            for old in [old for old, one in self._of.items() if one.done()][: max(0, len(self._of) - KEPT)]:
                if old != key:
                    del self._of[old]
        return future.result() if future.done() else None

    def close(self) -> None:
        """Begin no more; one that is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
