"""`fusion predict`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from catalog.cli_options import SOURCE, lang_option, note, progress_bar, say, strict_option, workspace_option
from catalog.sources.address import Address
from fusion.prediction.loading import PRECISION, RUN, chosen_run, load_predictor, require_files


@click.command()
@click.argument("files", type=SOURCE, nargs=-1, required=True)
@RUN
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Folder for the predictions.")
@click.option("--to", metavar="mongodb://HOST/DB.COLLECTION", default=None,
              help="Set the field `prediction` of the products in this collection, too.")  # fmt: skip
@click.option("--insert-missing", is_flag=True,
              help="With --to: products that are not there get a document with the prediction alone.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace predictions of another input or model in that folder.")
@PRECISION
@click.option("--discard-answers", is_flag=True, help="Replace a review.csv that a reviewer has filled, too.")
@click.option("--resume", is_flag=True, help="Continue a killed prediction, as the same command does without it.")
@lang_option
@workspace_option
@strict_option
def predict(
    files: tuple[Address, ...],
    run: Path | None,
    output: Path | None,
    to: str | None,
    insert_missing: bool,
    overwrite: bool,
    precision: float | None,
    discard_answers: bool,
    resume: bool,
    lang: str | None,
    workspace: Path,
    strict: bool,
) -> None:
    """Predict a catalogue (submission.csv and a full table), or one product given as 1-4 photos."""
    from catalog.runs.workspace import Workspace
    from catalog.sources.photo_file import photo_files
    from fusion.prediction.publish import Publication

    require_files(files)
    if resume and overwrite:
        raise ValueError("--resume continues what lies in the folder, --overwrite removes it: give one of them")
    if insert_missing and to is None:
        raise ValueError("--insert-missing is about a collection: name it with --to")
    photos = photo_files(files)
    if photos is not None and to is not None:
        raise ValueError("--to writes the predictions of a catalogue: photos alone have no document")
    if photos is None and len(files) > 1:
        raise ValueError("give one catalogue, or 1-4 photos of one product")
    # whatever can be wrong is looked at before the networks are loaded, which takes seconds
    room, chosen = Workspace(workspace), chosen_run(run, workspace)
    if photos is not None:
        from fusion.model import predict_photos

        answer = predict_photos(load_predictor(chosen, workspace, precision, lang), photos)
        say(str(answer))
        if strict and answer.problems:
            raise ValueError(f"{len(answer.problems)} photos could not be used, and --strict was given")
        return
    publication = Publication.to(to, insert_missing) if to is not None else None
    with progress_bar("index") as progress:
        catalog = room.open(files[0], progress)
    if publication is not None:
        with progress_bar("look up") as progress:
            found = publication.look(catalog, progress)
        if found:
            note(found)
    from fusion.prediction.predict_catalog import predict_file

    predictor = load_predictor(chosen, workspace, precision, lang)
    with progress_bar("predict") as progress, resumable():
        outcome = predict_file(
            predictor, catalog, room, output,
            overwrite=overwrite, discard_answers=discard_answers, progress=progress,
        )  # fmt: skip
    if outcome.n_resumed:
        note(f"continued after {outcome.n_resumed} parts that were already there")
    if len(outcome.problems):
        note(outcome.problems.summary())
    say(outcome.text())
    if publication is not None:
        with progress_bar("publish") as progress, resumable():
            say(publication.publish(outcome.table, predictor, progress))
    if outcome.n_left_out:
        note(
            f"{outcome.n_left_out} more wait for review in {outcome.table} alone "
            "(decision parent or review): review.csv holds review_rows, those that bring most"
        )
    options = (f" --run {run}" if run else "") + room.option
    say(f"next: fill corrected_category_id there, then fusion review apply {outcome.review} {outcome.audit}{options}")
    if strict:
        outcome.problems.require_none(str(catalog), told=True)


@contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C loses nothing that was committed: say so."""
    try:
        yield
    except KeyboardInterrupt:
        note("stopped; the same command continues where this one was")
        raise
