"""review.csv and audit.csv: predictions as sheets that a reviewer fills."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.files.answer_sheet import ANSWER, PRODUCT, SUGGESTED, plain_cell, write_sheet
from catalog.files.sheet_ids import id_cell
from catalog.ids.id_columns import ids_as, ids_in
from catalog.ids.shop_id import ShopId
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.prediction.columns import TITLE, path_columns, probability_columns

SLICE = 1000


def columns_of(depth: int, *, titles: bool = False) -> tuple[str, ...]:
    """The columns of a sheet for a tree with so many levels, of products with titles or without."""
    return (
        PRODUCT, ANSWER, SUGGESTED, "suggested", *((TITLE,) if titles else ()), "decision", "given", "gain", "copies",
        *probability_columns(depth), "alternatives", "reason", "text_read",
    )  # fmt: skip


def write_review(path: Path, rows: pa.Table, tree: Taxonomy) -> None:
    """Write predictions with their `gain` and `copies` as a sheet that a reviewer fills.

    Args:
        path: replaced atomically.
        rows: columns of the full table, `gain` and `copies`; written in this order.
        tree: names the alternatives.
    """
    leaf_ids = ids_as(tree.shop_ids, rows.schema.field("category_id").type)
    paths = {leaf_id: path_text(names) for leaf_id, names in zip(leaf_ids, tree.shown, strict=True)}
    write_sheet(path, columns_of(tree.depth, titles=TITLE in rows.column_names), _lines(rows, paths, tree.depth))


def _lines(rows: pa.Table, paths: dict[ShopId, str], depth: int) -> Iterator[list[object]]:
    for start in range(0, len(rows), SLICE):
        some = rows.slice(start, SLICE)
        ids = zip(ids_in(some["product_id"]), ids_in(some["category_id"]), strict=True)
        for row, (product_id, category_id) in zip(some.to_pylist(), ids, strict=True):
            yield [id_cell(product_id), "", id_cell(category_id), *_told(row, paths, depth)]


def _told(row: dict[str, Any], paths: dict[ShopId, str], depth: int) -> list[object]:
    """The cells behind those of the ids."""
    leaves = ((leaf, paths[leaf], p) for leaf, p in zip(row["top_category_ids"], row["top_probabilities"], strict=True))
    # where nobody has ids, a category's path is its id
    named = ((path if leaf == path else f"{leaf}: {path}", p) for leaf, path, p in leaves)
    return [
        plain_cell(path_text([row[name] for name in path_columns(depth) if row[name] is not None])),
        *([plain_cell(row[TITLE])] if TITLE in row else []),
        row["decision"], plain_cell(row["given"]), f"{row['gain']:.4f}", row["copies"],
        *("" if row[name] is None else f"{row[name]:.4f}" for name in probability_columns(depth)),
        plain_cell(" | ".join(f"{name} ({100 * p:.0f} %)" for name, p in named)),
        # what is printed on a photo may begin as a formula does
        plain_cell(row["reason"]), plain_cell(row["text_read"]),
    ]  # fmt: skip
