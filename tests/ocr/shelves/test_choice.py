"""The table, the curve and the rule."""

from __future__ import annotations

import pytest

from ocr.shelves.choice import COLUMNS, CategoryGain, ShelfChoice, row_of, verdict

BOOKS = CategoryGain(
    "BOOKS", put_there=300, products=120, photos=150, unread=2, words=700, judged=100, judged_photos=125,
    without_text=0.1, with_text=0.5, gain=32.0, low=24.0, high=40.0, chosen=True, why="at least 24.0 gained",
)  # fmt: skip
TOYS = CategoryGain(
    "TOYS", put_there=100, products=60, photos=120, unread=0, words=3, judged=50, judged_photos=100,
    without_text=0.8, with_text=0.78, gain=-1.0, low=-4.0, high=1.0, why="no gain is sure",
)  # fmt: skip
VASES = CategoryGain("VASES", 9, 0, 0, 0, 0, why="9 products that the photos put there, 20 are needed")


def test_the_curve_adds_one_category_after_the_other():
    curve = ShelfChoice((BOOKS, TOYS, VASES), 1.0).curve()
    assert [point.category for point in curve] == ["", "BOOKS", "TOYS"]
    # of 400 products judged for, three in four are books of 1.25 photos, the others toys of two
    assert [point.photos for point in curve] == pytest.approx([0, 750 * 1.25, 750 * 1.25 + 250 * 2])
    before = 0.75 * 0.1 + 0.25 * 0.8
    assert [point.accuracy for point in curve] == pytest.approx([before, before + 0.75 * 0.4, before + 0.3 - 0.005])


@pytest.mark.parametrize(("low", "least", "chosen"), [(1.1, 1.0, True), (1.0, 1.0, False), (0.0, 0.0, False)])
def test_the_lower_end_must_lie_above_the_setting(low, least, chosen):
    assert verdict(low, least)[0] is chosen


def test_every_category_has_its_line_with_a_reason():
    choice = ShelfChoice((BOOKS, TOYS, VASES), 1.0)
    assert row_of(BOOKS) == [
        "BOOKS", "300", "150", "2", "700", "100", "10.0 %", "50.0 %", "32.0 (24.0 to 40.0)",
        "yes: at least 24.0 gained",
    ]  # fmt: skip
    assert all(len(row_of(gain)) == len(COLUMNS) for gain in choice.categories)
    *_, vases, sentence = choice.text().splitlines()
    assert vases.endswith("no: 9 products that the photos put there, 20 are needed")
    assert sentence.startswith("read from now on: BOOKS (a gain above 1 for every 100 photos")


def test_where_nothing_could_be_judged_it_is_not_said_that_nothing_pays():
    assert "cannot be told" in ShelfChoice((VASES,), 1.0).sentence()
    assert "pays nowhere" in ShelfChoice((TOYS, VASES), 1.0).sentence()
