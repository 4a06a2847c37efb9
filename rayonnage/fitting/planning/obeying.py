"""A recipe that is given whole: obeyed as it stands, with what its stages take here and now."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.files.progress_lines import duration_text
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.costs import stage_seconds
from rayonnage.fitting.planning.gains import Words
from rayonnage.fitting.planning.needs import check_disk, in_gb, peak_memory
from rayonnage.fitting.planning.options import shelves_to_try
from rayonnage.fitting.recipe import Choice, Recipe
from rayonnage.fitting.stages import FUSION, SPLIT, is_stage

UNEXPLAINED = Choice(chosen="as the recipe says", why="the recipe was given")
"""Of a stage that the recipe has no note on."""


def backbones_of(recipe: Recipe) -> tuple[str, ...]:
    """Those that its networks learn with, by timm's names: what has to be measured."""
    config = recipe.photo_config
    second = config.second_backbone if "photos" in recipe.fit.networks else None
    return tuple(dict.fromkeys(name for name in (config.backbone.name, second) if name))


def obeyed(recipe: Recipe, survey: CatalogSurvey, speed: MachineSpeed) -> Recipe:
    """The recipe with a note on each of its stages, whose seconds are estimated anew: it may come from another machine.

    What its notes say of more time, and of stages that it no longer has, is gone.

    Raises:
        ValueError: the disk would be full before the work is done.
    """
    check_disk(recipe, survey, speed.free_disk)
    seconds = stage_seconds(recipe, survey, speed, shelves_to_try(survey, Words.of(speed, survey)))
    notes = {**dict.fromkeys(seconds, UNEXPLAINED), **recipe.fit.choices}
    if recipe.fit.read:
        # that nothing is read
        notes.pop("reading", None)
    notes = {
        key: note.model_copy(update={"seconds": seconds.get(key, 0.0), "instead": "", "points": 0.0})
        for key, note in notes.items()
        if key in seconds or not is_stage(key)
    }
    told = {"choices": notes, "wanted_s": None}
    return recipe.model_copy(update={"fit": recipe.fit.model_copy(update=told)})


def warnings(recipe: Recipe, survey: CatalogSurvey, speed: MachineSpeed) -> Iterator[str]:
    """What to tell of a recipe whose seconds `obeyed` has estimated: they, and its memory, are estimates only."""
    needed, time_s = peak_memory(recipe, speed, survey), recipe.fit.time_s
    if needed > speed.free_bytes:
        yield (
            f"the recipe takes about {in_gb(needed)} of memory, and {in_gb(speed.free_bytes)} are free: end other "
            "programs, or set mosaic.photos_per_batch or ocr.engine.threads lower in it"
        )
    least = sum(recipe.fit.choices[key].seconds for key in (SPLIT, "mosaic-any", FUSION))
    if time_s is not None and least > time_s:
        yield (
            f"the recipe takes {duration_text(least)} at the least, longer than the {duration_text(time_s)} that are "
            "given: it is obeyed, and will be late"
        )
