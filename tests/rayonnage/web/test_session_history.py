"""What browsers have classified is kept within bounds, each browser's for itself."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rayonnage.web.classifying.session_history import KEPT_S, HistoryEntry, SessionHistories
from rayonnage.web.classifying.shown_photo import SIDE, SMALL_SIDE, ShownPhoto
from rayonnage.web.serving.prediction_service import ServedAnswer
from tests.rayonnage.web.test_plain_words import ANSWER
from tests.support.predictions import TREE
from tests.support.products import make_photo

SERVED = ServedAnswer(ANSWER, TREE, "fusion-1", False)
NOW = 1_000_000.0


def entry(title: str, n_bytes: int = 0, made: float = NOW) -> HistoryEntry:
    photos = (ShownPhoto(bytes(n_bytes), b"", 10, 10),)
    return HistoryEntry(SERVED, {"en": TREE, "fr": TREE}, photos, ("a.jpg",), title, "", 4, made)


def titles(histories: SessionHistories, session: str) -> list[str]:
    return [one.title for one in histories.of(session)]


def test_each_session_has_its_own_the_newest_first():
    histories = SessionHistories(clock=lambda: NOW)
    entries = [entry("a"), entry("b"), entry("c")]
    for session, one in zip(("x", "y", "x"), entries, strict=True):
        histories.add(session, one)
    assert (titles(histories, "x"), titles(histories, "y"), titles(histories, "z")) == (["c", "a"], ["b"], [])
    assert histories.find("x", entries[1].key) is None
    assert histories.find("y", entries[1].key) is entries[1]
    assert histories.delete("x", entries[1].key) == 0
    assert histories.delete("x", entries[0].key) == 1
    assert histories.delete("x") == 1
    assert (titles(histories, "x"), titles(histories, "y")) == ([], ["b"])


@pytest.mark.parametrize(
    ("bounds", "kept"), [({"entries": 2}, "dc"), ({"session_bytes": 70_000}, "d"), ({"all_bytes": 140_000}, "dc")]
)
def test_older_ones_make_room(bounds, kept):
    histories = SessionHistories(clock=lambda: NOW, **bounds)
    for title in "abcd":
        histories.add("x", entry(title, 60_000))
    assert titles(histories, "x") == list(kept)
    assert histories.n_bytes <= 2 * 70_000


def test_texts_take_room_too():
    histories = SessionHistories(all_bytes=2 * 450_000, clock=lambda: NOW)
    for number in range(10):
        histories.add(f"session {number}", replace(entry(str(number)), description="\N{GRINNING FACE}" * 100_000))
    assert [titles(histories, f"session {number}") for number in (7, 8, 9)] == [[], ["8"], ["9"]]
    assert histories.n_bytes == sum(one.n_bytes for number in (8, 9) for one in histories.of(f"session {number}"))
    for number in (8, 9):
        histories.delete(f"session {number}")
    assert histories.n_bytes == 0


def test_many_sessions_slow_none_down():
    def cpu_s(n_sessions: int) -> float:
        histories = SessionHistories(clock=lambda: NOW)
        one = entry("a")
        for number in range(n_sessions):
            histories.add(str(number), one)
        taken = []
        for _ in range(5):
            began = time.process_time()
            for _ in range(40):
                histories.of("7")
                histories.add("mine", one)
            taken.append(time.process_time() - began)
        return min(taken)

    # looking at each of them would take a thousand times as long
    assert cpu_s(20_000) < 50 * cpu_s(20)


def test_one_that_is_too_large_by_itself_is_kept_until_the_next():
    histories = SessionHistories(session_bytes=10, all_bytes=10, clock=lambda: NOW)
    histories.add("x", entry("large", 1000))
    assert titles(histories, "x") == ["large"]
    histories.add("y", entry("next", 1000))
    assert (titles(histories, "x"), titles(histories, "y")) == ([], ["next"])


def test_old_ones_are_forgotten_whoever_asks():
    now = [NOW]
    histories = SessionHistories(clock=lambda: now[0])
    histories.add("x", entry("old"))
    histories.add("x", replace(entry("new"), made=NOW + 10))
    now[0] += KEPT_S + 5
    assert titles(histories, "other") == []
    assert titles(histories, "x") == ["new"]


def test_photos_are_shown_small_and_boxes_are_of_the_whole():
    shown = ShownPhoto.of(make_photo(0, (3000, 1500)))
    assert (shown.width, shown.height) == (3000, 1500)
    assert 0 < len(shown.small) < len(shown.jpeg)
    again, small = ShownPhoto.of(shown.jpeg), ShownPhoto.of(shown.small)
    assert (again.width, small.width) == (SIDE, SMALL_SIDE)
    assert ShownPhoto.of(b"no photo") == ShownPhoto()
