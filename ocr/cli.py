"""`ocr read | train | predict | evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from catalog.command import (
    PlainErrors,
    config_options,
    note,
    progress_bar,
    say,
    verbose_option,
    workspace_option,
)

PHOTO = click.option(
    "--photo-probabilities",
    type=click.Path(path_type=Path),
    default=None,
    help="The image branch's probabilities that route; default: what `mosaic predict FILE` saved.",
)


@click.group(cls=PlainErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rayonnage")
@verbose_option
def main(verbose: bool) -> None:
    """Text branch: read what is printed on books and CDs."""


@main.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON lines, one per product.")
@config_options
@workspace_option
def read(
    files: tuple[Path, ...], output: Path | None, config: str | None, overrides: tuple[str, ...], workspace: Path
) -> None:
    """Read every photo of a BSON file (words with confidence and box), or photos given as files."""
    from catalog.catalog import Catalog
    from catalog.config import load_config
    from catalog.photo_file import is_photo
    from catalog.workspace import Workspace
    from ocr.commands import read_files, write_readings
    from ocr.config import OcrConfig
    from ocr.training import make_reader

    reader = make_reader(load_config(OcrConfig, "ocr", config, overrides), Workspace(workspace))
    if all(is_photo(file) for file in files):
        for line in read_files(reader, list(files)):
            say(line)
        return
    if len(files) > 1 or output is None:
        raise ValueError("give one BSON file and --output LINES.jsonl, or photos")
    with progress_bar("read") as progress:
        n_products, n_read = write_readings(Catalog(files[0]), reader, output, progress)
    say(f"{output}: {n_products} products, text on {n_read}")


@main.command()
@config_options
@workspace_option
def train(config: str | None, overrides: tuple[str, ...], workspace: Path) -> None:
    """Train the text model on the shelves named in the configuration."""
    from catalog.config import load_config
    from catalog.photo_branch import held_out
    from catalog.workspace import Workspace
    from ocr.config import OcrConfig
    from ocr.training import train as run_training

    room = Workspace(workspace)
    settings = load_config(OcrConfig, "ocr", config, overrides)
    run = run_training(room, settings, held_out(room), progress_bar)
    say(f"text: {run.folder}  ({run.details['n_texts']} texts)")
    if run.metrics:
        top1 = run.metrics["all"]["levels"]["3"]["top1"]
        say(f"held out {run.metrics['all']['n']} products of the shelves: leaf accuracy {top1:.3f}")
    say("next: fusion train")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@PHOTO
@click.option("--output", type=click.Path(path_type=Path), default=None, help="File for the probabilities.")
@workspace_option
def predict(file: Path, photo_probabilities: Path | None, output: Path | None, workspace: Path) -> None:
    """Save the text branch's probabilities for a BSON FILE, reading routed products only."""
    from catalog.catalog import Catalog
    from catalog.photo_branch import predictions_folder, saved
    from catalog.workspace import Workspace
    from ocr.commands import predict_catalog

    room, catalog = Workspace(workspace), Catalog(file)
    photo = saved(room, catalog, photo_probabilities)
    with progress_bar("read") as progress:
        found = predict_catalog(catalog, photo, room.require("ocr"), room, progress)
    path = output or predictions_folder(room, catalog) / "text.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save(path)
    note(f"{int(found.speaks.sum())} of {len(found)} products speak")
    say(str(path))


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@PHOTO
@click.option("--labels", type=click.Path(path_type=Path), default=None, help="CSV of product_id,category_id.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Folder for the report.")
@workspace_option
def evaluate(
    file: Path | None, photo_probabilities: Path | None, labels: Path | None, output: Path | None, workspace: Path
) -> None:
    """Report the text branch's accuracy on the shelves: on a labelled FILE, else on the held-out products."""
    from catalog.catalog import Catalog
    from catalog.photo_branch import saved
    from catalog.workspace import Workspace
    from ocr.commands import evaluate as run_evaluation

    room = Workspace(workspace)
    photo = saved(room, Catalog(file), photo_probabilities) if file else None
    with progress_bar("evaluate") as progress:
        text, page = run_evaluation(room, file, photo, labels, output, progress)
    say(text)
    say(f"report: {page}")
