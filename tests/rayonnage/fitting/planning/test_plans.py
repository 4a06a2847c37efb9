"""What holds for every catalogue, machine and time: more time never chooses a cheaper plan, and none is overrun."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayonnage.fitting import amounts
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.choosing import LONGEST, PLANNED, choose
from rayonnage.fitting.planning.costs import stage_seconds
from rayonnage.fitting.planning.plans import plans
from rayonnage.fitting.recipe import Overlays, Quality, Recipe
from tests.rayonnage.fitting.planning.strategies import machines, surveys


def seconds_of(recipe: Recipe) -> float:
    return sum(choice.seconds for choice in recipe.fit.choices.values())


def least_seconds(catalog: CatalogSurvey, speed: MachineSpeed) -> float:
    return min(plan.seconds for plan in plans(catalog, speed, Overlays()))


@given(surveys(), machines(), st.floats(30, 50_000), st.floats(1, 20))
@settings(max_examples=8, deadline=None)
def test_time_is_never_overrun_and_more_of_it_never_chooses_a_cheaper_plan(catalog, speed, time_s, times):
    least = least_seconds(catalog, speed)
    chosen = []
    for given_s in (time_s, time_s * times):
        if PLANNED * given_s < least:
            with pytest.raises(ValueError, match="too short"):
                choose(catalog, speed, catalog="c", time_s=given_s)
            continue
        recipe = choose(catalog, speed, catalog="c", time_s=given_s)
        assert seconds_of(recipe) <= PLANNED * given_s
        chosen.append(seconds_of(recipe))
    assert chosen == sorted(chosen)


@given(surveys(), machines())
@settings(max_examples=8, deadline=None)
def test_the_time_that_is_offered_is_enough(catalog, speed):
    with pytest.raises(ValueError, match="too short") as error:
        choose(catalog, speed, catalog="c", time_s=0.5)
    offered = str(error.value).split("give --time ")[1].split()[0]
    seconds = amounts.seconds_of(offered)
    assert seconds_of(choose(catalog, speed, catalog="c", time_s=seconds)) <= seconds


@given(surveys(), machines())
@settings(max_examples=8, deadline=None)
def test_better_quality_never_takes_less_time_and_the_same_question_has_the_same_answer(catalog, speed):
    qualities: tuple[Quality, ...] = ("fast", "balanced", "best")
    if least_seconds(catalog, speed) > LONGEST:
        with pytest.raises(ValueError, match="at the least"):
            choose(catalog, speed, catalog="c")
        return
    recipes = [choose(catalog, speed, catalog="c", quality=quality) for quality in qualities]
    seconds = [seconds_of(recipe) for recipe in recipes]
    assert seconds == sorted(seconds)
    assert choose(catalog, speed, catalog="c", quality="best") == recipes[-1]


@given(surveys(), machines(), st.floats(60, 50_000))
@settings(max_examples=8, deadline=None)
def test_a_recipe_costs_what_its_notes_say(catalog, speed, time_s):
    recipe = choose(catalog, speed, catalog="c", time_s=max(time_s, 2 * least_seconds(catalog, speed)))
    expected = tuple(shelf.name for shelf in catalog.shelves)
    config = recipe.reading_config
    shelves = expected if isinstance(config.shelves, str) else tuple(config.shelves)
    estimated = stage_seconds(recipe, catalog, speed, shelves)
    noted = {key: choice.seconds for key, choice in recipe.fit.choices.items() if choice.seconds}
    if config.shelves == "auto":
        # which shelves a sample chooses is not written down
        estimated = {**estimated, "ocr": noted.get("ocr", 0.0)}
    assert noted == pytest.approx({key: seconds for key, seconds in estimated.items() if seconds})
