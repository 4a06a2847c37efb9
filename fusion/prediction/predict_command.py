"""`fusion predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    lang_option,
    note,
    note_problems,
    options_as,
    progress_bar,
    resumable,
    say,
    source_options,
    strict_option,
    workspace_option,
)
from catalog.sources.address import Address
from fusion.prediction.loading import PRECISION, RUN, chosen_run, load_predictor, require_files

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.runs.workspace import Workspace
    from fusion.prediction.predict_catalog import Outcome
    from fusion.prediction.publish import Publication


@dataclass(frozen=True)
class PredictOptions:
    """What `fusion predict` was asked for: its options by name."""

    files: tuple[Address, ...]
    run: Path | None
    output: Path | None
    to: str | None
    insert_missing: bool
    overwrite: bool
    precision: float | None
    discard_answers: bool
    resume: bool
    lang: str | None
    workspace: Path
    strict: bool

    def photos(self) -> list[Path] | None:
        """The files when they are photos of one product, None for a catalogue.

        Raises:
            FileNotFoundError: a file that is not there.
            ValueError: options or files that contradict each other.
        """
        from catalog.sources.photo_file import formats_text, photo_files

        require_files(self.files)
        if self.resume and self.overwrite:
            raise ValueError("--resume continues what lies in the folder, --overwrite removes it: give one of them")
        if self.insert_missing and self.to is None:
            raise ValueError("--insert-missing is about a collection: name it with --to")
        photos = photo_files(self.files)
        if photos is not None and self.to is not None:
            raise ValueError("--to writes the predictions of a catalogue: photos alone have no document")
        if photos is not None and self.output is not None:
            raise ValueError("--output is the folder for a catalogue's predictions: the answer for photos is printed")
        if photos is None and len(self.files) > 1:
            raise ValueError(f"give one catalogue, or 1-4 photos of one product ({formats_text()})")
        return photos


@click.command()
@source_options("files")
@click.argument("files", type=SOURCE, nargs=-1, required=True)
@RUN
@click.option("--output", type=PATH, help="Folder for the predictions.")
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
@options_as(PredictOptions)
def predict(options: PredictOptions) -> None:
    """Predict a catalogue (submission.csv and a full table), or one product given as 1-4 photos."""
    photos = options.photos()
    if photos is None:
        _predict_catalog(options)
    else:
        _predict_photos(options, photos)


def _predict_photos(options: PredictOptions, photos: list[Path]) -> None:
    run = chosen_run(options.run, options.workspace)
    from fusion.prediction.photo_files import predict_photos

    answer = predict_photos(load_predictor(run, options.workspace, options.precision, options.lang), photos)
    say(str(answer))
    if options.strict and answer.problems:
        raise ValueError(f"{len(answer.problems)} photos could not be used, and --strict was given")


def _predict_catalog(options: PredictOptions) -> None:
    from catalog.runs.workspace import Workspace
    from fusion.decide import Decision
    from fusion.prediction.publish import Publication

    # whatever can be wrong is looked at before the networks are loaded, which takes seconds
    workspace, run = Workspace(options.workspace), chosen_run(options.run, options.workspace)
    publication = None if options.to is None else Publication.to(options.to, options.insert_missing)
    catalog = _opened(options.files[0], workspace, publication)
    from fusion.prediction.predict_catalog import predict_file

    predictor = load_predictor(run, options.workspace, options.precision, options.lang)
    with progress_bar("predict") as progress, resumable():
        outcome = predict_file(
            predictor, catalog, workspace, options.output,
            overwrite=options.overwrite, discard_answers=options.discard_answers, progress=progress,
        )  # fmt: skip
    _report(outcome)
    if predictor.proof is not None and set(outcome.record.decisions) != {Decision.ACCEPT} and predictor.proof.advice:
        note(predictor.proof.advice)
    if publication is not None:
        with progress_bar("publish") as progress, resumable():
            say(publication.publish(outcome.files.table, catalog, predictor, progress))
    if outcome.n_left_out:
        note(
            f"{outcome.n_left_out} more wait for review in {outcome.files.table} alone "
            "(decision parent or review): review.csv holds review_rows, those that bring most"
        )
    sheets = f"{outcome.files.review} {outcome.files.audit}"
    given = (f" --run {options.run}" if options.run else "") + workspace.option
    say(f"next: fill corrected_category_id there, then fusion review apply {sheets}{given}")
    if options.strict:
        outcome.record.problems.require_none(str(catalog), told=True)


def _opened(file: Address, workspace: Workspace, publication: Publication | None) -> Catalog:
    """The catalogue; a doubt about the collection that its predictions go to is told."""
    with progress_bar("index") as progress:
        catalog = workspace.open(file, progress)
    if publication is not None:
        with progress_bar("look up") as progress:
            doubt = publication.look(catalog, progress)
        if doubt:
            note(doubt)
    return catalog


def _report(outcome: Outcome) -> None:
    if outcome.was_whole:
        note("nothing was predicted: this model's answers for this catalogue lay there already (--overwrite: anew)")
    if outcome.n_resumed:
        note(f"continued after {outcome.n_resumed} parts that were already there")
    note_problems(outcome.record.problems)
    say(outcome.text())
