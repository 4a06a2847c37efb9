"""True leaves of a catalogue, from its own category_id or from a CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.taxonomy import UNKNOWN, Taxonomy

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


def separator_of(header: str) -> str:
    """Comma, semicolon or tab: spreadsheets of many countries save semicolons."""
    return max(",;\t", key=header.count)


def _read(path: Path) -> dict[int, int]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give a CSV with product_id,category_id (--labels)")
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.DictReader(file, delimiter=separator_of(file.readline()))
            file.seek(0)
            names = list(reader.fieldnames or [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is not a CSV file in UTF-8 ({error})") from None
        id_column = next((c for c in ID_COLUMNS if c in names), None)
        if id_column is None or "category_id" not in names:
            raise ValueError(f"{path}: expected the columns product_id and category_id, got {', '.join(names)}")
        try:
            # numpy refuses what does not fit 64 bits
            return {int(np.int64(int(row[id_column]))): int(np.int64(int(row["category_id"]))) for row in reader}
        except (ValueError, TypeError, OverflowError, csv.Error):
            raise ValueError(f"{path}, line {reader.line_num}: ids must be integers") from None
