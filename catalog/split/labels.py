"""True leaves of a catalogue, from its own category_id or from a CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.csv_rows import id_in, read_rows
from catalog.files.id_lookup import UNKNOWN
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
