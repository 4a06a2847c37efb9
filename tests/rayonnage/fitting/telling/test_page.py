"""`fit.html` says what the outcome holds, shows what was put elsewhere, and is one file that fetches nothing."""

from __future__ import annotations

import json

import pytest

from rayonnage.fitting.recipe import Choice
from rayonnage.fitting.telling.advice import advice_of
from rayonnage.fitting.telling.page import page_of, write_fit_page
from rayonnage.fitting.telling.weak_section import PERHAPS, SURELY
from tests.rayonnage.fitting.fitted_shop import fit_by_hand, outcome_of
from tests.rayonnage.fitting.telling.test_advice import single_photos_wrong, surveyed
from tests.support.pages import check_fetches_nothing, read_page, text_of


def test_the_page_and_its_figures(tmp_path):
    choices = {"backbone": Choice(chosen="Lite0", why="28 photos a second", instead="Lite2 brings 2 points")}
    outcome = outcome_of(fit_by_hand(tmp_path, 400, single_photos_wrong), surveyed(400, 0, 8), choices=choices)
    path = write_fit_page(outcome, outcome.workspace.folder / "fit.html")
    check_fetches_nothing(read_page(path))
    text = text_of(path)
    for said in ("200 held-out products", "Right less often than the whole", "28 photos a second", "left out, no time"):
        assert said in text
    for one in advice_of(outcome):
        assert all(part.strip(" ,") in text for part in one.how.split("`"))
    figures = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert figures["right"]["all"]["Cat III"]["value"] == outcome.right(3).value == 0.75
    assert figures["right"]["1"]["products"] == (outcome.scores.n_images == 1).sum()
    assert figures["unseen"]["0.95"]["looked_at"] == pytest.approx(outcome.unseen[0].looked_at)
    assert figures["done"]["stages"]["fusion"] == {"expected": 20.0, "took": 24.0}
    assert figures["done"]["stages"]["mosaic-2"]["took"] is None
    weak = {one["category"] for one in figures["weak"]["categories"] if one["is_surely_weak"]}
    # what is wrong has one photo: products 0, 4, ... of every eight
    assert weak == {"LIBRAIRIE > LITTERATURE > ROMAN", "MUSIQUE > VINYLE > JAZZ"}


def test_weak_categories_show_the_photos_of_what_was_put_elsewhere(tmp_path):
    outcome = outcome_of(fit_by_hand(tmp_path, 400, single_photos_wrong))
    table, *galleries = page_of(outcome).section("weak").parts
    assert table.groups == {0: SURELY}
    assert [gallery.title for gallery in galleries] == [
        "ROMAN, taken for MUSIQUE > VINYLE > JAZZ",
        "MUSIQUE > VINYLE > JAZZ, taken for MUG",
    ]
    examples = [example for gallery in galleries for example in gallery.examples]
    assert len(examples) == 6
    assert all(int(example.title) % 4 == 0 and example.photos[0] for example in examples)
    assert examples[0].lines[0] == "put there with 50 % certainty"


def test_a_small_catalogue_is_warned_of_and_what_nobody_can_tell_is_said(tmp_path):
    wrong = (3, 12, 21)
    few = outcome_of(fit_by_hand(tmp_path, 40, lambda i, leaf: ((leaf + (i in wrong)) % 8, 0.9), folds=2))
    page = page_of(few)
    assert "These are few: the truth may lie anywhere" in page.warnings[0]
    assert page.section("weak").parts[0].groups == {0: PERHAPS}
    assert "100.0 %" in [card.figure for card in page.cards]


def test_where_all_is_right_no_category_is_weak(tmp_path):
    page = page_of(outcome_of(fit_by_hand(tmp_path, 160)))
    assert page.section("weak").sentences == ["Every held-out product is on its category."]
    assert page.section("weak").parts == ()
