"""Ctrl-C and SIGTERM: once, the work ends at its next safe point; twice, at once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import FrameType

from catalog.files.taken_signals import signals_taken

WORDS = "stopping at the next safe point; Ctrl-C again stops at once"
"""What the first one is answered with."""


class Stopper:
    """Knows whether the work is to end; whoever works asks it at its safe points."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raise KeyboardInterrupt where the work is to end: here nothing is lost."""
        if self.asked:
            raise KeyboardInterrupt

    def watching(self) -> AbstractContextManager[None]:
        """Take the signals for as long as this is entered; outside the main thread they are left as they are."""
        return signals_taken(self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        # what is to be said of it is not said here: who is interrupted may be in the middle of writing
        self.asked = True
