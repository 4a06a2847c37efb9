"""`catalog sample | subset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.cli_options import PATH, SOURCE, given_tree, progress_bar, say, source_options, tree_given, tree_options
from catalog.sources.address import Address

if TYPE_CHECKING:
    from curation.samples.record import Record

max_copies_option = click.option(
    "--max-copies", type=click.IntRange(1), default=20, show_default=True,
    help="A photo with more copies than this does not link its products; 1: copies are not looked for.",
)  # fmt: skip
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")


@click.command()
@source_options("source")
@click.argument("source", type=SOURCE)
@click.argument("destination", type=SOURCE)
@tree_options
@click.option("--products", type=click.IntRange(1),
              help="How many, to within a group of copies.  [default: all that --clip leaves]")  # fmt: skip
@click.option("--balanced", is_flag=True, help="As many of each category as of the others, as far as they go.")
@click.option("--power", type=click.FloatRange(0, 1),
              help="Quotas follow (size of the category) ** POWER: 0 is --balanced, 1 keeps proportions.")  # fmt: skip
@click.option("--level", type=click.IntRange(1, 8),
              help="Categories of --balanced and --power: 1 for the first level; the leaves by default.")  # fmt: skip
@click.option("--min-per-leaf", type=click.IntRange(0), default=0, help="Every leaf keeps this many, or all it has.")
@click.option("--clip", type=click.IntRange(1), metavar="N",
              help="At most so many products of a leaf are there to draw from.")  # fmt: skip
@click.option("--spread", metavar="VECTORS|titles",
              help="Draw products that look different: folder of `mosaic embed`; titles: that are called "
              "differently.")  # fmt: skip
@max_copies_option
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@overwrite_option
def sample(
    source: Address, destination: Address, tree: Path | None, names: Path | None, lang: str | None,
    products: int | None, balanced: bool, power: float | None, level: int | None, min_per_leaf: int, clip: int | None,
    spread: str | None, max_copies: int, seed: int, overwrite: bool,
) -> None:  # fmt: skip
    """Draw products of SOURCE and write them to the BSON file DESTINATION, copies of a photo together."""
    from catalog.catalog import Catalog
    from catalog.sources.opening import open_source, tree_for
    from curation.samples.sample import Draw, quota_level
    from curation.samples.sample import sample as draw_sample
    from curation.samples.writing import bson_destination
    from curation.split_tree import tree_shown

    tree, file = tree_for(source, tree), bson_destination(destination)
    taxonomy = given_tree(tree, names, lang)
    with progress_bar("sample") as progress:
        catalog = Catalog(open_source(source, tree), progress)
        taxonomy = tree_shown(catalog, taxonomy)
        # without a tree, that quotas need one is said later
        lowest = 1 if taxonomy is None else taxonomy.depth
        level, exponent = quota_level(balanced=balanced, power=power, level=level, lowest=lowest)
        wanted = Draw(products, level, exponent, min_per_leaf, max_copies, seed, spread, clip)
        record = draw_sample(catalog, file, wanted, taxonomy, overwrite=overwrite, progress=progress)
    _tell(record, tree, names)


@click.command()
@source_options("source")
@click.argument("source", type=SOURCE)
@click.argument("destination", type=SOURCE)
@tree_options
@click.option("--shelf", "shelves", multiple=True, metavar="PATH",
              help='Only below this: "LIBRAIRIE", "MUSIQUE > CD", a name, also in --lang, a category_id.')  # fmt: skip
@click.option("--without", multiple=True, metavar="PATH", help="Not below this.")
@click.option("--n-images", type=click.IntRange(0, 4), multiple=True, help="Only products with so many photos.")
@click.option("--labelled", is_flag=True, help="Only products with a category of the tree.")
@click.option("--products", type=PATH, metavar="CSV", help="Only the products of this CSV: column product_id or _id.")
@click.option("--min-leaf-size", type=click.IntRange(0), default=0,
              help="Leaves with fewer products go, counted after the other filters.")  # fmt: skip
@click.option("--tree-out", type=PATH,
              help="Tree of the leaves that remain.  [default: DESTINATION's name with .tree.csv]")  # fmt: skip
@max_copies_option
@overwrite_option
def subset(
    source: Address, destination: Address, tree: Path | None, names: Path | None, lang: str | None,
    shelves: tuple[str, ...], without: tuple[str, ...], n_images: tuple[int, ...], labelled: bool,
    products: Path | None, min_leaf_size: int, tree_out: Path | None, max_copies: int, overwrite: bool,
) -> None:  # fmt: skip
    """Write the products of SOURCE that pass all filters to the BSON file DESTINATION, and their tree beside it."""
    from catalog.catalog import Catalog
    from catalog.sources.opening import open_source, tree_for
    from curation.samples.smaller_tree import names_beside, tree_beside
    from curation.samples.subset import Filters
    from curation.samples.subset import subset as write_subset
    from curation.samples.writing import bson_destination
    from curation.split_tree import tree_shown

    tree, file = tree_for(source, tree), bson_destination(destination)
    listed = None if products is None else str(products)
    filters = Filters(shelves, without, n_images, labelled, listed, min_leaf_size)
    taxonomy = given_tree(tree, names, lang)
    smaller = tree_out or (tree_beside(file) if tree else None)
    with progress_bar("subset") as progress:
        catalog = Catalog(open_source(source, tree), progress)
        taxonomy = tree_shown(catalog, taxonomy)
        record = write_subset(
            catalog, file, filters, taxonomy,
            tree_out=smaller, max_copies=max_copies, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    _tell(record, smaller, names_beside(smaller, taxonomy) if smaller and taxonomy else None)


def _tell(record: Record, tree: Path | None, names: Path | None) -> None:
    """What was done, and how its products are taken further with the tree that fits them."""
    say(str(record))
    say(f"what was done: {record.path}")
    named = "" if names is None else f" --names {names}"
    file = record.destination
    # labels that are texts make a tree of their own
    has_tree = tree is not None or record.tree is not None
    say(f"next: rayonnage fit {file}{tree_given(tree)}{named}" if has_tree else f"next: catalog info {file}")
