"""Seconds that a piece of work may take, asked between its steps: the whole cannot run away."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Clock = Callable[[], float]
LEAST = 2
"""Steps that are taken whatever the time. The first compiles, starts processes, reads files: of a graph it took ten
times the second."""


class TimeBudget:
    """So many seconds from now on."""

    def __init__(self, seconds: float, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._start, self._seconds = clock(), seconds

    @property
    def used(self) -> float:
        """Seconds since it was made."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds, 0 where there are none."""
        return max(0.0, self._seconds - self.used)

    def part(self, seconds: float) -> TimeBudget:
        """For a part of the work: no more than is left."""
        return TimeBudget(min(seconds, self.left), self._clock)

    def times(self, step: Callable[[], object], most: int) -> list[float]:
        """Seconds of each of up to `most` steps, of which two are taken in any case: the first warms up.

        No other one is begun that would not end in time if it needed what the one before has.
        """
        seconds: list[float] = []
        while len(seconds) < most and (len(seconds) < LEAST or seconds[-1] <= self.left):
            start = self._clock()
            step()
            seconds.append(self._clock() - start)
        return seconds


def typical(seconds: list[float]) -> float:
    """Median of the seconds of equal steps but the first, which warms up; the first where there is no other."""
    return statistics.median(seconds[1:] or seconds)
