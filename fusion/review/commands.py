"""`fusion review apply | list | undo | redo | export | none`."""

from pathlib import Path

import click

from catalog.cli_options import PATH, SOURCE, note, progress_bar, say, workspace_option
from catalog.sources.address import Address


@click.group()
def review() -> None:
    """Take reviewers' answers back as labels for the next training."""


@review.command()
@click.argument("files", type=PATH, nargs=-1, required=True)
@click.option(
    "--predictions", type=PATH, help="Folder of the predictions that were reviewed; default: the files' folder."
)
@click.option("--run", type=PATH, help="The run that predicted; default: the workspace's.")
@click.option("--reviewer", help="Who answered; default: the user's name.")
@click.option("--copies", is_flag=True, help="Answers also hold for unanswered products with the same photos.")
@workspace_option
def apply(
    files: tuple[Path, ...], predictions: Path | None, run: Path | None,
    reviewer: str | None, copies: bool, workspace: Path,
) -> None:  # fmt: skip
    """Take filled review.csv and audit.csv FILES into the journal: a category corrects, `ok` confirms.

    A category is its category_id, its path, or a name that no other category has.
    """
    from catalog.runs.workspace import Workspace
    from fusion.review.journal import apply_files

    room = Workspace(workspace)
    entry = apply_files(room, files, predictions, run, reviewer, copies=copies)
    say(entry.summary())
    say(f"next: fusion review export --catalog TEST.bson --train TRAIN.bson --output NEXT.bson{room.option}")


@review.command("list")
@workspace_option
def show(workspace: Path) -> None:
    """Every review of the workspace, the oldest first."""
    from catalog.runs.workspace import Workspace
    from fusion.review.entry import table_text
    from fusion.review.journal import Journal

    say(table_text(Journal(Workspace(workspace)).entries()))


@review.command()
@click.argument("number", type=int, required=False)
@workspace_option
def undo(number: int | None, workspace: Path) -> None:
    """Let the answers of review NUMBER (default: the last active one) count no more."""
    from catalog.runs.workspace import Workspace
    from fusion.review.journal import Journal

    room = Workspace(workspace)
    entry = Journal(room).undo(number)
    say(f"review {entry.number} is undone; `fusion review redo {entry.number}{room.option}` brings it back")


@review.command()
@click.argument("number", type=int)
@workspace_option
def redo(number: int, workspace: Path) -> None:
    """Let the answers of an undone review NUMBER count again."""
    from catalog.runs.workspace import Workspace
    from fusion.review.journal import Journal

    say(f"review {Journal(Workspace(workspace)).redo(number).number} is active again")


@review.command()
@click.option("--catalog", "catalogs", type=SOURCE, multiple=True, required=True,
              help="The catalogue that was predicted; give it again for more.")  # fmt: skip
@click.option("--train", type=SOURCE, help="The training catalogue to extend.")
@click.option("--output", type=PATH, required=True, help="The BSON file to write.")
@workspace_option
def export(catalogs: tuple[Address, ...], train: Address | None, output: Path, workspace: Path) -> None:
    """Write a BSON file for the next training: training documents and reviewed products with the labels given."""
    from catalog.runs.workspace import Workspace
    from catalog.tree.small_leaves import min_leaf_option
    from fusion.review.journal import Journal
    from fusion.review.relabel import export as run_export

    room = Workspace(workspace)
    with progress_bar("index") as progress:
        opened = [room.open(path, progress) for path in catalogs]
        training = room.open(train, progress) if train is not None else None
    with progress_bar("export") as progress:
        exported = run_export(Journal(room), opened, training, output, progress)
    for warning in exported.warnings():
        note(warning)
    say(exported.summary())
    tree = workspace / "tree.csv"
    of_leaves = min_leaf_option(room.taxonomy().small) if tree.is_file() else ""
    by_tree = f" --tree {tree if tree.is_file() else 'TREE.csv'}"
    say(f"next: {room.learn_again(output, by_tree, of_leaves)}")


@review.command()
@click.option("--output", type=PATH, required=True, help="The CSV to write.")
@workspace_option
def none(output: Path, workspace: Path) -> None:
    """Write a CSV of products that reviewers gave no category: none of these, and why, or the parent alone."""
    from catalog.runs.workspace import Workspace
    from fusion.review.journal import Journal
    from fusion.review.without_label import write_without_label

    products = Journal(Workspace(workspace)).without_label()
    write_without_label(output, products)
    say(f"{output}: {len(products)} products without a category")
