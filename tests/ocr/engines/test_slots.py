"""Who is let in, and who does not count any more."""

from __future__ import annotations

import threading
import time

from ocr.engines.slots import Slots


def in_threads(slots: Slots, holds_s: list[float]) -> list[float]:
    """After how many seconds each of some threads, one after the other, was let in."""
    start, entered = time.monotonic(), [0.0] * len(holds_s)

    def hold(number: int) -> None:
        with slots:
            entered[number] = time.monotonic() - start
            time.sleep(holds_s[number])

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(len(holds_s))]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    return entered


def test_no_more_than_there_are_slots():
    entered = in_threads(Slots(2), [0.3, 0.3, 0])
    assert max(entered[:2]) < 0.2
    assert entered[2] >= 0.3


def test_who_hangs_is_passed_after_a_while():
    entered = in_threads(Slots(1, patience_s=0.2), [1.0, 0, 0])
    assert min(entered[1:]) >= 0.2
    assert max(entered[1:]) < 0.9


def test_no_more_than_twice_as_many_in_all():
    entered = in_threads(Slots(1, patience_s=0.1), [0.8, 0.8, 0])
    assert 0.1 <= entered[1] < 0.6
    assert entered[2] >= 0.8
