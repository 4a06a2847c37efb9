"""A clock for what asks how late it is."""

from __future__ import annotations


class StandingClock:
    """Stands still until a test moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += seconds
