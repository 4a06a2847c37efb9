"""Advice comes with what it may bring, what brings most first, and only where it is shown to help."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

import click
import pytest

from catalog.product import ProblemLog
from rayonnage.cli import main
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.recipe import Choice
from rayonnage.fitting.telling import advice
from rayonnage.fitting.telling.advice import Advice, advice_of
from rayonnage.fitting.telling.last_words import next_commands
from tests.rayonnage.fitting.fitted_shop import fit_by_hand, outcome_of, rightly


def surveyed(n_labelled: int, n_titled: int, n_contradicting: int) -> CatalogSurvey:
    return CatalogSurvey(
        "shop.bson", "f", n_labelled, n_labelled, (0, n_labelled, 0, 0, 0), n_labelled, n_labelled, 0.1,
        ("Cat I", "Cat II", "Cat III"), (3, 6, 8), (n_labelled // 8,) * 8, n_titled, n_titled, n_labelled, None,
        n_contradicting, 1, ProblemLog(),
    )  # fmt: skip


def about(found: list[Advice], word: str) -> Advice | None:
    return next((one for one in found if word in one.what), None)


def single_photos_wrong(product: int, leaf: int) -> tuple[int, float]:
    return ((leaf + 3) % 8, 0.5) if product % 4 == 0 else (leaf, 0.9)


def test_a_second_photo_is_advised_where_products_with_more_are_shown_to_be_better(tmp_path):
    found = advice_of(outcome_of(fit_by_hand(tmp_path / "a", 200, single_photos_wrong)))
    one = about(found, "products with one photo")
    assert one is not None
    assert one.points == pytest.approx(0.25, abs=0.02)
    assert one.gain == f"at most {100 * one.points:.1f} points"
    assert "right for 0 % of" in one.what
    # the same share of products is wrong, whatever their photos
    evenly = fit_by_hand(tmp_path / "b", 200, lambda i, leaf: ((leaf + 1) % 8, 0.5) if i % 5 == 0 else (leaf, 0.9))
    assert about(advice_of(outcome_of(evenly)), "products with one photo") is None


def test_rare_categories_are_named_with_what_their_like_would_bring(tmp_path):
    outcome = outcome_of(fit_by_hand(tmp_path, 400, lambda product, leaf: ((leaf + 3 * (leaf < 2)) % 8, 0.9)))
    assert about(advice_of(outcome), "fewer than") is None
    outcome.training_counts[:2] = 7
    one = about(advice_of(outcome), "fewer than 10 labelled products")
    assert one is not None
    assert one.points == pytest.approx(0.25, abs=0.05)
    assert "CUISINE > TASSES > BOL (7 labelled)" in one.how


def test_labels_that_are_doubted_or_contradict_each_other_lead_to_an_audit(tmp_path):
    def surely_elsewhere(product: int, leaf: int) -> tuple[int, float]:
        return ((leaf + 3) % 8, 0.92) if product % 10 == 3 else (leaf, 0.97)

    outcome = outcome_of(fit_by_hand(tmp_path, 200, surely_elsewhere), surveyed(200, 200, 8))
    found = advice_of(outcome)
    doubted, contradicting = about(found, "often it is the label"), about(found, "share a photo")
    assert doubted is not None
    assert contradicting is not None
    assert doubted.points == (outcome.scores.product_ids % 10 == 3).mean() > 0
    assert (contradicting.points, contradicting.gain) == (0.02, "about 2.0 points")
    assert "rayonnage catalog audit" in doubted.how
    assert about(advice_of(outcome_of(fit_by_hand(tmp_path / "b", 200))), "label that is wrong") is None


def test_titles_are_asked_for_where_there_are_none(tmp_path):
    workspace = fit_by_hand(tmp_path, 200)
    assert about(advice_of(outcome_of(workspace, surveyed(200, 200, 0))), "a title") is None
    assert about(advice_of(outcome_of(workspace, surveyed(200, 20, 0))), "20 of 200 products have a title") is not None


def test_what_was_left_out_comes_with_its_commands(tmp_path):
    choices = {
        "reading": Choice(chosen="photos are not read", why="no time", instead="words brought 9 points on covers"),
        "backbone": Choice(chosen="Lite0", why="no time", instead="Lite2 brings 2 points", points=2),
        "folds": Choice(chosen="one part", why="no time", instead="five folds prove more"),
        "titles": Choice(chosen="fitted", why="every product has one"),
        "mosaic-2": Choice(chosen="trained", why="many pairs", instead="a larger one for pairs"),
    }
    outcome = outcome_of(fit_by_hand(tmp_path, 200), time_s=600, choices=choices)
    found = advice_of(outcome)
    stage = about(found, "left out for want of time: learn from pairs (about 90 s)")
    reading, longer = about(found, "words brought 9 points"), about(found, "Lite2 brings 2 points")
    assert stage is not None
    assert "mosaic train --n-images 2" in stage.how
    assert "fusion train" in stage.how
    assert reading is not None
    assert "rayonnage ocr train --set shelves=auto" in reading.how
    # what more time would bring is one piece of advice
    assert longer is not None
    assert "five folds prove more" in longer.what
    assert "--time 30m" in longer.how
    assert longer.gain == "about 2.0 points"
    assert found.index(longer) < found.index(reading)
    # where it is known how long all takes, so long is advised, and longer where stages have taken longer than expected
    known = about(advice_of(outcome_of(outcome.workspace, time_s=600, choices=choices, wanted_s=1700)), "Lite2 brings")
    assert known is not None
    # 278 s more than its stages were expected to take
    assert f"--time {math.ceil((1700 + 278) / 0.85 / 60)}m" in known.how
    # neither what was done, nor what would be better than what was not
    assert not any(said in one.what for one in found for said in ("every product has one", "a larger one for pairs"))


def test_without_a_proof_holding_more_out_comes_first(tmp_path):
    first = advice_of(outcome_of(fit_by_hand(tmp_path / "a", 160, single_photos_wrong)))[0]
    assert first.is_urgent
    assert "95 % right is not proved by 80 held-out products" in first.what
    assert "`folds: 5`" in first.how
    assert "160 instead of 80" in first.how
    folded = advice_of(outcome_of(fit_by_hand(tmp_path / "b", 80, single_photos_wrong, folds=4)))[0]
    assert "folds" not in folded.how
    assert "label more products" in folded.how


def test_few_products_are_said_to_be_few(tmp_path):
    outcome = outcome_of(fit_by_hand(tmp_path / "few", 60))
    n = len(outcome.scores)
    assert n < 40
    assert about(advice_of(outcome), f"{n} independent products could be held out: too few to tell") is not None
    assert about(advice_of(outcome_of(fit_by_hand(tmp_path / "more", 240))), "too few to tell") is None


def test_what_brings_most_stands_first(tmp_path):
    found = advice_of(outcome_of(fit_by_hand(tmp_path, 400, rightly), surveyed(400, 0, 40)))
    points = [one.points or 0.0 for one in found]
    assert points == sorted(points, reverse=True)
    assert points[0] == 0.05


def test_every_command_that_is_advised_can_be_given(tmp_path):
    choices = {
        "reading": Choice(chosen="not read", why="", instead="more"),
        "photos": Choice(chosen="128 pixels", why="", instead="more"),
    }
    workspace = fit_by_hand(tmp_path, 160, single_photos_wrong)
    outcome = outcome_of(workspace, surveyed(160, 0, 4), tree=str(Path("a tree.csv")), time_s=600, choices=choices)
    commands = [part for one in advice_of(outcome) for part in one.how.split("`") if part.startswith("rayonnage ")]
    assert len(commands) > 5
    for command in [*commands, *next_commands(outcome).values()]:
        _parsed(main, shlex.split(command)[1:])


def _parsed(group: click.Group, words: list[str]) -> None:
    """Fail where click would refuse these words."""
    command: click.Command = group
    context = None
    while isinstance(command, click.Group):
        context = command.make_context(command.name, words, parent=context)
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    command.make_context(command.name, list(words), parent=context)


def test_gains_are_said_only_where_they_are_known():
    assert Advice("a", "b").gain == ""
    assert Advice("a", "b", 0.034).gain == "at most 3.4 points"
    assert advice.SURE == 0.9
