"""What is read of a fitted workspace: figures on held-out products, as sure as independent products make them."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.metrics.intervals import exact_share
from catalog.runs.workspace import Workspace
from rayonnage.fitting.recipe import FitSection, Recipe
from rayonnage.fitting.telling.outcome import FitOutcome
from tests.rayonnage.fitting.fitted_shop import fit_by_hand, outcome_of


def every_fourth_wrong(product: int, leaf: int) -> tuple[int, float]:
    # those that are wrong are put on another Cat II of their Cat I
    return (leaf ^ 1, 0.6) if product % 4 == 0 else (leaf, 0.9)


def as_sure_as_ever(product: int, leaf: int) -> tuple[int, float]:
    return ((leaf + 3) % 8 if product % 4 == 0 else leaf), 0.9


def test_accuracy_by_level_and_by_count_is_that_of_the_held_out_products(tmp_path):
    outcome = outcome_of(fit_by_hand(tmp_path, 160, every_fourth_wrong))
    ids = outcome.scores.product_ids
    assert len(ids) == outcome.n_independent == 80
    assert outcome.n_labelled == 160
    wrong = ids % 4 == 0
    assert outcome.right(3).value == pytest.approx(1 - wrong.mean())
    assert (outcome.right(3).low, outcome.right(3).high) == pytest.approx(exact_share(int((~wrong).sum()), 80))
    # products 0, 4, ... have one photo
    assert outcome.image_counts == [1, 2, 3, 4]
    assert outcome.right(3, outcome.scores.n_images == 1).value == 0
    assert outcome.right(3, outcome.scores.n_images == 2).value == 1
    assert outcome.right(1).value == 1
    assert outcome.right(2).value == outcome.right(3).value


def test_colours_of_an_article_are_one_product_of_evidence(tmp_path):
    def by_article(product: int, leaf: int) -> tuple[int, float]:
        return every_fourth_wrong(product // 5, leaf)

    outcome = outcome_of(fit_by_hand(tmp_path, 200, by_article, copies=5, folds=5))
    assert (len(outcome.scores), outcome.n_independent, outcome.is_small, outcome.is_folded) == (200, 40, True, True)
    right = outcome.right(3)
    assert (right.low, right.high) == pytest.approx(exact_share(30, 40), abs=0.01)
    assert len(outcome.proof.scores) == 40


def test_what_can_be_given_unseen_is_what_is_proved(tmp_path):
    sure = outcome_of(fit_by_hand(tmp_path / "sure", 400))
    assert [one.target for one in sure.unseen] == [0.95, 0.9]
    assert [one.at_leaf for one in sure.unseen] == [1.0, 1.0]
    doubtful = outcome_of(fit_by_hand(tmp_path / "doubtful", 160, as_sure_as_ever))
    at_95, at_90, lower = doubtful.unseen
    assert at_95.looked_at == at_90.looked_at == 1
    assert lower.target < 0.9
    assert lower.at_leaf + lower.above + lower.looked_at == pytest.approx(1)
    assert np.array_equal(lower.shares, doubtful.proof.shares[lower.target])
    assert lower.looked_at < 1


def test_sources_stand_side_by_side_with_how_often_they_speak(tmp_path):
    outcome = outcome_of(fit_by_hand(tmp_path, 160, every_fourth_wrong))
    (photos,) = outcome.sources
    assert (photos.name, photos.n, photos.share) == ("mosaic", 80, 1.0)
    assert photos.right.value == outcome.right(3).value


def test_a_workspace_that_is_not_fitted_names_the_next_command(tmp_path):
    workspace = Workspace(tmp_path / "runs")
    with pytest.raises(FileNotFoundError, match="run `rayonnage fit CATALOG"):
        FitOutcome.of(workspace, Recipe(fit=FitSection(catalog="x.bson")), [], seconds=1.0)
