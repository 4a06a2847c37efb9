"""Progress as lines of text, for output that goes to a file or a pipe: a bar would be drawn over itself there."""

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from catalog.files.progress import Progress
from catalog.files.wording import percent

EVERY_S = 60.0
"""Seconds between two lines: a log of a night stays short, and nobody waits long to see that something moves."""


@runtime_checkable
class SaysMore(Protocol):
    """Shows progress, and what else the work has to say of itself."""

    def describe(self, figures: Callable[[], str]) -> None:
        """Add what `figures` returns to each line; it is asked when one is due."""

    def milestone(self, text: str) -> None:
        """Tell now that something is reached."""


def says_more(progress: Progress | None) -> SaysMore | None:
    """What shows this progress, where it takes more than numbers."""
    return progress if isinstance(progress, SaysMore) else None


class ProgressLines:
    """A `Progress` that tells one line a minute: what is done, how much of it, and how long the rest will take."""

    def __init__(self, title: str, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._tell, self._clock = title, tell, clock
        self._begun = self._told = clock()
        # what was done before, as of a training that is taken up, says nothing of how fast it goes now
        self._first: tuple[float, int] | None = None
        self._done = self._total = 0
        self._figures: Callable[[], str] = str

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` is done; tells it when a minute has passed since the last line."""
        if self._first is None:
            self._first = self._clock(), done
        self._done, self._total = done, total
        if self._clock() - self._told >= EVERY_S:
            self._line("")

    def describe(self, figures: Callable[[], str]) -> None:
        """See `SaysMore`."""
        self._figures = figures

    def milestone(self, text: str) -> None:
        """See `SaysMore`."""
        self._line(text)

    def finish(self) -> None:
        """Tell the end of what took long enough to be told on its way."""
        if self._clock() - self._begun >= EVERY_S:
            self._tell(f"{self._title}: done in {duration_text(self._clock() - self._begun)}")

    def _line(self, text: str) -> None:
        self._told = self._clock()
        parts = [text, self._share(), self._figures()]
        self._tell(f"{self._title}: {', '.join(part for part in parts if part)}")

    def _share(self) -> str:
        if not self._total:
            return ""
        share = f"{self._done} of {self._total} ({percent(self._done / self._total, 0)})"
        since, done_before = self._first or (self._begun, 0)
        if not done_before < self._done < self._total:
            return share
        left = (self._clock() - since) * (self._total - self._done) / (self._done - done_before)
        return f"{share}, {duration_text(left)} left"


def duration_text(seconds: float) -> str:
    """How long, as people say it: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
