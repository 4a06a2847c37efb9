"""Photos that reading is expected to read, and that what has more words takes longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.runs.config import load_config
from ocr.config import OcrConfig
from rayonnage.fitting.planning.parts import HeldOutParts
from rayonnage.fitting.planning.reading_costs import STRAY, photos_to_read, reading_seconds
from tests.rayonnage.fitting.known_catalogues import SHELF, machine, survey

FIFTH = HeldOutParts(1, 0.2, folds=False)


def config(*overrides: str) -> OcrConfig:
    return load_config(OcrConfig, "ocr", overrides=["text.encoders=[]", *overrides])


def test_all_photos_of_a_shelf_are_read_and_strays_of_the_held_out_others():
    read = photos_to_read(config("shelves=[BOOKS]"), FIFTH, SHELF)
    assert read.of_shelf == {
        "BOOKS": 5065, **{s.name: pytest.approx(STRAY * 0.2 * s.n_photos) for s in SHELF.shelves[1:]}
    }  # fmt: skip
    assert read.texts == 3900


def test_of_a_part_of_the_texts_the_held_out_rest_is_read_as_well():
    read = photos_to_read(config("shelves=[BOOKS]", "text.texts_per_leaf=30"), FIFTH, SHELF)
    learnt = 30 * 30 / 3900
    assert read.texts == pytest.approx(900)
    assert read.of_shelf["BOOKS"] == pytest.approx(5065 * (learnt + 0.2 * (1 - learnt)))


def test_a_sample_is_read_of_every_shelf_and_what_is_learnt_from_only_once():
    read = photos_to_read(config("shelves=auto", "sample_photos=200"), FIFTH, SHELF, ("BOOKS",))
    assert read.of_shelf["BOOKS"] == 5065
    assert read.of_shelf["FRUIT"] == pytest.approx(200 + STRAY * (0.2 * 1130 - 200))
    nothing = photos_to_read(config("shelves=auto", "sample_photos=200"), FIFTH, SHELF, ())
    assert nothing.of_shelf == {shelf.name: 200 for shelf in SHELF.shelves}


def test_the_sample_is_part_of_the_held_out_products_that_are_read():
    shelves = [("a", 750, 750, 30), ("b", 750, 750, 30)]
    shop = survey((0, 1500, 0, 0, 0), shelves, [25] * 60)
    folds = HeldOutParts(5, 0.2, folds=True)
    settings = config("shelves=auto", "sample_photos=1000", "text.texts_per_leaf=5")
    # all are held out once: whatever is sampled, no photo is read twice
    assert photos_to_read(settings, folds, shop, ("a",)).of_shelf == pytest.approx({"a": 750, "b": 750})


def test_categories_without_any_below_are_sampled_to_be_told_from_each_other():
    flat = survey((0, 600, 0, 0, 0), [("a", 200, 200, 1), ("b", 200, 200, 1), ("c", 200, 200, 1)], [200] * 3)
    settings = config("shelves=auto", "sample_photos=100")
    assert photos_to_read(settings, FIFTH, flat, ()).of_shelf == {"a": 100, "b": 100, "c": 100}
    # a thousand of them would get five photos each, which tell nothing
    many = survey((0, 100_000, 0, 0, 0), [(f"{n}", 100, 100, 1) for n in range(1000)], [100] * 1000)
    assert set(photos_to_read(settings, FIFTH, many, ()).of_shelf.values()) == {0.0}
    one = survey((0, 400, 0, 0, 0), [("a", 200, 200, 5), ("b", 200, 200, 1)], [40] * 5 + [200])
    assert photos_to_read(settings, FIFTH, one, ()).of_shelf == {"a": 100, "b": 0}


def test_a_photo_of_many_products_is_read_once():
    copied = replace(SHELF, shelves=tuple(replace(shelf, n_distinct_photos=100) for shelf in SHELF.shelves))
    read = photos_to_read(config("shelves=[BOOKS]"), FIFTH, copied)
    assert read.of_shelf == {"BOOKS": 100, **{shelf.name: STRAY * 0.2 * 100 for shelf in SHELF.shelves[1:]}}
    assert read.texts == 3900
    # few products of a leaf need not be copies of each other
    many = replace(SHELF, shelves=tuple(replace(shelf, n_distinct_photos=1000) for shelf in SHELF.shelves))
    few = photos_to_read(config("shelves=[BOOKS]", "text.texts_per_leaf=5"), FIFTH, many)
    learnt = 150 / 3900
    assert few.of_shelf["BOOKS"] == pytest.approx(5065 * learnt + (1 - learnt) * 0.2 * 1000)


def test_each_shelf_takes_what_its_own_photos_took():
    settings = config("shelves=[BOOKS]")
    usual = reading_seconds(settings, (), FIFTH, SHELF, machine(read_s=0.1))
    slow_books = machine(read_s=0.1, read_s_of_shelf={"BOOKS": 0.15})
    assert reading_seconds(settings, (), FIFTH, SHELF, slow_books) - usual == pytest.approx(0.05 * 5065)
