"""`ocr read | train | predict | evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    command_line,
    lang_option,
    note,
    note_problems,
    progress_bar,
    say,
    workspace_option,
)
from catalog.runs.config_options import config_options
from catalog.sources.address import Address

if TYPE_CHECKING:
    from ocr.cache import TranscriptCache
    from ocr.config import OcrConfig

PHOTO = click.option(
    "--photo-probabilities",
    type=PATH,
    help="The image branch's probabilities that route; default: what `mosaic predict FILE` saved.",
)


@command_line()
def main(verbose: bool) -> None:
    """Text branch: read what is printed on books and CDs.

    RapidOCR reads Latin letters, Chinese and Japanese characters; Tesseract (--set engine.name=tesseract) the languages
    that are installed for it (--set 'engine.languages=[deu]', Debian's package tesseract-ocr-deu).
    """


def _settings(config: str | None, overrides: tuple[str, ...]) -> OcrConfig:
    from catalog.runs.config import load_config
    from ocr.config import OcrConfig

    return load_config(OcrConfig, "ocr", config, overrides)


@main.command()
@click.argument("files", type=SOURCE, nargs=-1, required=True)
@click.option("--output", type=PATH, help="JSON lines, one per product.")
@config_options("ocr")
@workspace_option
def read(
    files: tuple[Address, ...], output: Path | None, config: str | None, overrides: tuple[str, ...], workspace: Path
) -> None:
    """Read every photo of a catalogue (words with confidence and box), or photos given as files."""
    from catalog.catalog import Catalog
    from catalog.product import ProblemLog
    from catalog.runs.workspace import Workspace
    from catalog.sources.photo_file import formats_text, photo_files
    from ocr.commands import failures_text, read_files, write_readings
    from ocr.engines.languages import what_is_read
    from ocr.loading import make_reader

    settings = _settings(config, overrides)
    reader = make_reader(settings, Workspace(workspace))
    note(what_is_read(settings.engine))
    photos = photo_files(files)
    if photos is not None:
        if output is not None:
            raise ValueError("--output is for a catalogue; what is read on photos is printed")
        for line in read_files(reader, photos):
            say(line)
        return
    if len(files) > 1 or output is None:
        raise ValueError(f"give one catalogue and --output LINES.jsonl, or photos ({formats_text()})")
    catalog, failed = Catalog(files[0]), ProblemLog()
    with progress_bar("read") as progress:
        n_read = write_readings(catalog, reader, output, failed, progress)
    note_problems(catalog.problems)
    if len(failed):
        note(failures_text(failed))
    say(f"{output}: {len(catalog)} products, text on {n_read}")


@main.command()
@click.argument("product")
@click.argument("file", type=SOURCE, required=False)
@click.option("--output", type=PATH, default=Path("read.png"), show_default=True)
@config_options("ocr")
@workspace_option
def show(
    product: str, file: Address | None, output: Path, config: str | None, overrides: tuple[str, ...], workspace: Path
) -> None:
    """Draw what is read on a PRODUCT (its _id, or a photo file), a box around every word, as a PNG.

    FILE is the catalogue that holds it; default: the training catalogue.
    """
    from catalog.runs.workspace import Workspace
    from ocr.commands import show as draw
    from ocr.commands import spoken
    from ocr.loading import make_reader

    room = Workspace(workspace)
    say(spoken(draw(make_reader(_settings(config, overrides), room), product, room, file, output)))
    say(f"picture: {output}  (green: at least 90 % sure)")


@main.group()
def cache() -> None:
    """The transcript cache of a workspace."""


@cache.command()
@config_options("ocr")
@workspace_option
def info(config: str | None, overrides: tuple[str, ...], workspace: Path) -> None:
    """What is kept, by engine settings; a star marks those of the configuration.

    Where several hosts share the workspace, each keeps a file of its own: those of all are shown.
    """
    from ocr.commands import cache_table

    kept, current = _cache(config, overrides, workspace)
    say(cache_table(kept, current))


@cache.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_options("ocr")
@workspace_option
def prune(yes: bool, config: str | None, overrides: tuple[str, ...], workspace: Path) -> None:
    """Forget what was read with other engine settings than the configuration's (--set names the ones to keep)."""
    from ocr.commands import left_alone

    kept, current = _cache(config, overrides, workspace)
    if not yes:
        n_others = sum(entry.photos for entry in kept.contents() if entry.settings != current)
        click.confirm(f"Forget {n_others} entries and keep only: {current}?", abort=True, err=True)
    say(f"{kept.path}: {kept.prune(current)} entries of other settings removed; kept: {current}")
    if others := left_alone(kept):
        note(others)


def _cache(config: str | None, overrides: tuple[str, ...], workspace: Path) -> tuple[TranscriptCache, str]:
    from catalog.runs.workspace import Workspace
    from ocr.loading import existing_cache

    return existing_cache(_settings(config, overrides), Workspace(workspace))


@main.command()
@config_options("ocr")
@workspace_option
def train(config: str | None, overrides: tuple[str, ...], workspace: Path) -> None:
    """Train the text model on the shelves named in the configuration, or chosen (--set shelves=auto)."""
    from catalog.metrics.summary import ALL, Summary
    from catalog.runs.saved_probabilities import held_out
    from catalog.runs.workspace import Workspace
    from ocr.details import OcrDetails
    from ocr.engines.languages import what_is_read
    from ocr.shelves.choose import choose_shelves, read_nothing
    from ocr.training import train as run_training

    room, settings = Workspace(workspace), _settings(config, overrides)
    photo = held_out(room)
    note(what_is_read(settings.engine))
    choice = None
    if settings.shelves == "auto":
        choice = choose_shelves(room, settings, photo, progress_bar, note)
        note_problems(choice.problems)
        say(choice.text())
        if not choice.chosen:
            say(read_nothing(room, choice))
            return
    run = run_training(room, settings, photo, progress_bar, choice)
    details = run.details_as(OcrDetails)
    note_problems(details.problems)
    encoders = ", ".join(details.encoders) or "none"
    read = f"text on {details.n_texts} of {details.n_products} products; sentence encoders: {encoders}"
    say(f"text: {run.folder}  ({read})")
    say(f"read from {details.route_threshold:g} of probability on the shelves")
    if run.metrics:
        summary = Summary.from_json(run.metrics[ALL])
        say(f"held out {summary.n} products of the shelves: leaf accuracy {summary.leaf.top1.value:.3f}")
    say(f"next: fusion train{room.option}")


@main.command()
@click.argument("file", type=SOURCE)
@PHOTO
@click.option("--output", type=PATH, help="File for the probabilities.")
@workspace_option
def predict(file: Address, photo_probabilities: Path | None, output: Path | None, workspace: Path) -> None:
    """Save the text branch's probabilities for a catalogue FILE, reading routed products only."""
    from catalog.product import ProblemLog
    from catalog.runs.saved_probabilities import predictions_folder, saved
    from catalog.runs.workspace import Workspace
    from ocr.commands import predict_catalog, silence_text

    room = Workspace(workspace)
    catalog = room.open(file)
    photo = saved(room, catalog, photo_probabilities)
    problems = ProblemLog()
    with progress_bar("read") as progress:
        text = predict_catalog(catalog, photo, room.require("ocr"), room, problems, progress)
    path = output or predictions_folder(room, catalog) / "text.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    text.save(path)
    note(silence_text(text))
    note_problems(problems)
    say(str(path))


@main.command()
@click.argument("file", type=SOURCE, required=False)
@PHOTO
@click.option("--labels", type=PATH, help="CSV of product_id,category_id (or category: a path or name).")
@click.option("--output", type=PATH, help="Folder for the report.")
@lang_option
@workspace_option
def evaluate(
    file: Address | None,
    photo_probabilities: Path | None,
    labels: Path | None,
    output: Path | None,
    lang: str | None,
    workspace: Path,
) -> None:
    """Report the text branch's accuracy on the shelves: on a labelled FILE, else on the held-out products."""
    from catalog.runs.saved_probabilities import saved
    from catalog.runs.workspace import Workspace
    from ocr.evaluation import evaluate as run_evaluation

    room = Workspace(workspace)
    photo = saved(room, room.open(file), photo_probabilities) if file else None
    with progress_bar("evaluate") as progress:
        text, page = run_evaluation(room, file, photo, labels, output, progress, lang)
    say(text)
    say(f"report: {page}")
