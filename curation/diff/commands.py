"""`catalog diff`."""

from pathlib import Path

import click

from catalog.cli_options import (
    PATH,
    SOURCE,
    given_tree,
    lang_option,
    names_option,
    progress_bar,
    say,
    source_options,
    tree_option,
)
from catalog.sources.address import Address


@click.command()
@source_options("old", "new")
@click.argument("old", type=SOURCE)
@click.argument("new", type=SOURCE)
@tree_option
@click.option("--new-tree", type=PATH, help="Tree of NEW where it is another one.")
@names_option
@lang_option
@click.option(
    "--output", type=PATH, metavar="FOLDER", help="Write every change to diff.csv, and the numbers to diff.json."
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
def diff(
    old: Address, new: Address, tree: Path | None, new_tree: Path | None, names: Path | None, lang: str | None,
    output: Path | None, overwrite: bool,
) -> None:  # fmt: skip
    """What changed from OLD to NEW: products, their categories and photos, and the tree."""
    from catalog.sources.opening import open_source, tree_for
    from catalog.tree.taxonomy import Taxonomy
    from curation.diff.difference import CatalogDifference
    from curation.diff.writing import refuse_existing, write_difference
    from curation.indexing import open_indexed
    from curation.split_tree import tree_shown

    # one tree that is given serves both sides, before those that lie in folders
    tree, new_tree = tree_for(old, tree), new_tree or tree_for(new, tree)
    if tree is None or tree == new_tree:
        tree, new_tree = new_tree, None
    # the first one says what is to be said of the names
    newer = None if new_tree is None else Taxonomy.from_csv(new_tree, names).in_language(lang)
    trees = given_tree(tree, names, lang), newer
    if output is not None:
        refuse_existing(output, overwrite)
    with progress_bar("diff") as progress:
        before = open_indexed(open_source(old, tree), progress)
        after = open_indexed(open_source(new, new_tree or tree), progress)
        if tree is None:
            trees = tree_shown(before, None), tree_shown(after, None)
        difference = CatalogDifference.between(before, after, *trees, progress)
    say(str(difference))
    if output is None:
        say("next: --output FOLDER writes every change")
    else:
        with progress_bar("write") as progress:
            say(f"all of it: {', '.join(map(str, write_difference(difference, output, progress)))}")
