"""Who is let in, and who does not count any more."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ocr.engines.slots import Slots

COMES_S, STAYS_AWAY_S = 300, 0.3


class Holders:
    """Threads that take a slot, and hold it until they are told to let go."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.entered = queue.Queue[int]()
        self.ends: list[threading.Event] = []
        self.threads: list[threading.Thread] = []

    def start(self) -> int:
        """One more asks for a slot; gives its number."""
        number, end = len(self.threads), threading.Event()
        self.ends.append(end)
        self.threads.append(threading.Thread(target=self._hold, args=(number, end)))
        self.threads[-1].start()
        return number

    def _hold(self, number: int, end: threading.Event) -> None:
        with self.slots:
            self.entered.put(number)
            end.wait()

    def next(self) -> int:
        """Who is let in next."""
        return self.entered.get(timeout=COMES_S)

    def nobody(self) -> bool:
        """Whether nobody is let in for a while."""
        with pytest.raises(queue.Empty):
            self.entered.get(timeout=STAYS_AWAY_S)
        return True


@contextmanager
def holders(slots: Slots) -> Iterator[Holders]:
    """Some threads, which all end with the block."""
    all_of_them = Holders(slots)
    try:
        yield all_of_them
    finally:
        for end in all_of_them.ends:
            end.set()
        for thread in all_of_them.threads:
            thread.join()


def test_no_more_than_there_are_slots():
    with holders(Slots(2, patience_s=1000)) as of_slots:
        of_slots.start(), of_slots.start()
        assert {of_slots.next(), of_slots.next()} == {0, 1}
        third = of_slots.start()
        assert of_slots.nobody()
        of_slots.ends[1].set()
        assert of_slots.next() == third


def test_who_hangs_is_passed_after_a_while():
    with holders(Slots(1, patience_s=0.2)) as of_slots:
        asked = time.monotonic()
        of_slots.start()
        assert of_slots.next() == 0
        of_slots.start()
        # the first one has its slot still
        assert of_slots.next() == 1
        assert time.monotonic() - asked >= 0.2


def test_no_more_than_twice_as_many_in_all():
    with holders(Slots(1, patience_s=0.05)) as of_slots:
        for number in range(2):
            of_slots.start()
            assert of_slots.next() == number
        of_slots.start()
        assert of_slots.nobody()
        of_slots.ends[0].set()
        assert of_slots.next() == 2
