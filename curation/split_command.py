"""`catalog split`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    names_line,
    names_option,
    note,
    note_problems,
    progress_bar,
    say,
    source_options,
    strict_option,
    tree_given,
    tree_option,
    workspace_option,
)
from catalog.files.wording import plural
from catalog.sources.address import Address
from curation.duplicates.commands import DISTANCE
from curation.samples.commands import overwrite_option

if TYPE_CHECKING:
    from catalog.split.plan import Plan

FOLDS = 5
"""Parts that are advised where one held-out part is too little."""
NOTHING = "nothing is held out"


@click.command()
@source_options("file")
@click.argument("file", type=SOURCE)
@tree_option
@names_option
@click.option("--folds", type=click.IntRange(2, 100), default=None, help="Hold out every one of K parts in turn.")
@click.option("--held-out", type=click.FloatRange(0.01, 0.5), default=None,
              help="Held-out share; not with --folds.  [default: 0.2]")  # fmt: skip
@click.option("--min-leaf", type=click.IntRange(2), default=None, metavar="N",
              help="Categories of fewer than N products count as the one above them until they have more.")  # fmt: skip
@click.option("--level-names", metavar="NAME,NAME,...", default=None,
              help="What the tree's levels are called, the highest first: Department,Aisle,Shelf.  [default: Cat I, "
              "Cat II, ...]")  # fmt: skip
@click.option("--max-copies", type=click.IntRange(1), default=20, show_default=True,
              help="A photo with more copies than this does not keep its products together.")  # fmt: skip
@click.option("--group", "column", metavar="COLUMN", default=None,
              help="Keep products of equal COLUMN together (supplier, article): a column of the table, a field of the "
              "documents, or of --groups.")  # fmt: skip
@click.option("--groups", type=PATH, metavar="FILE", default=None,
              help="CSV of product_id and group (or COLUMN): for any kind of catalogue.")  # fmt: skip
@click.option("--no-titles", is_flag=True, help="Do not keep products of one title together, where no group is given.")
@click.option("--near", is_flag=True, help="Decode the photos and keep near copies together, too.")
@click.option("--distance", type=click.IntRange(0, 10), default=DISTANCE, show_default=True,
              help="Bits of 64 in which the hashes of near copies may differ.")  # fmt: skip
@click.option(
    "--near-embeddings",
    type=PATH,
    metavar="FOLDER",
    default=None,
    help="Keep products together whose photos are as close as those of one scene: vectors of `mosaic embed --photos "
    "--backbone`.",
)
@click.option("--cosine", type=click.FloatRange(0.5, 1), default=0.9, show_default=True,
              help="From which vectors of --near-embeddings are close.")  # fmt: skip
@click.option("--max-group", type=click.IntRange(2), default=50, show_default=True,
              help="Near copies and close vectors keep no more products together than this.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--parts", type=PATH, default=None, metavar="FOLDER",
              help="Also write the parts as BSON files: train.bson and held_out.bson, or fold-0.bson ...")  # fmt: skip
@overwrite_option
@workspace_option
@strict_option
def split(
    file: Address, tree: Path | None, names: Path | None, folds: int | None, held_out: float | None,
    min_leaf: int | None, level_names: str | None, max_copies: int, column: str | None, groups: Path | None,
    no_titles: bool, near: bool, distance: int, near_embeddings: Path | None, cosine: float, max_group: int, seed: int,
    parts: Path | None, overwrite: bool, workspace: Path, strict: bool,
) -> None:  # fmt: skip
    """Write the plan: which products of the labelled catalogue FILE are held out when.

    Without --tree the labels are the tree: a column of paths, or the folders that products lie in.
    """
    from catalog.runs.workspace import Workspace
    from catalog.sources.opening import open_source, tree_for
    from catalog.split.plan import Mode, make_plan, parts_to_make
    from catalog.tree.taxonomy import Taxonomy
    from curation.belonging import Belonging, linked_lines
    from curation.indexing import open_indexed
    from curation.samples.parts import check_folder, write_parts
    from curation.split_tree import tree_of_labels, without_small_leaves

    tree = tree_for(file, tree)
    taxonomy = None if tree is None else Taxonomy.from_csv(tree, names).whole()
    said: list[str] = []
    mode: Mode = "kfold" if folds else "heldout"
    n_parts = parts_to_make(folds, held_out)
    bits = distance if near else None
    belonging = Belonging(bits, max_group, column, groups, not no_titles, near_embeddings, cosine)
    with progress_bar("split") as progress:
        catalog = open_indexed(open_source(file, tree), progress)
        if parts is not None:
            # before the work: what is in the way is told at once
            check_folder(catalog, parts, mode, n_parts, overwrite)
        if taxonomy is None:
            taxonomy, of_labels = tree_of_labels(catalog, names)
            said.append(of_labels)
        if level_names is not None:
            taxonomy = taxonomy.with_level_names([name.strip() for name in level_names.split(",")])
        if min_leaf is not None:
            taxonomy, of_small = without_small_leaves(catalog, taxonomy, min_leaf)
            said.append(of_small)
        together, told, unreadable = belonging.find(catalog, taxonomy, max_copies, progress)
        plan, problems = make_plan(
            catalog, taxonomy, mode=mode, n_parts=n_parts, max_copies=max_copies, seed=seed, together=together,
            progress=progress,
        )  # fmt: skip
    problems.merge(catalog.problems)
    problems.merge(unreadable)
    if strict:
        problems.require_none(str(catalog))
    room = Workspace(workspace)
    n_forgotten = room.save_plan(plan, taxonomy)
    # the same plan of an earlier version keeps the name by which its runs know it
    plan = room.plan()
    say("\n".join([*said, _summary(plan), *told, *linked_lines(plan)]))
    if names is not None:
        say(names_line(taxonomy))
    note_problems(problems)
    if parts is not None:
        with progress_bar("parts") as progress:
            say(str(write_parts(catalog, plan, taxonomy, parts, progress)))
    of_leaves = "" if min_leaf is None else f" --min-leaf {min_leaf}"
    of_leaves += "" if level_names is None else f" --level-names {shlex.quote(level_names)}"
    by_folds = (
        f"catalog split {file}{tree_given(tree)}{of_leaves} --folds {_folds_for(plan)}{belonging.options}{room.option}"
    )
    advice = _held_out_advice(plan, plan.n_never_held_out(catalog.leaves(taxonomy)), by_folds)
    if advice:
        note(advice)
    if n_forgotten:
        note(
            f"{n_forgotten} runs of the plan before stay in {workspace}, but are no longer the latest: they predict "
            "with --run FOLDER until new ones are trained (another --workspace keeps both)"
        )
    say(f"next: {by_folds if advice.startswith(NOTHING) else f'mosaic train{room.option}'}")


def _held_out_advice(plan: Plan, n_categories: int, by_folds: str) -> str:
    """What is to be known of categories of which nothing is held out, empty where there are none.

    `by_folds`: the command that holds out everything, with all that was asked for.
    """
    if not n_categories:
        return ""
    together, what = ("share photos", "product") if plan.linked_by is None else ("stay together", "product or group")
    way_out = f"`{by_folds}` holds out every product in turn, for as many trainings"
    if not sum(len(plan.held_out_positions(part)) for part in plan.held_out_parts):
        return (
            f"{NOTHING}: every category has a single product, or products that {together}, and that is learnt from. "
            f"Without held-out products nothing can be measured, and nothing is ever sure enough: {way_out}"
        )
    return (
        f"of {plural(n_categories, 'category', 'categories')} nothing is held out: a category's only {what} is learnt "
        f"from, so what is measured is about the others. {way_out}"
    )


def _folds_for(plan: Plan) -> int:
    """As many as are advised, or as few as so few products allow."""
    return max(2, min(FOLDS, len(plan.positions) // 2))


def _summary(plan: Plan) -> str:
    sizes = ", ".join(str(len(plan.held_out_positions(part))) for part in plan.held_out_parts)
    return (
        f"plan {plan.plan_id}: {len(plan.positions)} products, held out {sizes}\n"
        f"largest linked group {plan.largest_component:.1%}; photo too common to link: {plan.n_unlinked} products"
    )
