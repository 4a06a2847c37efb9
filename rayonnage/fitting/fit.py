"""`rayonnage fit`: looks, chooses, runs the stages, and says what came of it."""

from __future__ import annotations

import time

from catalog.files.listener import heard_by
from catalog.files.progress_lines import duration_text
from catalog.files.sidecar import sidecars_aside
from catalog.files.wording import percent
from catalog.runs.workspace import Workspace
from catalog.sources.address import signed_in
from rayonnage.fitting.preparing import check_room, completed, prepare
from rayonnage.fitting.progress.journal import FitJournal
from rayonnage.fitting.progress.showing import FitShow
from rayonnage.fitting.recipe import Recipe
from rayonnage.fitting.request import FitRequest
from rayonnage.fitting.running import Stages
from rayonnage.fitting.stages import by_hand, stages_of
from rayonnage.fitting.telling.last_words import last_words
from rayonnage.fitting.telling.outcome import FitOutcome
from rayonnage.fitting.telling.page import write_fit_page

PAGE = "fit.html"


def fit_catalog(request: FitRequest) -> FitOutcome:
    """Fit a catalogue into a workspace, or go on with what an earlier call of the same has begun.

    Shows a bar of the whole on stderr, and prints what it finds, decides and comes to. Everything that was said stands
    in `fit.log`, what was decided in `recipe.yaml`, what came of it in `fit.html`.

    Raises:
        FileNotFoundError, ValueError: a catalogue that nothing can be learnt from, a workspace of another one, or a
            stage that failed.
        OSError: another fit is at work in the workspace.
        KeyboardInterrupt: Ctrl-C or SIGTERM, at the next safe point; the same call goes on there.
    """
    request = completed(request)
    journal, show = FitJournal(Workspace(request.workspace)), FitShow()
    check_room(request, journal)
    show.seconds, show.time_s = (lambda: journal.seconds), request.time_s
    with journal.held(), signed_in(request.catalog), show.entered(request.workspace, journal.tick):
        try:
            outcome = _fitted(request, journal, show)
        except KeyboardInterrupt:
            show.stopped(
                f"stopped at '{show.title}', {percent(show.share, 0)} of the whole; the same command goes on from "
                f"there: {request.command}"
            )
            journal.close()
            raise
        except BaseException as error:
            journal.close()
            show.note(f"Error: {error}")
            show.keep("failed", str(error))
            raise
        show.keep("done")
    return outcome


def _fitted(request: FitRequest, journal: FitJournal, show: FitShow) -> FitOutcome:
    prepared = prepare(request, journal, show)
    show.result(_will_do(prepared.recipe, request))
    stages = Stages(request, prepared, journal, show)
    times = stages.run()
    show.begin("page", "write the page")
    with heard_by(show):
        outcome = FitOutcome.of(
            Workspace(request.workspace), prepared.recipe, times, seconds=journal.seconds, survey=prepared.survey
        )
        page = write_fit_page(outcome, request.workspace / PAGE)
    ran = [each.stage for each in times if each.seconds is not None]
    journal.close(idle=not stages.ran_any)
    show.result(f"\nThe same by single commands:\n{by_hand(ran)}\n\n{last_words(outcome)}\nreport: {page}")
    return outcome


def try_fit(request: FitRequest) -> None:
    """Look, measure, choose and tell, as `fit_catalog` would; nothing is written, neither beside the catalogue."""
    request = completed(request)
    check_room(request, FitJournal(Workspace(request.workspace)))
    show, start = FitShow(), time.monotonic()
    # as of a fit: what looking and measuring take is not left for the stages
    show.seconds, show.time_s = (lambda: time.monotonic() - start), request.time_s
    with sidecars_aside(), show.entered(None):
        prepared = prepare(request, None, show)
        show.result(_will_do(prepared.recipe, request))
    show.result(f"\nNothing was written. To start it: {request.command}")


def _will_do(recipe: Recipe, request: FitRequest) -> str:
    """What was decided and why, with its estimate, for people."""
    stages = stages_of(recipe, request.recipe_path, request.workspace)
    given = "" if recipe.fit.time_s is None else f" of the {duration_text(recipe.fit.time_s)} that are given"
    lines = [f"\nWhat is done, in about {duration_text(sum(stage.seconds for stage in stages))}{given}:"]
    titles = {stage.key: stage.title for stage in stages}
    for key, choice in recipe.fit.choices.items():
        cost = f" ({duration_text(choice.seconds)})" if choice.seconds else ""
        lines += [f"  {titles.get(key, key)}{cost}: {choice.chosen}", f"    why: {choice.why}"]
        if choice.instead:
            lines.append(f"    left out: {choice.instead}")
    return "\n".join(lines)
