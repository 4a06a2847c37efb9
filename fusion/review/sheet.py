"""review.csv and audit.csv: predictions as sheets that a reviewer fills."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.files.answer_sheet import ANSWER, PRODUCT, SUGGESTED, id_cell, plain_cell, write_sheet
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.prediction.columns import path_columns, probability_columns

SLICE = 1000


def columns_of(depth: int) -> tuple[str, ...]:
    """The columns of a sheet for a tree with so many levels."""
    return (
        PRODUCT, ANSWER, SUGGESTED, "suggested", "decision", "given", "gain", "copies",
        *probability_columns(depth), "alternatives", "reason", "text_read",
    )  # fmt: skip


def write_review(path: Path, rows: pa.Table, tree: Taxonomy) -> None:
    """Write predictions with their `gain` and `copies` as a sheet that a reviewer fills.

    Args:
        path: replaced atomically.
        rows: columns of the full table, `gain` and `copies`; written in this order.
        tree: names the alternatives.
    """
    paths = {int(leaf_id): path_text(names) for leaf_id, names in zip(tree.leaf_ids, tree.shown, strict=True)}
    write_sheet(path, columns_of(tree.depth), _lines(rows, paths, tree.depth))


def _lines(rows: pa.Table, paths: dict[int, str], depth: int) -> Iterator[list[object]]:
    for start in range(0, len(rows), SLICE):
        yield from (_line(row, paths, depth) for row in rows.slice(start, SLICE).to_pylist())


def _line(row: dict[str, Any], paths: dict[int, str], depth: int) -> list[object]:
    leaves = zip(row["top_category_ids"], row["top_probabilities"], strict=True)
    return [
        id_cell(row["product_id"]), "", id_cell(row["category_id"]),
        plain_cell(path_text([row[name] for name in path_columns(depth) if row[name] is not None])),
        row["decision"], plain_cell(row["given"]), f"{row['gain']:.4f}", row["copies"],
        *("" if row[name] is None else f"{row[name]:.4f}" for name in probability_columns(depth)),
        plain_cell(" | ".join(f"{leaf}: {paths[leaf]} ({100 * p:.0f} %)" for leaf, p in leaves)),
        # what is printed on a photo may begin as a formula does
        plain_cell(row["reason"]), plain_cell(row["text_read"]),
    ]  # fmt: skip
