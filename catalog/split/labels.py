"""The labels of a catalogue in a tree: how many the tree knows; each product's true leaf, perhaps from a CSV."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.csv_rows import id_in, read_rows
from catalog.files.id_lookup import UNKNOWN
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import Taxonomy

ID_COLUMNS = ("product_id", "_id")


def true_leaves(catalog: Catalog, tree: Taxonomy, labels: Path | None = None) -> NDArray[np.int64]:
    """`(N,)` leaf index of each product, -1 where unknown.

    `labels`: a CSV with `product_id` (or `_id`) and `category_id`; it wins over the catalogue's own.

    Raises:
        ValueError: a column is missing, a cell is not an integer, or not one product is labelled.
    """
    categories = catalog.category_ids
    if labels is not None:
        given = _read(labels)
        categories = np.array([given.get(i, -1) for i in catalog.product_ids.tolist()], np.int64)
    leaves = tree.leaf_index(categories)
    if (leaves == UNKNOWN).all():
        raise ValueError(
            f"{catalog}: no product has a category of this tree"
            + (f" in {labels}" if labels else "; an evaluation needs labels (--labels CSV with product_id,category_id)")
        )
    return leaves


def _read(path: Path) -> dict[int, int]:
    given: dict[int, int] = {}
    for line, row in read_rows(path, ("category_id",), "give a CSV with product_id,category_id (--labels)"):
        product = next((row[name] for name in ID_COLUMNS if name in row), None)
        if product is None:
            raise ValueError(f"{path}: expected the columns product_id and category_id, got {', '.join(row)}")
        product_id, category_id = id_in(product), id_in(row["category_id"])
        if product_id is None or category_id is None:
            raise ValueError(f"{path}, line {line}: ids must be integers of 64 bits")
        given[product_id] = category_id
    return given


@dataclass(frozen=True, slots=True)
class TreeMatch:
    """Products with a label, and those of them whose label is a category of the tree."""

    labelled: int
    known: int

    @classmethod
    def of(cls, catalog: Catalog, tree: Taxonomy) -> Self:
        """Count both."""
        ids, times = np.unique(catalog.category_ids, return_counts=True)
        labelled = ids != NO_CATEGORY
        known = labelled & (tree.leaf_index(ids) != UNKNOWN)
        return cls(int(times[labelled].sum()), int(times[known].sum()))

    @property
    def doubtful(self) -> bool:
        """Less than half: ids of another tree may be in this one by chance."""
        return 2 * self.known < self.labelled

    def __str__(self) -> str:
        return f"{self.known:,} of {self.labelled:,} labelled products have a category of this tree"
