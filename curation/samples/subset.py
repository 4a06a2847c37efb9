"""The part of a catalogue that passes filters, with the smaller tree that fits it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, SortedNumbers
from catalog.files.listed_ids import listed_ids
from catalog.files.progress import Progress
from catalog.files.wording import plural
from catalog.ids.id_names import IdCollector, IdNames
from catalog.tree.category_filter import leaves_of_categories
from catalog.tree.taxonomy import Taxonomy
from curation.samples.copies import CopyGroups
from curation.samples.record import LeftOut, Record
from curation.samples.smaller_tree import names_beside, smaller_tree, write_tree
from curation.samples.writing import check_free, copy_products, record_path, write_record


@dataclass(frozen=True)
class Filters:
    """What a product must be to stay, named as the options, which the record repeats; what is not set lets all pass.

    Attributes:
        shelves, without: places in the tree to stay below, and not to: see `leaves_of_categories`.
        n_images: image counts.
        labelled: only products with a category of the tree.
        products: CSV of ids to keep.
        min_leaf_size: leaves with fewer products go; counted last, on what the other filters keep.
    """

    shelves: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    n_images: tuple[int, ...] = ()
    labelled: bool = False
    products: str | None = None
    min_leaf_size: int = 0


def apply(filters: Filters, catalog: Catalog, tree: Taxonomy | None) -> LeftOut:
    """What the filters leave out of a catalogue, and why.

    Raises:
        ValueError: no filter at all, an unknown shelf, ids of which the catalogue has none, nothing left.
    """
    if filters == Filters():
        raise ValueError(
            "nothing to leave out: give --shelf, --without, --labelled, --n-images, --products or --min-leaf-size"
        )
    if tree is None and (filters.shelves or filters.without or filters.labelled or filters.min_leaf_size):
        raise ValueError("filters by category need the category tree: give --tree TREE.csv")
    left_out = LeftOut(catalog)
    if filters.products is not None:
        numbers, names = _listed_ids(catalog, Path(filters.products))
        left_out.lacking = names.take(np.setdiff1d(numbers, catalog.product_ids))
        left_out.keep(np.isin(catalog.product_ids, numbers), f"not in {filters.products}")
    if filters.n_images:
        left_out.keep(np.isin(catalog.n_images, filters.n_images), "with another number of photos")
    if tree is not None:
        _by_category(left_out, filters, tree)
    if not left_out.kept.any():
        raise ValueError(f"no product of {catalog} is left: {left_out.summary()}")
    return left_out


def _by_category(left_out: LeftOut, filters: Filters, tree: Taxonomy) -> None:
    leaf = left_out.catalog.leaves(tree)
    if filters.labelled or filters.shelves:
        left_out.keep(leaf != UNKNOWN, "without a category of the tree")
    if filters.shelves:
        left_out.keep(leaves_of_categories(tree, filters.shelves, "--shelf")[leaf], "on other shelves")
    if filters.without:
        unwanted = leaves_of_categories(tree, filters.without, "--without")
        left_out.keep(~unwanted[leaf] | (leaf == UNKNOWN), "on shelves not wanted")
    if filters.min_leaf_size:
        left_out.keep(_large_leaf(leaf, left_out.kept, filters.min_leaf_size), "in leaves too small")


def subset(
    catalog: Catalog,
    destination: Path,
    filters: Filters,
    tree: Taxonomy | None = None,
    *,
    tree_out: Path | None = None,
    max_copies: int = 20,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Record:
    """Write the products that pass in the catalogue's order, the tree of their leaves, and a record.

    A filter judges every product by itself: the record counts the groups of copies that it cuts.

    Args:
        tree_out: where the smaller tree goes; it holds the leaves that still have products, so that a training on
            the subset learns no empty ones. Names in other languages lie beside it: see `names_beside`.
        max_copies: a photo with more copies than this links nothing; 1: copies are not counted, no photo is read.

    Raises:
        FileExistsError: a destination exists. ValueError: see `apply`.
    """
    if tree_out is not None and tree is None:
        raise ValueError("--tree-out: there is no tree to cut down, give --tree TREE.csv")
    names_out = None if tree is None or tree_out is None else names_beside(tree_out, tree)
    outputs = [destination, record_path(destination), *filter(None, (tree_out, names_out))]
    if len(set(outputs)) < len(outputs):
        raise ValueError(f"--tree-out {tree_out} is where the products or the record go: give another path")
    check_free(catalog, outputs, overwrite)
    left_out = apply(filters, catalog, tree)
    copies = CopyGroups.among(catalog, np.arange(len(catalog)), max_copies, progress)
    copy_products(catalog, left_out.positions, destination, progress)
    leaf = None if tree is None else catalog.leaves(tree)
    if tree is not None and tree_out is not None and leaf is not None:
        present = np.unique(leaf[left_out.kept & (leaf != UNKNOWN)])
        if len(present):
            write_tree(smaller_tree(tree, present), tree_out, names_out)
    options = {**asdict(filters), "max_copies": max_copies, "tree_out": None if tree_out is None else str(tree_out)}
    record = Record("catalog subset", options, destination, left_out, copies.to_json(left_out.kept), tree, leaf)
    write_record(record.path, record.to_json())
    return record


def _large_leaf(leaf: NDArray[np.int64], kept: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """`(N,)` bool: products whose leaf has `size` kept ones; a product without a leaf is in none too small."""
    # one place more than there are leaves: -1, no leaf, points at it
    here = np.bincount(leaf[kept & (leaf != UNKNOWN)], minlength=int(leaf.max()) + 2)
    return (here[leaf] >= size) | (leaf == UNKNOWN)


def _listed_ids(catalog: Catalog, path: Path) -> tuple[NDArray[np.int64], IdNames]:
    """`(n,)` rising numbers of the distinct ids of a CSV, of which the catalogue has at least one, and their texts.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no id column, a cell that is no id, or ids of another catalogue.
    """
    collector = IdCollector()
    listed = listed_ids(path, SortedNumbers(catalog.product_ids), "--products")
    numbers = np.unique(np.fromiter(map(collector.number, listed), np.int64))
    names = collector.names(numbers)
    if not np.isin(numbers, catalog.product_ids).any():
        named = ", ".join(map(str, names.take(numbers[:5])))
        raise ValueError(
            f"{path}: none of its {plural(len(numbers), 'product')} is in {catalog} ({named}): is it of another one?"
        )
    return numbers, names
