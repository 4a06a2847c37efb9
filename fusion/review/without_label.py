"""Products without a category, as a sheet for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from catalog.files.answer_sheet import plain_cell, sheet_text, write_sheet
from catalog.files.sheet_ids import id_cell
from catalog.tree.taxonomy import path_text
from fusion.review.standing import WithoutLabel

COLUMNS = ("product_id", "answer", "parent", "suggested_category_id", "by", "date_utc", "review")
PARENT_ALONE = "parent"


def write_without_label(path: Path, products: Iterable[WithoutLabel]) -> None:
    """Write why each product has no category, or the parent that it was given alone; replaced atomically."""
    write_sheet(path, COLUMNS, _rows(products))


def csv_of(products: Iterable[WithoutLabel]) -> str:
    """The same as text."""
    return sheet_text(COLUMNS, _rows(products))


def _rows(products: Iterable[WithoutLabel]) -> Iterator[list[object]]:
    for one in products:
        yield [
            id_cell(one.product_id), one.why or PARENT_ALONE, plain_cell(path_text(one.parent)),
            id_cell(one.suggested), plain_cell(one.who), one.when.replace("T", " ")[:19], one.review,
        ]  # fmt: skip
