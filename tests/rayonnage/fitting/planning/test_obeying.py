"""A recipe that is given is obeyed: nothing of it changes but what its notes say of the time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayonnage.fitting.planning.choosing import candidates, choose
from rayonnage.fitting.planning.costs import stage_seconds
from rayonnage.fitting.planning.obeying import backbones_of, obeyed, warnings
from rayonnage.fitting.recipe import Choice, FitSection, Overlays, Recipe
from tests.rayonnage.fitting.known_catalogues import CLOTHES, READS_BOOKS, SHELF, machine
from tests.rayonnage.fitting.planning.strategies import machines, surveys


@given(surveys(), machines(), st.sampled_from(["fast", "balanced", "best"]))
@settings(max_examples=8, deadline=None)
def test_what_was_chosen_here_is_estimated_as_it_was(catalog, speed, quality):
    try:
        recipe = choose(catalog, speed, catalog="c", quality=quality)
    except ValueError:
        return
    again = obeyed(recipe, catalog, speed)
    assert again.digest() == recipe.digest()
    noted = {key: note.seconds for key, note in recipe.fit.choices.items()}
    assert {key: note.seconds for key, note in again.fit.choices.items()} == pytest.approx(noted)
    assert {key: (note.chosen, note.why) for key, note in again.fit.choices.items()} == {
        key: (note.chosen, note.why) for key, note in recipe.fit.choices.items()
    }


def test_a_change_costs_what_it_costs():
    recipe = choose(SHELF, READS_BOOKS, catalog="c", time_s=3600)
    assert recipe.fit.read
    training = {**recipe.photo_config.model_dump()["training"], "epochs": 40}
    longer = recipe.model_copy(update={"mosaic": {**recipe.mosaic, "method": "fine-tune", "training": training}})
    before, after = (obeyed(one, SHELF, READS_BOOKS).fit.choices for one in (recipe, longer))
    assert after["mosaic-any"].seconds > 2 * before["mosaic-any"].seconds
    assert after["ocr"] == before["ocr"]
    slow = obeyed(recipe, SHELF, replace(READS_BOOKS, read_s=10 * READS_BOOKS.read_s, read_s_of_shelf={})).fit.choices
    assert slow["ocr"].seconds > 2 * before["ocr"].seconds


def test_a_stage_without_a_note_has_one_and_a_note_without_its_stage_goes():
    choices = {"ocr": Choice(chosen="photos are read", why="words"), "group": Choice(chosen="together", why="variants")}
    recipe = Recipe(fit=FitSection(catalog="c", networks=("any", "2"), held_out=0.2, choices=choices))
    told = obeyed(recipe, CLOTHES, machine()).fit.choices
    assert list(told) == ["split", "mosaic-any", "mosaic-2", "fusion", "group"]
    assert told["group"] == choices["group"]
    noted = {key: note.seconds for key, note in told.items() if key != "group"}
    assert noted == stage_seconds(recipe, CLOTHES, machine())


def test_its_own_networks_are_measured():
    assert backbones_of(Recipe(fit=FitSection(catalog="c"), mosaic={"backbone": {"name": "resnet50"}})) == ("resnet50",)
    both = {"backbone": {"name": "resnet50"}, "second_backbone": "resnet18"}
    networks = FitSection(catalog="c", networks=("any", "photos"))
    assert backbones_of(Recipe(fit=networks, mosaic=both)) == ("resnet50", "resnet18")
    assert "resnet50" in candidates("balanced", Overlays(mosaic=both))


def test_room_is_asked_for_before_the_work():
    recipe = Recipe(fit=FitSection(catalog="c", held_out=0.2))
    with pytest.raises(ValueError, match="are free on its disk"):
        obeyed(recipe, CLOTHES, machine(free_disk=10**6))
    told = obeyed(recipe, CLOTHES, machine())
    assert list(warnings(told, CLOTHES, machine())) == []
    (of_memory,) = warnings(told, CLOTHES, machine(free_bytes=10**8))
    assert "end other programs" in of_memory
    late = told.model_copy(update={"fit": told.fit.model_copy(update={"time_s": 2.0})})
    (of_time,) = warnings(late, CLOTHES, machine())
    assert "longer than the 2 s that are given: it is obeyed, and will be late" in of_time


def test_what_another_machine_left_out_is_no_longer_said():
    left_out = Choice(chosen="so", why="so", instead="reading: 6 points more", points=6.0)
    choices = {"mosaic-any": left_out, "reading": left_out.model_copy(update={"chosen": "photos are not read"})}
    fit = FitSection(catalog="c", held_out=0.2, read=True, wanted_s=9000, choices=choices)
    told = obeyed(Recipe(fit=fit), SHELF, READS_BOOKS).fit
    assert told.wanted_s is None
    assert "reading" not in told.choices
    assert {(note.instead, note.points) for note in told.choices.values()} == {("", 0.0)}
