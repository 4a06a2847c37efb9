"""The `catalog` command line."""

from pathlib import Path

import click

from catalog.cli_options import (
    SOURCE,
    command_line,
    given_tree,
    note_problems,
    progress_bar,
    say,
    source_options,
    strict_option,
    tree_given,
    tree_option,
    tree_options,
)
from catalog.sources.address import Address
from curation.audit.commands import audit
from curation.convert_command import convert_command
from curation.diff.commands import diff
from curation.duplicates.commands import duplicates
from curation.explore.commands import explore
from curation.samples.commands import sample, subset
from curation.split_command import split


@command_line()
def main(verbose: bool) -> None:
    """Know a catalogue, clean it, convert it, cut it smaller, split it for training."""


@main.command()
@source_options("file")
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
        catalog.titles(progress)
    n_photos = int(catalog.n_images.sum(dtype="int64"))
    say(f"{catalog}: {plural(len(catalog), 'product')}, {plural(n_photos, 'photo')}")
    if strict:
        catalog.problems.require_none(str(catalog))
    note_problems(catalog.problems)
    say(f"next: catalog info {catalog.source.title}{tree_given(tree)}")


@main.command()
@source_options("file")
@click.argument("file", type=SOURCE)
@tree_options
@strict_option
def info(file: Address, tree: Path | None, names: Path | None, lang: str | None, strict: bool) -> None:
    """Count products, photos, categories and problems of a catalogue FILE."""
    from catalog.sources.opening import open_source, tree_for
    from curation.indexing import open_indexed
    from curation.info import overview
    from curation.split_tree import tree_shown

    tree = tree_for(file, tree)
    taxonomy = given_tree(tree, names, lang)
    with progress_bar("index") as progress:
        catalog = open_indexed(open_source(file, tree), progress)
        catalog.titles(progress)
    text, problems = overview(catalog, tree_shown(catalog, taxonomy))
    say(text)
    if strict:
        problems.require_none(str(catalog), told=True)


for command in (split, sample, subset, diff, convert_command, explore, duplicates, audit):
    main.add_command(command)
