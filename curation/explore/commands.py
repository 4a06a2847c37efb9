"""`catalog explore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import PATH, SOURCE, given_tree, progress_bar, say, source_options, tree_given, tree_options
from catalog.sources.address import Address

if TYPE_CHECKING:
    from curation.explore.photos import Decode


@click.command()
@source_options("file")
@click.argument("file", type=SOURCE, required=False)
@tree_options
@click.option("--output", type=PATH, required=True, metavar="FOLDER",
              help="Where explore.html and explore.json are written.")  # fmt: skip
@click.option("--probabilities", type=PATH, default=None, metavar="FILE",
              help="A run's folder, or its heldout.safetensors: shows hard and easy products.")  # fmt: skip
@click.option("--decode", type=click.Choice(["sample", "all", "none"]), default="sample", show_default=True,
              help="Photos to decode in full, to see whether they can be; all headers are read anyway.")  # fmt: skip
@click.option("--categories", "n_categories", type=click.IntRange(0, 200), default=24, show_default=True,
              help="Categories shown in pictures: a third each the largest, of middle size, the smallest.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--counts", type=PATH, multiple=True, metavar="CSV",
              help="Instead of FILE: a CSV of category_id or name and count, one for each level at most.")  # fmt: skip
@click.option("--unit", type=click.Choice(["products", "photos"]), default="products", show_default=True,
              help="What --counts counts.")  # fmt: skip
def explore(
    file: Address | None, tree: Path | None, names: Path | None, lang: str | None, output: Path,
    probabilities: Path | None, decode: Decode, n_categories: int, seed: int, counts: tuple[Path, ...], unit: str,
) -> None:  # fmt: skip
    """Look at all of a catalogue FILE (or at counts by category): one page and its numbers."""
    from catalog.probabilities import Probabilities
    from catalog.runs.run import probabilities_file
    from catalog.sources.opening import open_source, tree_for
    from curation.explore.explore import FILES, explore_counts, write_exploration
    from curation.explore.explore import explore as explore_catalog
    from curation.indexing import open_indexed
    from curation.output_folder import check_output
    from curation.split_tree import tree_shown

    if (file is None) == (not counts):
        raise click.UsageError("give either a catalogue FILE, or --counts with a CSV of counts by category")
    if counts and tree is None:
        raise click.UsageError("--counts needs the category tree (--tree)")
    tree = tree if file is None else tree_for(file, tree)
    check_output(output, FILES)
    taxonomy = given_tree(tree, names, lang)
    if file is None:
        assert taxonomy is not None, "checked above"
        page = explore_counts(taxonomy, counts, unit)
    else:
        opinion = Probabilities.load(probabilities_file(probabilities)) if probabilities else None
        with progress_bar("index") as progress:
            catalog = open_indexed(open_source(file, tree), progress)
        page = explore_catalog(
            catalog, tree_shown(catalog, taxonomy), probabilities=opinion, decode=decode,
            n_categories=n_categories, seed=seed, bars=progress_bar,
        )  # fmt: skip
    say(page.text())
    say(str(write_exploration(page, output)))
    if file is not None:
        say(f"next: catalog duplicates {catalog}{tree_given(tree)}")
