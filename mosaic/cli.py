"""`mosaic train | predict | evaluate | export | embed`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    command_line,
    lang_option,
    no_bar,
    note,
    note_problems,
    progress_bar,
    say,
    source_options,
    strict_option,
    workspace_option,
)
from catalog.runs.config_options import config_options
from catalog.sources.address import Address

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.files.progress import Progress
    from catalog.product import ProblemLog
    from catalog.runs.workspace import Workspace

    Writer = Callable[[Catalog, Workspace, Path | None, Progress], tuple[list[Path], ProblemLog]]

N_IMAGES = click.Choice(["any", "1", "2", "3", "4"])
FOR_A_GPU = (
    "the defaults are for two CPU cores (photos_per_batch 32): on a GPU take a recipe, such as "
    "--config cdiscount/modern-convnext-tiny"
)


@command_line()
def main(verbose: bool) -> None:
    """Image branch: 1-4 photos side by side, one network per image count."""


@main.command()
@click.option("--n-images", type=N_IMAGES,
              help="The general network (any) or the specialist of one image count; default: all of them, general "
              "first.")  # fmt: skip
@click.option("--rank", "position", type=click.Choice(["first", "rest", "any", "1", "2", "3", "4"]),
              help="A network that sees one photo per pass: the first, the others, each, or the one of this "
              "number.")  # fmt: skip
@click.option("--objective", type=click.Choice(["category", "match"]), default="category", show_default=True,
              help="What is learnt: the category, or vectors by which photos of one product find each other (for "
              "rayonnage search), from the products that have several photos or share one.")  # fmt: skip
@click.option("--init-from", metavar="RUN|none",
              help="Start from this run's networks; default: a specialist starts from the workspace's general "
              "network.")  # fmt: skip
@click.option("--resume", is_flag=True,
              help="Go on with what was killed; what is finished is not trained again. On a GPU the last bits of the "
              "weights may differ from those of a training without a halt, see the setting deterministic.")  # fmt: skip
@click.option(
    "--devices", type=click.IntRange(1), default=1, help="GPUs (or CPU processes) of this machine; torchrun works too."
)
@config_options("mosaic")
@workspace_option
def train(
    n_images: str | None, position: str | None, objective: Literal["category", "match"], init_from: str | None,
    resume: bool, devices: int, config: str | None, overrides: tuple[str, ...], workspace: Path,
) -> None:  # fmt: skip
    """Train networks under the workspace's plan and save their held-out probabilities."""
    from catalog.runs.config import load_config
    from catalog.runs.workspace import Workspace
    from mosaic.config import MosaicConfig
    from mosaic.next_step import after_matching, after_training
    from mosaic.training import distributed

    if objective == "match" and (n_images or position):
        raise click.UsageError(
            "--objective match trains one network, of single photos: leave --n-images and --rank out"
        )
    settings = load_config(MosaicConfig, "mosaic", config, overrides)
    room = Workspace(workspace)
    room.plan()
    if devices > 1 and distributed.world_size() == 1:
        distributed.launch(devices)
    # 4 s of imports that the process which only starts the others is spared
    from mosaic.networks.device import best_device
    from mosaic.training.schedule import match_line, train_series

    if config is None and distributed.is_main() and best_device().type == "cuda":
        note(FOR_A_GPU)
    bar = progress_bar if distributed.is_main() else no_bar
    if objective == "match":
        lines = iter([match_line(room, settings, bar, init_from=init_from, resume=resume, tell=note)])
    else:
        lines = train_series(
            room, settings, bar,
            n_images=n_images, position=position or "", init_from=init_from, resume=resume, tell=note,
        )  # fmt: skip
    for line in lines:
        if distributed.is_main():
            say(line)
    distributed.leave()
    if distributed.is_main():
        say(f"next: {after_matching(room) if objective == 'match' else after_training(room, config)}")


@main.command()
@source_options("file")
@click.argument("file", type=SOURCE)
@click.option("--output", type=PATH, help="Folder for the probabilities.")
@workspace_option
@strict_option
def predict(file: Address, output: Path | None, workspace: Path, strict: bool) -> None:
    """Save the image branch's probabilities for a catalogue FILE."""
    from catalog.runs.workspace import Workspace
    from mosaic.inference.predict import predict_catalog
    from mosaic.next_step import after_prediction

    room = Workspace(workspace)
    catalog = _write("predict", predict_catalog, file, room, output, strict=strict)
    say(f"next: {after_prediction(room, str(catalog))}")


def _write(title: str, write: Writer, file: Address, room: Workspace, output: Path | None, *, strict: bool) -> Catalog:
    """Write what the networks say of a catalogue, name the files and what was wrong with single products."""
    with progress_bar("index") as progress:
        catalog = room.open(file, progress)
    with progress_bar(title) as progress:
        paths, problems = write(catalog, room, output, progress)
    for path in paths:
        say(str(path))
    note_problems(problems)
    if strict:
        problems.require_none(str(catalog), told=True)
    return catalog


@main.command()
@source_options("file")
@click.argument("file", type=SOURCE, required=False)
@click.option("--labels", type=PATH, help="CSV of product_id,category_id (or category: a path or name).")
@click.option("--output", type=PATH, help="Folder for the report.")
@lang_option
@workspace_option
def evaluate(file: Address | None, labels: Path | None, output: Path | None, lang: str | None, workspace: Path) -> None:
    """Report accuracy by image count and level: on a labelled FILE, else on the held-out products."""
    from catalog.runs.workspace import Workspace
    from mosaic.evaluation import evaluate as run_evaluation

    with progress_bar("evaluate") as progress:
        text, page = run_evaluation(Workspace(workspace), file, labels, output, progress, lang)
    say(text)
    say(f"report: {page}")


@main.command()
@click.option("--format", "form", type=click.Choice(["onnx", "openvino"]), required=True,
              help="ONNX, or OpenVINO's .xml and .bin.")  # fmt: skip
@click.option("--n-images", type=N_IMAGES, default="any", show_default=True, help="Which network.")
@click.option("--output", type=PATH, help="Folder; default: the run's.")
@workspace_option
def export(form: Literal["onnx", "openvino"], n_images: str, output: Path | None, workspace: Path) -> None:
    """Write the latest network as a file for other programs; refused unless it predicts the same."""
    from catalog.runs.workspace import Workspace
    from mosaic.training.export import export_run

    exported = export_run(Workspace(workspace), n_images, form, output)
    for path in exported.files:
        say(str(path))
    say(
        f"checked on {exported.parity.mosaics} mosaics: same likeliest leaf for {exported.parity.agreement:.1%}, "
        f"largest relative error {exported.parity.error:.2g}"
    )


@main.command()
@click.argument("file", type=SOURCE)
@click.option("--output", type=PATH, help="Folder for the vectors.")
@click.option("--photos", is_flag=True, help="A row for each photo, by the network that photos are searched by.")
@click.option("--backbone", is_flag=True, help="By the network before any training: no run is needed.")
@workspace_option
@strict_option
def embed(file: Address, output: Path | None, photos: bool, backbone: bool, workspace: Path, strict: bool) -> None:
    """Write one vector per product of a catalogue FILE into a folder, which says what they are of.

    The same command goes on with what was killed.
    """
    from catalog.runs.workspace import Workspace
    from mosaic.inference.embedding import write_vectors

    per: Literal["photo", "product"] = "photo" if photos else "product"
    write = partial(write_vectors, per=per, backbone=backbone)
    _write("embed", write, file, Workspace(workspace), output, strict=strict)
