"""What is kept of what was made before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.recently_used import RecentlyUsed


def test_what_was_asked_for_last_is_kept():
    pictures = RecentlyUsed[str, bytes](25, len)
    for name in ("a", "b"):
        pictures.keep(name, bytes(10))
    assert pictures.get("a") is not None
    pictures.keep("c", bytes(10))
    assert (pictures.get("b"), pictures.cost, len(pictures)) == (None, 20, 2)
    pictures.keep("c", bytes(5))
    assert pictures.cost == 15
    pictures.keep("d", bytes(30))
    assert (pictures.cost, len(pictures)) == (0, 0)


def test_each_is_made_once_and_a_failure_not_kept():
    numbers, made = RecentlyUsed[int, str](3), list[int]()

    def make(number: int) -> str:
        made.append(number)
        if number < 0:
            raise ValueError(number)
        return str(number)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: numbers.made(7, lambda: make(7)), range(50))) == {"7"}
    assert made == [7]
    for _ in range(2):
        with pytest.raises(ValueError, match="-1"):
            numbers.made(-1, lambda: make(-1))
    for number in (8, 9, 10):
        numbers.made(number, lambda number=number: make(number))
    assert numbers.get(7) is None
    assert made == [7, -1, -1, 8, 9, 10]
