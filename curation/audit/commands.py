"""`catalog audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    TREE_HELP,
    given_tree,
    lang_option,
    names_option,
    note,
    progress_bar,
    say,
    source_options,
    tree_given,
    workspace_option,
)
from catalog.sources.address import Address, shown

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.runs.workspace import Workspace
    from catalog.tree.taxonomy import Taxonomy


@click.command()
@source_options("file")
@click.argument("file", type=SOURCE)
@click.option("--tree", type=PATH, help=f"{TREE_HELP} Default: the workspace's.")
@names_option
@lang_option
@click.option("--probabilities", type=PATH, help="Held-out probabilities to audit with: a file, or a run's folder.")
@click.option("--run", type=PATH, help="Run folder with held-out probabilities; default: the workspace's best.")
@click.option("--truth", type=PATH, help="CSV of true categories (product_id,category_id) to measure against.")
@click.option("--output", type=PATH, required=True, help="Folder to write; with --apply, the BSON file.")
@click.option("--order", type=click.Choice(["tree", "leaves"]), default="tree", show_default=True,
              help="tree: far mistakes in the tree first; leaves: most wrong labels first, near or far.")  # fmt: skip
@click.option("--by", type=click.Choice(["both", "run", "titles"]), default="both", show_default=True,
              help="run: what networks say of held-out products; titles: what each product's title says, by the titles "
              "and labels of others, which takes no network; both: as far as there are any.")  # fmt: skip
@click.option("--rows", type=click.IntRange(1), default=100_000, show_default=True, help="Suspects in the sheet.")
@click.option(
    "--overwrite", is_flag=True, help="Replace a suspects.csv that somebody has filled; with --apply, the BSON file."
)
@click.option("--apply", "sheet", type=PATH, help="Write a corrected copy of FILE from a filled suspects.csv instead.")
@workspace_option
def audit(
    file: Address, tree: Path | None, names: Path | None, lang: str | None,
    probabilities: Path | None, run: Path | None, truth: Path | None, output: Path, order: str, by: str, rows: int,
    overwrite: bool, sheet: Path | None, workspace: Path,
) -> None:  # fmt: skip
    """Find likely wrong labels of the catalogue FILE, or correct them."""
    from catalog.catalog import Catalog
    from catalog.runs.workspace import Workspace
    from catalog.sources.opening import open_source

    if probabilities is not None and run is not None:
        raise click.UsageError("--probabilities and --run both name what to audit with: give one of them")
    if by == "titles" and (run or probabilities):
        raise click.UsageError("--by titles asks no network: leave out --run and --probabilities")
    with progress_bar("index") as progress:
        catalog = Catalog(open_source(file, _tree_file(tree, workspace, run)), progress)
    if sheet is not None:
        _correct(catalog, sheet, output, tree, names, lang, workspace, overwrite=overwrite)
        return
    from curation.audit.audit import PAGE, SHEET, AuditOptions, run_audit
    from curation.audit.evidence_source import By
    from curation.audit.suspects import Order
    from curation.split_tree import tree_of_labels, tree_shown

    room = Workspace(workspace)
    taxonomy = None
    if tree is None and run is None and probabilities is None:
        try:
            # before the tree is missed: it comes with the plan
            room.plan()
        except FileNotFoundError:
            # titles need none, and labels that are texts may be the tree
            taxonomy = None if by == "run" else tree_shown(catalog, None)
            if taxonomy is None and by == "titles":
                # says why labels make none
                taxonomy, _ = tree_of_labels(catalog)
            if taxonomy is None:
                raise
    taxonomy = taxonomy or _tree(tree, names, lang, room, run)
    options = AuditOptions(run, probabilities, truth, Order(order), rows, overwrite, By(by))
    with progress_bar("photos") as progress:
        done = run_audit(catalog, taxonomy, room, output, options, progress)
    for warning in done.evidence.warnings:
        note(f"warning: {warning}")
    say(done.summary())
    say(f"page: {output / PAGE}")
    # answers may be names, in the language of the sheet
    shown_names = "".join(f" {option} {value}" for option, value in (("--names", names), ("--lang", lang)) if value)
    apply = f"--apply {output / SHEET} --output CORRECTED.bson{tree_given(tree)}{shown_names}{room.option}"
    say(f"next: fill corrected_category_id, then catalog audit {shown(file)} {apply}")


def _tree(tree: Path | None, names: Path | None, lang: str | None, workspace: Workspace, run: Path | None) -> Taxonomy:
    """The tree given, else the run's, else the workspace's."""
    from catalog.runs.run import Run

    # --lang alone asks for names of the workspace's tree
    if (tree is not None or names is not None) and (given := given_tree(tree, names, lang)) is not None:
        return given
    return workspace.taxonomy(lang) if run is None else Run.load(run).taxonomy(lang)


def _tree_file(tree: Path | None, workspace: Path, run: Path | None) -> Path | None:
    """The same tree as a file, which names the categories of a folder of photos."""
    kept = workspace / "tree.csv" if run is None else run / "taxonomy.csv"
    return tree or (kept if kept.is_file() else None)


def _correct(
    catalog: Catalog, sheet: Path, output: Path, tree: Path | None, names: Path | None, lang: str | None,
    workspace: Path, *, overwrite: bool,
) -> None:  # fmt: skip
    from catalog.runs.workspace import Workspace
    from catalog.tree.small_leaves import min_leaf_option
    from catalog.tree.taxonomy import Taxonomy
    from curation.audit.correct import correct
    from curation.split_tree import tree_shown

    known = _tree_file(tree, workspace, None)
    with progress_bar("write") as progress:
        # the workspace's tree has its names beside it
        if known is not None and tree is None and names is None:
            taxonomy: Taxonomy | None = Taxonomy.load(known, lang)
        else:
            taxonomy = tree_shown(catalog, given_tree(known, names, lang))
        corrected = correct(catalog, sheet, output, taxonomy, progress, overwrite=overwrite)
    if len(corrected.left_behind):
        note(f"left out of {catalog}:\n{corrected.left_behind.summary()}")
    say(corrected.summary())
    # labels that are texts make a tree of their own
    with_tree = tree_given(known) if known is not None or taxonomy is not None else " --tree TREE.csv"
    of_leaves = "" if taxonomy is None else min_leaf_option(taxonomy.small)
    say(f"next: {Workspace(workspace).learn_again(output, with_tree, of_leaves)}")
