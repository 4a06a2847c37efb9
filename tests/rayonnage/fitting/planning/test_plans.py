"""What holds for every catalogue, machine and time: more time never chooses a cheaper plan, and none is overrun."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayonnage.fitting import amounts
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import BackboneSpeed, MachineSpeed
from rayonnage.fitting.planning.choosing import LONGEST, PLANNED, choose
from rayonnage.fitting.planning.costs import stage_seconds
from rayonnage.fitting.planning.plans import plans
from rayonnage.fitting.recipe import Overlays, Quality, Recipe
from tests.rayonnage.fitting.known_catalogues import machine, survey

COUNTS = st.integers(0, 3000)


@st.composite
def surveys(draw: st.DrawFn) -> CatalogSurvey:
    """Catalogues of 20 products and more, on up to four shelves."""
    one, two, three, four = draw(COUNTS) + 20, draw(COUNTS), draw(COUNTS), draw(COUNTS)
    n, photos = one + two + three + four, one + 2 * two + 3 * three + 4 * four
    n_shelves = draw(st.integers(1, 4))
    leaves = draw(st.integers(1, 30))
    shelves = [(f"S{i}", n // n_shelves, photos // n_shelves, leaves) for i in range(n_shelves)]
    sizes = [max(1, n // (leaves * n_shelves))] * (leaves * n_shelves)
    titled = draw(st.integers(0, n))
    return survey(
        (0, one, two, three, four), shelves, sizes, n_titled=titled, n_distinct_titles=titled,
        megapixels_per_photo=draw(st.sampled_from([0.03, 1.0, 12.0])),
    )  # fmt: skip


@st.composite
def machines(draw: st.DrawFn) -> MachineSpeed:
    """From a GPU's speed to a hundred times slower than two cores."""
    step = draw(st.floats(0.0005, 2.0))
    speeds = {"tf_efficientnet_lite0": BackboneSpeed(160, step, step / 3, step / 6, 10_000_000)}
    if draw(st.booleans()):
        speeds["tf_efficientnet_lite2"] = BackboneSpeed(160, 1.8 * step, 0.6 * step, 0.3 * step, 20_000_000)
    words = draw(st.dictionaries(st.sampled_from(["S0", "S1", "S2"]), st.floats(0, 10)))
    return machine(
        words, backbones=speeds, decode_s=draw(st.floats(0, 0.1)), read_s=draw(st.sampled_from([0.0, 0.05, 0.3])),
        words_per_photo=draw(st.floats(0, 8)),
    )  # fmt: skip


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
