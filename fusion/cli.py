"""`fusion train | experts | predict | evaluate | compare | explain | review`."""

from pathlib import Path

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    command_line,
    lang_option,
    note,
    progress_bar,
    say,
    source_options,
    workspace_option,
)
from catalog.runs.config_options import config_options
from catalog.sources.address import Address
from fusion.prediction.loading import PRECISION, RUN, chosen_run, load_predictor, require_files
from fusion.prediction.predict_command import predict
from fusion.review.commands import review


@command_line()
def main(verbose: bool) -> None:
    """Pool photo and text along the category tree: train, predict, evaluate, review."""


main.add_command(review)
main.add_command(predict)


@main.command()
@config_options("fusion")
@click.option("--with", "more", type=PATH, multiple=True, metavar="RUN",
              help="A mosaic run that speaks beside the latest ones, for instance of another backbone.")  # fmt: skip
@PRECISION
@workspace_option
def train(
    config: str | None, overrides: tuple[str, ...], more: tuple[Path, ...], precision: float | None, workspace: Path
) -> None:
    """Compare the heads on the held-out probabilities of the workspace's experts, and keep the best."""
    from catalog.metrics.evaluated_model import leaderboard
    from catalog.runs.config import load_config
    from catalog.runs.workspace import Workspace
    from fusion.config import FusionConfig
    from fusion.details import FusionDetails
    from fusion.training.train import train as run_training

    if precision is not None:
        overrides = (*overrides, f"target_precision={precision}")
    room = Workspace(workspace)
    settings = load_config(FusionConfig, "fusion", config, overrides)
    run, models, proof = run_training(room, settings, more, progress_bar, tell=say)
    say("held-out products (heads cross-fitted, every expert where it speaks), accuracy in percent:")
    say(leaderboard(models))
    details = run.details_as(FusionDetails)
    say(f"the head that decides: {details.head}, {details.why}")
    say(proof.text)
    say(f"fusion: {run.folder}")
    say(f"next: fusion predict TEST.bson{room.option}, or fusion evaluate LABELLED.bson{room.option}")


@main.command()
@click.option(
    "--with", "more", type=PATH, multiple=True, metavar="RUN", help="A mosaic run to look at beside the latest ones."
)
@workspace_option
def experts(more: tuple[Path, ...], workspace: Path) -> None:
    """List the experts: coverage, accuracy on held-out products, runs; and the networks that do not speak yet."""
    from catalog.runs.workspace import Workspace
    from fusion.training.expert_listing import list_experts

    say(list_experts(Workspace(workspace), more, progress_bar))


@main.command()
@source_options("file")
@click.argument("file", type=SOURCE)
@click.option("--labels", type=PATH, help="CSV of product_id,category_id (or category: a path or name).")
@click.option("--output", type=PATH, help="Folder for the report.")
@RUN
@lang_option
@workspace_option
def evaluate(
    file: Address, labels: Path | None, output: Path | None, run: Path | None, lang: str | None, workspace: Path
) -> None:
    """Report on a labelled catalogue FILE by image count and level: JSON and one HTML page."""
    from catalog.runs.workspace import Workspace

    require_files((file,))
    chosen = chosen_run(run, workspace)
    from fusion.evaluation.evaluate import evaluate as run_evaluation

    predictor = load_predictor(chosen, workspace, lang=lang)
    with progress_bar("evaluate") as progress:
        text, page = run_evaluation(predictor, Workspace(workspace), file, labels, output, progress)
    say(text)
    say(f"report: {page}")


@main.command()
@click.argument("run_a", type=PATH)
@click.argument("run_b", type=PATH)
@click.option("--on", "file", type=SOURCE, help="A labelled catalogue to compare on.")
@click.option("--labels", type=PATH, help="CSV of product_id,category_id (or category: a path or name).")
@workspace_option
def compare(run_a: Path, run_b: Path, file: Address | None, labels: Path | None, workspace: Path) -> None:
    """Say whether RUN_B is really better than RUN_A: on the products that both hold out, or on a labelled catalogue."""
    from catalog.runs.run import Run
    from catalog.runs.workspace import Workspace

    if labels is not None and file is None:
        raise ValueError("--labels belongs to a catalogue: give it with --on")
    require_files(() if file is None else (file,))
    a, b = Run.load(run_a, "fusion"), Run.load(run_b, "fusion")
    from fusion.evaluation.compare import compare_held_out, compare_on

    if file is None:
        comparison = compare_held_out(a, b)
    else:
        with progress_bar("compare") as progress:
            comparison = compare_on(a, b, Workspace(workspace), file, labels, progress)
    say(f"A: {run_a}\nB: {run_b}\n{comparison.text()}")


@main.command()
@click.argument("product")
@click.argument("file", type=SOURCE, required=False)
@click.option("--output", type=PATH, help="Picture to write, PNG or SVG; default: explanation-PRODUCT.png.")
@RUN
@lang_option
@workspace_option
def explain(
    product: str, file: Address | None, output: Path | None, run: Path | None, lang: str | None, workspace: Path
) -> None:
    """Why this shelf: the experts' pushes at every level for a PRODUCT (its _id, or a photo file).

    FILE is the catalogue that holds it; default: the training catalogue.
    """
    from catalog.runs.lookup import named_product
    from catalog.runs.workspace import Workspace

    chosen = chosen_run(run, workspace)
    wanted, catalog = named_product(product, Workspace(workspace), file)
    from fusion.prediction.explanation import explain as run_explain
    from fusion.prediction.explanation import picture_name

    predictor = load_predictor(chosen, workspace, lang=lang)
    in_training = catalog is not None and predictor.trained_on(catalog)
    explanation = run_explain(predictor, wanted, in_training=in_training, name=product)
    output = output or Path(picture_name(product, is_photo=catalog is None))
    explanation.draw(output)
    say(str(explanation))
    if in_training:
        note("this product was learnt from: networks and text have seen its label")
    say(f"picture: {output}")
