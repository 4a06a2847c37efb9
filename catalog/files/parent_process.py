"""The child's side of `catalog.files.child_process`: questions from the process that started this one, and answers."""

# nothing but what every Python loads anyway: a child costs its start and what its own work needs
import os
import sys
import threading
import time

READY = b"ready\n"
"""What a child says first, once it has loaded what it works with."""


class ParentProcess:
    """Who started this process and asks it questions; this process ends when that one does.

    It is made before libraries are loaded: from then on what they print goes to the standard error and never becomes
    an answer.
    """

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._questions = sys.stdin.buffer
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

    def say_ready(self) -> None:
        """Questions may come now."""
        self.answer(READY)

    def receive(self, n_bytes: int) -> bytes | None:
        """Wait for the next `n_bytes` of a question; None when the parent is gone."""
        part = self._questions.read(n_bytes)
        return part if len(part) == n_bytes else None

    def answer(self, *parts: bytes) -> None:
        """Send bytes, one part after the other; how long an answer is must be told by the answer itself."""
        for part in parts:
            self._answers.write(part)
        self._answers.flush()


def _end_with(parent: int) -> None:
    """A child that hangs does not see that its questions have ended; forks of the parent keep them open, too."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
