"""What is chosen for catalogues that figures are known of, and what holds for every catalogue and machine."""

from __future__ import annotations

import pytest

from rayonnage.fitting.choosing import PLANNED, choose
from rayonnage.fitting.recipe import Recipe
from tests.rayonnage.fitting.known_catalogues import CLOTHES, READS_BOOKS, SHELF, machine


def seconds_of(recipe: Recipe) -> float:
    return sum(choice.seconds for choice in recipe.fit.choices.values())


def test_a_shop_of_some_hundred_products_is_held_out_in_turn_within_ten_minutes():
    recipe = choose(CLOTHES, machine(), catalog="shop.csv", time_s=600)
    assert recipe.fit.folds == 5
    assert recipe.fit.read is False
    assert seconds_of(recipe) <= PLANNED * 600


@pytest.mark.parametrize("minutes", [5, 15, 45])
def test_books_are_read_first_since_their_words_bring_most(minutes):
    recipe = choose(SHELF, READS_BOOKS, catalog="train.bson", time_s=60 * minutes)
    assert recipe.fit.read
    assert seconds_of(recipe) <= PLANNED * 60 * minutes


def test_too_short_a_time_is_refused_with_the_least_that_can_be_done():
    with pytest.raises(ValueError, match=r"10 s are too short: the least .* takes about .* give --time \d+"):
        choose(SHELF, READS_BOOKS, catalog="train.bson", time_s=10)
