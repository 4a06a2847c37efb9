"""The `catalog` command line."""

from __future__ import annotations

from pathlib import Path

import click

from catalog.cli_options import (
    KINDS,
    SOURCE,
    PlainErrors,
    given_tree,
    lang_option,
    names_line,
    names_option,
    note,
    progress_bar,
    say,
    strict_option,
    tree_given,
    tree_option,
    verbose_option,
    workspace_option,
)
from catalog.sources.address import Address
from curation.audit.commands import audit
from curation.convert_command import convert_command
from curation.diff.commands import diff
from curation.duplicates.commands import duplicates
from curation.explore.commands import explore
from curation.samples.commands import overwrite_option, sample, subset


@click.group(cls=PlainErrors, context_settings={"help_option_names": ["-h", "--help"]}, epilog=KINDS)
@click.version_option(package_name="rayonnage")
@verbose_option
def main(verbose: bool) -> None:
    """Know a catalogue, clean it, convert it, cut it smaller, split it for training."""


@main.command()
@click.argument("file", type=SOURCE)
@tree_option
@strict_option
def index(file: Address, tree: Path | None, strict: bool) -> None:
    """Look through FILE once, on all cores: where its products lie, what is wrong, its photos' MD5s.

    Every command does this by itself where it is needed; done beforehand, they start at once.
    """
    from catalog.files.wording import plural
    from catalog.sources.opening import open_source
    from curation.indexing import open_indexed

    with progress_bar("index") as progress:
        catalog = open_indexed(open_source(file, tree), progress)
    n_photos = int(catalog.n_images.sum(dtype="int64"))
    say(f"{catalog}: {plural(len(catalog), 'product')}, {plural(n_photos, 'photo')}")
    if strict:
        catalog.problems.require_none(str(catalog))
    elif len(catalog.problems):
        note(catalog.problems.summary())
    say(f"next: catalog info {catalog.source.title}{tree_given(tree)}")


@main.command()
@click.argument("file", type=SOURCE)
@tree_option
@names_option
@lang_option
@strict_option
def info(file: Address, tree: Path | None, names: Path | None, lang: str | None, strict: bool) -> None:
    """Count products, photos, categories and problems of a catalogue FILE."""
    from catalog.sources.opening import open_source, tree_for
    from curation.indexing import open_indexed
    from curation.info import overview

    tree = tree_for(file, tree)
    taxonomy = given_tree(tree, names, lang)
    with progress_bar("index") as progress:
        catalog = open_indexed(open_source(file, tree), progress)
    text, problems = overview(catalog, taxonomy)
    say(text)
    if strict:
        problems.require_none(str(catalog), told=True)


@main.command()
@click.argument("file", type=SOURCE)
@tree_option
@names_option
@click.option("--folds", type=click.IntRange(2, 100), default=None, help="Hold out every one of K parts in turn.")
@click.option("--held-out", type=click.FloatRange(0.01, 0.5), default=None,
              help="Held-out share; not with --folds.  [default: 0.2]")  # fmt: skip
@click.option("--max-copies", type=click.IntRange(1), default=20, show_default=True,
              help="A photo with more copies than this does not keep its products together.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--parts", type=click.Path(path_type=Path), default=None, metavar="FOLDER",
              help="Also write the parts as BSON files: train.bson and held_out.bson, or fold-0.bson ...")  # fmt: skip
@overwrite_option
@workspace_option
@strict_option
def split(
    file: Address,
    tree: Path | None,
    names: Path | None,
    folds: int | None,
    held_out: float | None,
    max_copies: int,
    seed: int,
    parts: Path | None,
    overwrite: bool,
    workspace: Path,
    strict: bool,
) -> None:
    """Write the plan: which products of the labelled catalogue FILE are held out when."""
    from catalog.runs.workspace import Workspace
    from catalog.sources.opening import open_source, tree_for
    from catalog.split.plan import Mode, make_plan, parts_to_make
    from catalog.tree.taxonomy import Taxonomy
    from curation.indexing import open_indexed
    from curation.samples.parts import check_folder, write_parts

    tree = tree_for(file, tree)
    if tree is None:
        raise click.UsageError("give the category tree: --tree TREE.csv")
    taxonomy = Taxonomy.from_csv(tree, names)
    mode: Mode = "kfold" if folds else "heldout"
    n_parts = parts_to_make(folds, held_out)
    with progress_bar("split") as progress:
        catalog = open_indexed(open_source(file, tree), progress)
        if parts is not None:
            check_folder(catalog, parts, mode, n_parts, overwrite)
        plan, log = make_plan(
            catalog,
            taxonomy,
            mode=mode,
            n_parts=n_parts,
            max_copies=max_copies,
            seed=seed,
            progress=progress,
        )
    log.merge(catalog.problems)
    if strict:
        log.require_none(str(catalog))
    room = Workspace(workspace)
    forgotten = room.save_plan(plan, taxonomy)
    sizes = [len(plan.held_out_positions(part)) for part in plan.held_out_parts]
    say(f"plan {plan.plan_id}: {len(plan.positions)} products, held out {', '.join(map(str, sizes))}")
    say(f"largest linked group {plan.largest_component:.1%}; photo too common to link: {plan.n_unlinked} products")
    if names is not None:
        say(names_line(taxonomy))
    if len(log):
        note(log.summary())
    if parts is not None:
        with progress_bar("parts") as progress:
            say(str(write_parts(catalog, plan, taxonomy, parts, progress)))
    if forgotten:
        note(
            f"{forgotten} runs of the plan before stay in {workspace}, but are no longer the latest: they predict with "
            "--run FOLDER until new ones are trained (another --workspace keeps both)"
        )
    say(f"next: mosaic train{room.option}")


for command in (sample, subset, diff, convert_command, explore, duplicates, audit):
    main.add_command(command)
