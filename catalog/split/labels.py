"""The labels of a catalogue in a tree: how many the tree knows; each product's true leaf, perhaps from a CSV."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.csv_rows import read_raw_rows, read_rows, why_not_id
from catalog.files.id_lookup import UNKNOWN, SortedNumbers
from catalog.files.listed_ids import ID_COLUMNS
from catalog.files.sheet_ids import id_among
from catalog.files.wording import listed, plural
from catalog.ids.shop_id import id_number
from catalog.sources.source import NO_CATEGORY
from catalog.tree.answers import CategoryNames
from catalog.tree.label_leaves import label_leaves, names_of
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import MAX_FAULTS, refuse

log = logging.getLogger(__name__)
CATEGORY_COLUMNS = ("category_id", "category_path", "category")
"""Of which the first that is there counts; ids, paths and names are read in any of them."""
MISSING = "give a CSV with product_id,category_id (--labels)"


def true_leaves(catalog: Catalog, tree: Taxonomy, labels: Path | None = None) -> NDArray[np.int64]:
    """`(N,)` leaf index of each product, -1 where unknown.

    `labels`: a CSV with `product_id` (or `_id`) and `category_id` (or `category_path`, or `category`), in which a
    category is its id or what the tree calls it, see `CategoryNames`; it wins over the catalogue's own. An id that the
    tree lacks is no fault: its product counts as one without a label. Of a tree whose ids are texts any text may be
    such an id, and those that the tree lacks are named in a warning.

    Raises:
        ValueError: a column is missing, a product_id is none, a category is none or may be several of the
            tree's (lines are named), or not one product is labelled.
    """
    if labels is None:
        leaves = catalog.leaves(tree)
    else:
        products = SortedNumbers(catalog.product_ids)
        given = _read(labels, products, names_of(tree), ids_are_texts=bool(len(tree.ids)))
        leaves = tree.leaf_index(np.array([given.get(i, -1) for i in catalog.product_ids.tolist()], np.int64))
    if (leaves == UNKNOWN).all():
        raise ValueError(
            f"{catalog}: no product has a category of this tree"
            + (f" in {labels}" if labels else "; an evaluation needs labels (--labels CSV with product_id,category_id)")
        )
    return leaves


def _read(path: Path, products: SortedNumbers, categories: CategoryNames, *, ids_are_texts: bool) -> dict[int, int]:
    given: dict[int, int] = {}
    faults: list[str] = []
    unknown: Counter[str] = Counter()
    for line, product_cell, category_cell in _cells(path):
        product_id, category_id = id_among(product_cell, products), categories.category_in(category_cell)
        if product_id is None or not category_cell.strip():
            column, cell = ("product_id", product_cell) if product_id is None else ("category", category_cell)
            raise ValueError(f"{path}, line {line}: no {column}: {why_not_id(cell)}")
        if category_id is not None:
            given[id_number(product_id)] = category_id
        elif ids_are_texts and not categories.may_be(category_cell):
            unknown[category_cell.strip()] += 1
        else:
            # the nearest names are slow to find, and later faults are only counted
            why = categories.why_not(category_cell) if len(faults) < MAX_FAULTS else ""
            faults.append(f"{path}, line {line}: {why}")
    refuse(str(path), faults, "label cannot be taken", "labels cannot be taken")
    if unknown:
        named = [f"{text[:80]!r} ({n:,})" for text, n in unknown.most_common()]
        log.warning(
            "%s: %s of %s that the tree lacks count as unlabelled: %s",
            path, plural(unknown.total(), "label"), plural(len(unknown), "category", "categories"), listed(named, 3),
        )  # fmt: skip
    return given


def _cells(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, product and category of each row."""
    columns = [name.strip() for _, cells in islice(read_raw_rows(path, MISSING), 1) for name in cells]
    category = next((name for name in CATEGORY_COLUMNS if name in columns), CATEGORY_COLUMNS[0])
    for line, row in read_rows(path, (category,), MISSING):
        product = next((row[name] for name in ID_COLUMNS if name in row), None)
        if product is None:
            raise ValueError(f"{path}: expected the columns product_id and {category}, got {', '.join(row)}")
        yield line, product, row[category]


@dataclass(frozen=True, slots=True)
class TreeMatch:
    """Products with a label, and those of them whose label is a category of the tree.

    `lacking`: labels that are texts and no category of it, each with its number of products, the most first.
    """

    labelled: int
    known: int
    lacking: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, catalog: Catalog, tree: Taxonomy) -> Self:
        """Count both."""
        ids, times = np.unique(catalog.category_ids, return_counts=True)
        labelled = ids != NO_CATEGORY
        known = labelled & (label_leaves(tree, ids, catalog.ids) != UNKNOWN)
        lacking = [
            (label, n)
            for label, n in zip(catalog.ids.take(ids[~known]), times[~known].tolist(), strict=True)
            if isinstance(label, str)
        ]
        by_size = tuple(sorted(lacking, key=lambda one: (-one[1], one[0])))
        return cls(int(times[labelled].sum()), int(times[known].sum()), by_size)

    @property
    def doubtful(self) -> bool:
        """Less than half: ids of another tree may be in this one by chance."""
        return 2 * self.known < self.labelled

    def __str__(self) -> str:
        named = [f"{label[:80]!r} ({n:,})" for label, n in self.lacking]
        others = f"; not in it: {listed(named, 3)}" if named else ""
        return f"{self.known:,} of {self.labelled:,} labelled products have a category of this tree{others}"
