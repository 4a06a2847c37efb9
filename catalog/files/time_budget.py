"""Seconds that a piece of work may take, asked between its steps: the whole cannot run away."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Clock = Callable[[], float]


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
        """Seconds of each of up to `most` steps, of which one is taken in any case.

        None is begun that would not end in time if it needed what the one before has; the second if it needed half of
        the first, which warms up.
        """
        seconds: list[float] = []
        while len(seconds) < most and (not seconds or self._next(seconds) <= self.left):
            start = self._clock()
            step()
            seconds.append(self._clock() - start)
        return seconds

    @staticmethod
    def _next(seconds: list[float]) -> float:
        return seconds[-1] if len(seconds) > 1 else seconds[0] / 2


def typical(seconds: list[float]) -> float:
    """Median of the seconds of equal steps but the first, which warms up; the first where there is no other."""
    return statistics.median(seconds[1:] or seconds)
