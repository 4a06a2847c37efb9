"""The last words are short, plain, and never a percentage without how many products it is of."""

from __future__ import annotations

import re

import pytest

from catalog.metrics.intervals import MetricValue
from rayonnage.fitting.recipe import Choice
from rayonnage.fitting.telling.last_words import MOST_LINES, judged_on, last_words, shown_share
from tests.rayonnage.fitting.fitted_shop import fit_by_hand, outcome_of
from tests.rayonnage.fitting.telling.test_advice import single_photos_wrong, surveyed


def test_they_say_how_good_it_is_what_helps_and_what_comes_next(tmp_path):
    workspace = fit_by_hand(tmp_path, 400, single_photos_wrong)
    choices = {name: Choice(chosen="c", why="w", instead=f"more of {name}") for name in ("reading", "folds")}
    said = last_words(outcome_of(workspace, surveyed(400, 0, 8), time_s=600, choices=choices))
    lines = said.split("\n")
    assert len(lines) <= MOST_LINES == 25
    assert lines[0] == "Fitted in 5 min (10 min were given and its stages were expected to take 22 s)."
    assert "Measured on 200 held-out products." in lines[1]
    assert re.fullmatch(r"  right, %  all \(200\) +1 photo \(50\) +2 photos \(50\) +3 photos .*", lines[2])
    assert re.match(r"  Cat III   75\.0 \(6\d\.\d–8\d\.\d\)", lines[3])
    assert sum(line.startswith("  weak: ") for line in lines) == 2
    assert said.count("\n  1. ") == said.count("\n  3. ") == 1
    option = f"--workspace {workspace.folder}"
    for command in (f"predict NEW --output predictions {option}", f"evaluate LABELLED --output report {option}"):
        assert f"  rayonnage {command}  # " in said
    assert f"  rayonnage serve {workspace.folder}  # " in said
    assert "`" not in said


def test_what_can_be_given_unseen_is_said_of_how_many_products(tmp_path):
    sure = last_words(outcome_of(fit_by_hand(tmp_path / "sure", 400)))
    assert (
        "when 95 % of what is given unseen must be right: of 200 products 100.0 % get their category and 0.0 %" in sure
    )
    few = last_words(outcome_of(fit_by_hand(tmp_path / "few", 32, folds=2)))
    assert "must be right: nothing can be given, 32 independent products prove too little" in few


def test_few_products_are_called_few(tmp_path):
    few = outcome_of(fit_by_hand(tmp_path / "few", 60))
    n = len(few.scores)
    assert f"{n} held-out products. These are few: the truth may lie anywhere in the brackets" in judged_on(few)
    copies = outcome_of(fit_by_hand(tmp_path / "copies", 250, copies=5, folds=5))
    assert "250 held-out products (50 independent ones; the others share a photo or an article" in judged_on(copies)


@pytest.mark.parametrize(("n", "text"), [(60, "72 (60–83)"), (200, "71.9 (60.2–83.1)")])
def test_a_share_is_as_exact_as_its_products(n, text):
    assert shown_share(MetricValue(0.719, 0.602, 0.831), n) == text
