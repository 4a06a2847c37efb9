"""review.csv and audit.csv: predictions as sheets that a reviewer fills."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.files.answer_sheet import ANSWER, PRODUCT, SUGGESTED, id_cell, plain_cell, write_sheet
from catalog.tree.taxonomy import Taxonomy, path_text

COLUMNS = (
    PRODUCT, ANSWER, SUGGESTED, "suggested", "decision", "given", "gain", "copies",
    "p_cat1", "p_cat2", "p_cat3", "alternatives", "reason", "text_read",
)  # fmt: skip
SLICE = 1000


def write_review(path: Path, rows: pa.Table, tree: Taxonomy) -> None:
    """Write predictions with their `gain` and `copies` as a sheet that a reviewer fills.

    Args:
        path: replaced atomically.
        rows: columns of the full table, `gain` and `copies`; written in this order.
        tree: names the alternatives.
    """
    paths = {int(leaf_id): path_text(names) for leaf_id, names in zip(tree.leaf_ids, tree.shown, strict=True)}
    write_sheet(path, COLUMNS, _lines(rows, paths))


def _lines(rows: pa.Table, paths: dict[int, str]) -> Iterator[list[object]]:
    for start in range(0, len(rows), SLICE):
        yield from (_line(row, paths) for row in rows.slice(start, SLICE).to_pylist())


def _line(row: dict[str, Any], paths: dict[int, str]) -> list[object]:
    leaves = zip(row["top_category_ids"], row["top_probabilities"], strict=True)
    return [
        id_cell(row["product_id"]), "", id_cell(row["category_id"]),
        plain_cell(path_text((row["cat1"], row["cat2"], row["cat3"]))),
        row["decision"], plain_cell(row["given"]), f"{row['gain']:.4f}", row["copies"],
        *(f"{row[name]:.4f}" for name in ("p_cat1", "p_cat2", "p_cat3")),
        plain_cell(" | ".join(f"{leaf}: {paths[leaf]} ({100 * p:.0f} %)" for leaf, p in leaves)),
        # what is printed on a photo may begin as a formula does
        plain_cell(row["reason"]), plain_cell(row["text_read"]),
    ]  # fmt: skip
