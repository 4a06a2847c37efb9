"""What comes before the stages: looking at the catalogue, measuring the machine, choosing; or all of it is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.catalog import Catalog
from catalog.files.progress_lines import duration_text
from catalog.files.wording import joined, one_line
from catalog.runs.workspace import Workspace
from catalog.sources.address import shown
from catalog.sources.opening import open_source, tree_for
from rayonnage.fitting.amounts import typed_bytes, typed_time
from rayonnage.fitting.looking.look import look
from rayonnage.fitting.measuring.measure import SECONDS, measure
from rayonnage.fitting.planning.choosing import candidates, choose
from rayonnage.fitting.planning.obeying import backbones_of, obeyed, warnings
from rayonnage.fitting.progress.journal import Asked, FitJournal, signature
from rayonnage.fitting.progress.showing import FitShow
from rayonnage.fitting.recipe import Overlays, Recipe, given_recipe
from rayonnage.fitting.request import FitRequest
from rayonnage.fitting.stages import Stage

if TYPE_CHECKING:
    from rayonnage.fitting.looking.survey import CatalogSurvey
    from rayonnage.fitting.measuring.speed import MachineSpeed


@dataclass(frozen=True)
class PreparedFit:
    """What is known before the first stage; fingerprint: of the catalogue and its tree."""

    recipe: Recipe
    survey: CatalogSurvey
    fingerprint: str

    def signature(self, chain: str, stage: Stage, request: FitRequest) -> str:
        """Of what the result of a stage depends on; `chain`: that of the stage before it."""
        recipe = self.recipe
        sections = {"mosaic": recipe.photo_config, "ocr": recipe.reading_config, "fusion": recipe.decision_config}
        section = sections[stage.room].model_dump(mode="json") if stage.room in sections else None
        fit = recipe.fit
        places = {fit.catalog, fit.tree or "", fit.names or "", str(request.recipe_path), str(request.workspace)}
        return signature(chain, stage, section, places)


def completed(request: FitRequest) -> FitRequest:
    """The request with what a whole recipe says of the catalogue: tree, names and groups, where they are not given.

    Raises:
        ValueError, FileNotFoundError: the recipe is none, see `given_recipe`; it is obeyed as it stands, and memory or
            quality are given beside it.
    """
    given = None if request.recipe is None else given_recipe(request.recipe)
    if not isinstance(given, Recipe):
        return request
    if request.memory_bytes is not None:
        raise ValueError(
            f"recipe {request.recipe} is whole and is obeyed as it stands: leave --memory out, and set "
            "mosaic.photos_per_batch and ocr.engine.threads in it, or give a recipe without fit.catalog, which is "
            "completed by what fits"
        )
    fit = given.fit
    tree, names = (None if name is None else Path(name) for name in (fit.tree, fit.names))
    return replace(request, tree=request.tree or tree, names=request.names or names, group=request.group or fit.group)


def check_room(request: FitRequest, journal: FitJournal) -> None:
    """See that the workspace is this catalogue's.

    Raises:
        FileNotFoundError: there is no such catalogue.
        ValueError: the workspace holds a plan that no fit of this catalogue made.
    """
    open_source(request.catalog, tree_for(request.catalog, request.tree))
    folder = request.workspace
    if request.overwrite:
        return
    way_out = "give another --workspace, or --overwrite to have it give way (its runs stay on disk)"
    if journal.state is not None:
        if journal.state.asked.catalog != request.asked.catalog:
            raise ValueError(f"{folder} is the workspace of {journal.state.asked.catalog}: {way_out}")
    elif (folder / "plan" / "plan.json").is_file():
        plan = Workspace(folder).plan()
        raise ValueError(f"{folder} holds a plan of {plan.catalog} that `rayonnage fit` did not make: {way_out}")


def prepare(request: FitRequest, journal: FitJournal | None, show: FitShow) -> PreparedFit:
    """Look, measure and choose, or take up what an earlier session has chosen for the same.

    `journal`: None where nothing is to be written. Tells what it finds and decides.
    """
    asked, path = request.asked, request.recipe_path
    known = None if journal is None else journal.state
    show.begin("look", "look at the catalogue")
    with show.bar("look") as progress:
        survey = look(request.catalog, request.tree, request.names, request.group, progress)
    fingerprint = _with_files(survey.fingerprint, tree_for(request.catalog, request.tree), request.names)
    same = (asked, fingerprint)
    if journal is not None and known is not None and path.is_file() and (known.asked, known.fingerprint) == same:
        recipe = Recipe.load(path)
        if known.recipe in ("", recipe.digest()):
            journal.go_on()
        else:
            show.tell(f"{path} has been changed: what it takes is estimated anew")
            recipe = _obeyed(recipe, request, survey, show)
            recipe.save(path)
            journal.go_on(recipe.digest())
        return PreparedFit(_of_today(recipe, request), survey, fingerprint)
    show.result("\n".join(survey.lines()))
    if journal is not None and known is not None:
        changes = _changes(known.asked, asked, known.fingerprint == fingerprint)
        show.tell(f"{joined(changes)}: the choices are made anew")
    recipe = _chosen(request, survey, show)
    if journal is not None:
        recipe.save(path)
        journal.begin_anew(asked, fingerprint, recipe.digest())
    return PreparedFit(_of_today(recipe, request), survey, fingerprint)


def _chosen(request: FitRequest, survey: CatalogSurvey, show: FitShow) -> Recipe:
    given = None if request.recipe is None else given_recipe(request.recipe)
    if isinstance(given, Recipe):
        return _obeyed(given, request, survey, show)
    _left(request, show, 2 * SECONDS)
    speed = _measured(candidates(request.quality, given), given or Overlays(), request, survey, show)
    show.begin("choose", "choose what pays")
    left = _left(request, show, 0)
    chosen = choose(
        survey, speed, catalog=shown(request.catalog), tree=_text(request.tree), names=_text(request.names),
        group=request.group, time_s=left, quality=request.quality, memory_bytes=request.memory_bytes, given=given,
    )  # fmt: skip
    return _saved_as(chosen, request, survey)


def _obeyed(given: Recipe, request: FitRequest, survey: CatalogSurvey, show: FitShow) -> Recipe:
    """A whole recipe, with what it takes here: only what it is made of is the command line's to say."""
    recipe = _saved_as(given, request, survey)
    try:
        speed = _measured(backbones_of(recipe), recipe, request, survey, show)
    # whatever a network does not like about the measurement: the recipe, which shows it other photos, may do
    except Exception as error:
        show.tell(f"what the recipe takes here could not be measured, its own times are shown: {one_line(error)}")
        return recipe
    recipe = obeyed(recipe, survey, speed)
    for warning in warnings(recipe, survey, speed):
        show.tell(warning)
    return recipe


def _measured(
    backbones: Sequence[str], given: Overlays | Recipe, request: FitRequest, survey: CatalogSurvey, show: FitShow
) -> MachineSpeed:
    show.begin("measure", "measure this machine")
    with show.bar("measure") as progress:
        return measure(
            request.catalog, survey, backbones, request.workspace, given.reading_config.engine, progress
        )  # fmt: skip


def _left(request: FitRequest, show: FitShow, needed: float) -> float | None:
    """Seconds of --time that are left, None without it; raises ValueError where they are fewer than needed."""
    if request.time_s is None:
        return None
    left = request.time_s - show.seconds()
    if left <= needed:
        looking = "looking at the catalogue" if needed else "looking at the catalogue and measuring this machine"
        took = f"{looking} took {duration_text(show.seconds())}"
        rest = f", and measuring this machine takes {duration_text(SECONDS)}" if needed else ""
        raise ValueError(f"{duration_text(request.time_s)} are too short: {took}{rest}: give --time 5m or more")
    return left


def _saved_as(recipe: Recipe, request: FitRequest, survey: CatalogSurvey) -> Recipe:
    """The recipe as it is written for this catalogue."""
    said = {"catalog": shown(request.catalog), "fingerprint": survey.fingerprint, "quality": request.quality}
    time_s = recipe.fit.time_s if request.time_s is None and request.recipe is not None else request.time_s
    named = {"tree": _text(request.tree), "names": _text(request.names), "group": request.group or recipe.fit.group}
    apart = survey.titles_apart or recipe.fit.titles_apart
    told = {**said, **named, "titles_apart": apart, "time_s": time_s}
    return recipe.model_copy(update={"fit": recipe.fit.model_copy(update=told)})


def _of_today(recipe: Recipe, request: FitRequest) -> Recipe:
    """The recipe with the catalogue as it is called here and now: maybe from another folder."""
    places = {"catalog": shown(request.catalog), "tree": _text(request.tree), "names": _text(request.names)}
    return recipe.model_copy(update={"fit": recipe.fit.model_copy(update=places)})


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def fingerprint_now(request: FitRequest) -> str:
    """Of the catalogue, as it is by now; empty where it can no longer be read."""
    try:
        return Catalog(open_source(request.catalog, tree_for(request.catalog, request.tree))).fingerprint
    except (ValueError, OSError):
        return ""


def _with_files(fingerprint: str, *files: Path | None) -> str:
    """A catalogue's fingerprint with those of its tree, which makes other leaves of the same labels, and its names."""
    digests = (hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest() for file in files if file is not None)
    return " ".join([fingerprint, *digests])


def _changes(before: Asked, now: Asked, same_catalog: bool) -> Sequence[str]:
    """What is no longer as it was, for people."""
    changes = [] if same_catalog else ["the catalogue, its tree or its names have changed"]
    for option, was in _said(before).items():
        if was != (now_is := _said(now)[option]):
            changes.append(f"{option} was {was or 'not given'} and is {now_is or 'not given'}")
    if before.recipe != now.recipe:
        changes.append("the recipe given is another one" if now.recipe else "no recipe is given any more")
    return changes or ["the workspace's recipe is gone"]


def _said(asked: Asked) -> dict[str, str | None]:
    """The options of a fit, as they are typed."""
    return {
        "--tree": asked.tree, "--names": asked.names, "--group": asked.group,
        "--time": None if asked.time_s is None else typed_time(asked.time_s), "--quality": asked.quality,
        "--memory": None if asked.memory_bytes is None else typed_bytes(asked.memory_bytes),
    }  # fmt: skip
