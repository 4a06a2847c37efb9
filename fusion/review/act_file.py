"""The lines of a live entry, `0003.jsonl`: added one by one, each on the disk before it is confirmed."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from catalog.files.full_disk import names_full_disk
from fusion.review.act import Act, ReviewAct, Undoing, act_in, line_of

log = logging.getLogger(__name__)
BLOCK = 2**20


class ActFile:
    """Acts of one entry, in the order in which they were confirmed.

    A line that has no end was never confirmed: its process was killed meanwhile. It is passed over, and the next act
    takes its place.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make it, empty, unless it is there."""
        os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))

    def lines(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Whole lines from a byte on that begins one, each with the byte that it begins at."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield start, line
                start += len(line)

    def acts(self, start: int = 0) -> Iterator[tuple[int, int, Act]]:
        """The acts of these lines, each with the bytes that its line begins at and ends before.

        Raises:
            ValueError: a line that has its end holds no act: the file is damaged.
        """
        for place, line in self.lines(start):
            yield place, place + len(line), self._act(place, line)

    def standing(self) -> Iterator[ReviewAct]:
        """The acts that nobody took back."""
        undone = {one.undo for one in self._undoings()}
        for _, _, act in self.acts():
            if isinstance(act, ReviewAct) and act.act not in undone:
                yield act
        self._tell_torn()

    def _tell_torn(self) -> None:
        end = max((place + len(line) for place, line in self.lines()), default=0)
        if self.path.is_file() and (torn := self.path.stat().st_size - end) > 0:
            log.warning(
                "%s: its last %d bytes are no whole answer and were never confirmed: they are passed over",
                self.path,
                torn,
            )

    def _undoings(self) -> Iterator[Undoing]:
        for place, line in self.lines():
            if line.startswith(b'{"undo"') and isinstance(act := self._act(place, line), Undoing):
                yield act

    def at(self, place: int) -> Act:
        """The act whose line begins at a byte."""
        for _, line in self.lines(place):
            return self._act(place, line)
        raise ValueError(f"{self.path} is damaged: it has no line at byte {place}")

    def _act(self, place: int, line: bytes) -> Act:
        try:
            return act_in(line)
        except ValueError as error:
            raise ValueError(f"{self.path} is damaged at byte {place}: {error}") from None

    def add(self, act: Act, end: int) -> int:
        """Write an act after `end`, where the last whole line ends, and wait for the disk; gives the new end.

        Nobody else may write meanwhile.

        Raises:
            OSError: it could not be written, and what was written of it is gone.
        """
        line = line_of(act)
        with names_full_disk(self.path):
            file = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                torn = os.fstat(file).st_size - end
                if torn > 0:
                    log.warning(
                        "%s: its last %d bytes were never confirmed, a killed process left them", self.path, torn
                    )
                    os.ftruncate(file, end)
                try:
                    _write_all(file, line, end)
                    os.fsync(file)
                except OSError:
                    # what nobody confirmed must not count after all
                    os.ftruncate(file, end)
                    raise
            finally:
                os.close(file)
        return end + len(line)


def _write_all(file: int, data: bytes, place: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(file, left[:BLOCK], place)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left, place = left[written:], place + written
