"""`fusion train | experts | predict | evaluate | compare | explain | review`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.command import (
    KINDS,
    SOURCE,
    PlainErrors,
    config_options,
    lang_option,
    note,
    progress_bar,
    say,
    strict_option,
    verbose_option,
    workspace_option,
)
from catalog.sources.address import Address
from fusion.review.commands import review

if TYPE_CHECKING:
    from fusion.predictor import Predictor

RUN = click.option(
    "--run", type=click.Path(path_type=Path), default=None, help="A fusion run folder; default: the workspace's latest."
)

PRECISION = click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=None,
    help="Share of what is given without review that must be right; default: as configured or trained.",
)


@click.group(cls=PlainErrors, context_settings={"help_option_names": ["-h", "--help"]}, epilog=KINDS)
@click.version_option(package_name="rayonnage")
@verbose_option
def main(verbose: bool) -> None:
    """Pool photo and text along the category tree: train, predict, evaluate, review."""


main.add_command(review)


@main.command()
@config_options
@click.option("--with", "more", type=click.Path(path_type=Path), multiple=True, metavar="RUN",
              help="A mosaic run that speaks beside the latest ones, for instance of another backbone.")  # fmt: skip
@PRECISION
@workspace_option
def train(
    config: str | None, overrides: tuple[str, ...], more: tuple[Path, ...], precision: float | None, workspace: Path
) -> None:
    """Compare the heads on the held-out probabilities of the workspace's experts, and keep the best."""
    from catalog.config import load_config
    from catalog.system import leaderboard
    from catalog.workspace import Workspace
    from fusion.config import FusionConfig
    from fusion.training import train as run_training

    if precision is not None:
        overrides = (*overrides, f"target_precision={precision}")
    with progress_bar("heads") as progress:
        run, systems = run_training(
            Workspace(workspace), load_config(FusionConfig, "fusion", config, overrides), more, progress
        )
    say("held-out products (heads cross-fitted, every expert where it speaks), accuracy in percent:")
    say(leaderboard(systems))
    say(f"the head that decides: {run.details['head']}, {run.details['why']}")
    say(f"fusion: {run.folder}")
    say("next: fusion predict TEST.bson, or fusion evaluate LABELLED.bson")


@main.command()
@click.option("--with", "more", type=click.Path(path_type=Path), multiple=True, metavar="RUN",
              help="A mosaic run to look at beside the latest ones.")  # fmt: skip
@workspace_option
def experts(more: tuple[Path, ...], workspace: Path) -> None:
    """List the experts: coverage, accuracy on held-out products, runs; and the networks that do not speak yet."""
    from catalog.workspace import Workspace
    from fusion.roster import roster

    say(roster(Workspace(workspace), more))


@main.command()
@click.argument("files", type=SOURCE, nargs=-1, required=True)
@RUN
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Folder for the predictions.")
@click.option("--to", metavar="mongodb://HOST/DB.COLLECTION", default=None,
              help="Set the field `prediction` of the products in this collection, too.")  # fmt: skip
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
    overwrite: bool,
    precision: float | None,
    discard_answers: bool,
    resume: bool,
    lang: str | None,
    workspace: Path,
    strict: bool,
) -> None:
    """Predict a catalogue (submission.csv and a full table), or one product given as 1-4 photos."""
    from catalog.photo_file import photo_files
    from catalog.workspace import Workspace
    from fusion.model import predict_photos
    from fusion.prediction import predict_file
    from fusion.publish import Publication

    for file in files:
        if isinstance(file, Path) and not file.exists():
            raise FileNotFoundError(f"{file} does not exist")
    if resume and overwrite:
        raise ValueError("--resume continues what lies in the folder, --overwrite removes it: give one of them")
    photos = photo_files(files)
    if photos is not None:
        if to is not None:
            raise ValueError("--to writes the predictions of a catalogue: photos alone have no document")
        answer = predict_photos(_predictor(run, workspace, precision, lang), photos)
        say(str(answer))
        if strict and answer.problems:
            raise ValueError(f"{len(answer.problems)} photos could not be used, and --strict was given")
        return
    if len(files) > 1:
        raise ValueError("give one catalogue, or 1-4 photos of one product")
    with progress_bar("index") as progress:
        catalog = Workspace(workspace).open(files[0], progress)
    publication = Publication.to(to, catalog) if to is not None else None
    predictor = _predictor(run, workspace, precision, lang)
    with progress_bar("predict") as progress, resumable():
        outcome = predict_file(
            predictor, catalog, Workspace(workspace), output,
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
    say(f"next: fill corrected_category_id there, then fusion review apply {outcome.review} {outcome.audit}")
    if strict:
        outcome.problems.require_none(str(catalog))


@main.command()
@click.argument("file", type=SOURCE)
@click.option("--labels", type=click.Path(path_type=Path), default=None, help="CSV of product_id,category_id.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Folder for the report.")
@RUN
@lang_option
@workspace_option
def evaluate(
    file: Address, labels: Path | None, output: Path | None, run: Path | None, lang: str | None, workspace: Path
) -> None:
    """Report on a labelled catalogue FILE by image count and level: JSON and one HTML page."""
    from catalog.workspace import Workspace
    from fusion.evaluation.evaluate import evaluate as run_evaluation

    predictor = _predictor(run, workspace, lang=lang)
    with progress_bar("evaluate") as progress:
        text, page = run_evaluation(predictor, Workspace(workspace), file, labels, output, progress)
    say(text)
    say(f"report: {page}")


@main.command()
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option("--on", "file", type=SOURCE, default=None, help="A labelled catalogue to compare on.")
@click.option("--labels", type=click.Path(path_type=Path), default=None, help="CSV of product_id,category_id.")
@workspace_option
def compare(run_a: Path, run_b: Path, file: Address | None, labels: Path | None, workspace: Path) -> None:
    """Say whether RUN_B is really better than RUN_A: on the products that both hold out, or on a labelled catalogue."""
    from catalog.run import Run
    from catalog.workspace import Workspace
    from fusion.evaluation.compare import compare_held_out, compare_on

    if labels is not None and file is None:
        raise ValueError("--labels belongs to a catalogue: give it with --on")
    a, b = Run.load(run_a, "fusion"), Run.load(run_b, "fusion")
    if file is None:
        found = compare_held_out(a, b)
    else:
        with progress_bar("compare") as progress:
            found = compare_on(a, b, Workspace(workspace), file, labels, progress)
    say(f"A: {run_a}\nB: {run_b}\n{found.text()}")


@main.command()
@click.argument("product")
@click.argument("file", type=SOURCE, required=False)
@click.option("--output", type=click.Path(path_type=Path), default=None,
              help="Picture to write, PNG or SVG; default: explanation-PRODUCT.png.")  # fmt: skip
@RUN
@lang_option
@workspace_option
def explain(
    product: str, file: Address | None, output: Path | None, run: Path | None, lang: str | None, workspace: Path
) -> None:
    """Why this shelf: the experts' pushes at every level for a PRODUCT (its _id, or a photo file).

    FILE is the catalogue that holds it; default: the training catalogue.
    """
    from catalog.lookup import named_product
    from catalog.workspace import Workspace
    from fusion.explanation import explain as run_explain

    wanted, catalog = named_product(product, Workspace(workspace), file)
    predictor = _predictor(run, workspace, lang=lang)
    learnt = catalog is not None and predictor.learnt_from(catalog)
    explanation = run_explain(predictor, wanted, learnt=learnt, name=product)
    output = output or Path(f"explanation-{Path(product).stem}.png")
    explanation.draw(output)
    say(str(explanation))
    if learnt:
        note("this product was learnt from: networks and text have seen its label")
    say(f"picture: {output}")


@contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C loses nothing that was committed: say so."""
    try:
        yield
    except KeyboardInterrupt:
        note("stopped; the same command continues where this one was")
        raise


def _predictor(run: Path | None, workspace: Path, precision: float | None = None, lang: str | None = None) -> Predictor:
    from catalog.run import Run
    from catalog.workspace import Workspace
    from fusion.predictor import Predictor

    room = Workspace(workspace)
    return Predictor(Run.load(run, "fusion") if run else room.require("fusion"), room, precision, lang)
