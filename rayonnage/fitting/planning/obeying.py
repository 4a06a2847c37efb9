"""A recipe that is given whole: obeyed as it stands, with what its stages take here and now."""

from __future__ import annotations

from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.costs import stage_seconds
from rayonnage.fitting.planning.gains import Words
from rayonnage.fitting.planning.needs import check_disk, in_gb, peak_memory
from rayonnage.fitting.planning.options import shelves_to_try
from rayonnage.fitting.recipe import Choice, Recipe
from rayonnage.fitting.stages import is_stage

UNEXPLAINED = Choice(chosen="as the recipe says", why="the recipe was given")
"""Of a stage that the recipe has no note on."""


def backbones_of(recipe: Recipe) -> tuple[str, ...]:
    """Those that its networks learn with, by timm's names: what has to be measured."""
    config = recipe.photo_config
    second = config.second_backbone if "photos" in recipe.fit.networks else None
    return tuple(dict.fromkeys(name for name in (config.backbone.name, second) if name))


def obeyed(recipe: Recipe, survey: CatalogSurvey, speed: MachineSpeed) -> Recipe:
    """The recipe with a note on each of its stages, whose seconds are estimated anew: it may come from another machine.

    Notes on stages that it no longer has are gone.

    Raises:
        ValueError: the disk would be full before the work is done.
    """
    check_disk(recipe, survey, speed.free_disk)
    seconds = stage_seconds(recipe, survey, speed, shelves_to_try(survey, Words.of(speed, survey)))
    notes = {**dict.fromkeys(seconds, UNEXPLAINED), **recipe.fit.choices}
    notes = {
        key: note.model_copy(update={"seconds": seconds.get(key, 0.0)})
        for key, note in notes.items()
        if key in seconds or not is_stage(key)
    }
    return recipe.model_copy(update={"fit": recipe.fit.model_copy(update={"choices": notes})})


def too_large(recipe: Recipe, survey: CatalogSurvey, speed: MachineSpeed) -> str | None:
    """What to tell where a recipe may want more memory than is free, which is only estimated; None where it fits."""
    needed = peak_memory(recipe, speed, survey)
    if needed <= speed.free_bytes:
        return None
    return (
        f"the recipe takes about {in_gb(needed)} of memory, and {in_gb(speed.free_bytes)} are free: end other "
        "programs, or set mosaic.photos_per_batch or ocr.engine.threads lower in it"
    )
