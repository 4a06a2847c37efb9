"""What a fit does with a catalogue: the plan that brings most in the time there is, as a recipe with its reasons."""

from __future__ import annotations

from typing import Any

from catalog.files.progress_lines import duration_text
from catalog.runs.config import overlaid
from rayonnage.fitting.amounts import time_option
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.measuring.speed import MachineSpeed
from rayonnage.fitting.planning.needs import batch_for, can_read, check_disk, in_gb, least_to_read, readers_for
from rayonnage.fitting.planning.options import BACKBONES, FEWEST_HELD_OUT
from rayonnage.fitting.planning.parts import HeldOutParts, with_photos
from rayonnage.fitting.planning.plan_words import long_text
from rayonnage.fitting.planning.plans import FitPlan, plans
from rayonnage.fitting.planning.reasons import Reasons
from rayonnage.fitting.recipe import FitSection, Overlays, Quality, Recipe

PLANNED = 0.85
"""Share of the time that is planned for: other work comes and goes, and what a stage takes is estimated."""
PRICES: dict[Quality, float] = {"fast": 3.0, "balanced": 0.7, "best": 0.15}
"""Points of leaf accuracy that a doubling of the time must bring, where time is not given."""
PRICE_IN_TIME = 0.05
"""Where it is given, it is there to be used."""
LONGEST = 12 * 3600.0
"""Without a time nothing longer is begun: a night."""
CHECKPOINT_MINUTES = 1


def candidates(quality: Quality, given: Overlays | None = None) -> tuple[str, ...]:
    """Backbones that may be chosen, by timm's names: what has to be measured."""
    settled = {} if given is None else given.mosaic
    name = settled.get("backbone", {}).get("name")
    chosen = (name,) if name else BACKBONES[: 1 if quality == "fast" else None]
    second = settled.get("second_backbone")
    return tuple(dict.fromkeys((*chosen, second) if second else chosen))


def choose(  # noqa: PLR0913 - one argument for every option of the command, named where it is called
    survey: CatalogSurvey,
    speed: MachineSpeed,
    *,
    catalog: str,
    tree: str | None = None,
    names: str | None = None,
    group: str | None = None,
    time_s: float | None = None,
    quality: Quality = "balanced",
    memory_bytes: int | None = None,
    given: Overlays | None = None,
) -> Recipe:
    """Choose what is done, the same for the same arguments.

    Of all plans (`rayonnage.fitting.planning.plans`) whose estimate is within `PLANNED` of the time, the one of the
    most expected points, less a price for each doubling of its time: so that more time never chooses a cheaper plan.

    Args:
        catalog, tree, names, group: as on the command line.
        time_s: seconds that there are, None for as long as it pays.
        memory_bytes: that may be used, None for what is free.
        given: what is settled already.

    Raises:
        ValueError: nothing can be done in that time, in that memory or on that disk; the figures are in it.
    """
    if not with_photos(survey):
        raise ValueError(f"{catalog}: no product with a category has a photo, and photos are what is learnt from first")
    given = given or Overlays()
    memory = speed.free_bytes if memory_bytes is None else memory_bytes
    found = [plan for plan in plans(survey, speed, given, memory) if can_read(memory) or plan.reading.overlay is None]
    if not found:
        raise ValueError(
            f"reading is asked for, and takes {in_gb(least_to_read())} of memory where {in_gb(memory)} may "
            "be used: give more with --memory, close other programs, or leave fit.read out of the recipe"
        )
    price = PRICES[quality] if time_s is None else PRICE_IN_TIME
    budget = LONGEST if time_s is None else PLANNED * time_s
    within = [plan for plan in found if plan.seconds <= budget]
    if not within:
        raise ValueError(_too_short(min(found, key=lambda plan: plan.seconds), survey, time_s))
    best = max(within, key=lambda plan: (plan.worth(price), -plan.seconds))
    wanted = max(found, key=lambda plan: (plan.worth(PRICES["best"]), -plan.seconds))
    said: dict[str, Any] = {"catalog": catalog, "tree": tree, "names": names, "group": group or survey.group_column}
    said |= {
        "titles_apart": survey.titles_apart,
        "fingerprint": survey.fingerprint,
        "time_s": time_s,
        "quality": quality,
    }
    recipe = _recipe(best, survey, speed, said, memory, given)
    check_disk(recipe, survey, speed.free_disk)
    notes = Reasons(recipe, best, wanted, survey, speed, time_s, memory).choices()
    told = {"choices": notes, "wanted_s": wanted.seconds if any(note.instead for note in notes.values()) else None}
    return recipe.model_copy(update={"fit": recipe.fit.model_copy(update=told)})


def _recipe(
    plan: FitPlan, survey: CatalogSurvey, speed: MachineSpeed, said: dict[str, Any], memory: int, given: Overlays
) -> Recipe:
    fit = FitSection.model_validate(
        {
            **said, **plan.parts, "networks": plan.photos.networks, "read": plan.reading.overlay is not None,
            **given.fit,
        }
    )  # fmt: skip
    n, parts = with_photos(survey), HeldOutParts.of_fit(fit)
    fusion: dict[str, Any] = {"neighbours": "auto" if plan.photos.neighbours else "off"}
    if n * parts.held_out < 2 * FEWEST_HELD_OUT:
        fusion["head_folds"] = 2
    fusion = overlaid(fusion, given.fusion)
    ocr = dict(given.ocr if plan.reading.overlay is None else plan.reading.overlay)
    recipe = Recipe(fit=fit, mosaic=dict(plan.photos.overlay), ocr=ocr, fusion=fusion)
    batch = batch_for(recipe.photo_config, speed, survey, memory)
    mosaic: dict[str, Any] = {"checkpoint_minutes": CHECKPOINT_MINUTES}
    learnt = n * (1 - parts.of)
    if learnt < 2 * recipe.photo_config.min_products:
        # of so few products one network learns all the same; parts are not equally large
        mosaic["min_products"] = max(1, int(learnt / 2))
    if batch.accumulate > 1:
        mosaic["photos_per_batch"] = batch.photos
        mosaic |= {section: {"accumulate": batch.accumulate} for section in ("training", "specialist")}
    readers = readers_for(speed.cores, memory)
    if fit.read and readers < speed.cores:
        ocr = overlaid({"engine": {"threads": readers}}, ocr)
    mosaic = overlaid(overlaid(recipe.mosaic, mosaic), given.mosaic)
    return recipe.model_copy(update={"mosaic": mosaic, "ocr": ocr})


def _too_short(least: FitPlan, survey: CatalogSurvey, time_s: float | None) -> str:
    n = f"{with_photos(survey):,} products with {survey.n_photos:,} photos"
    takes = long_text(least.seconds)
    if time_s is None:
        return (
            f"{n} take {takes} at the least on this machine: give that time (--time), a machine with a GPU, or learn "
            "from a part of them (`catalog subset`)"
        )
    needed = -(-least.seconds / PLANNED // 10) * 10
    return (
        f"{duration_text(time_s)} are too short: the least that can be done with {n} takes about {takes} here; "
        f"give --time {time_option(needed)} or more"
    )
