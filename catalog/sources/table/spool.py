"""The rows of a table, put together by product wherever they stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, counted
from catalog.ids.shop_id import ShopId, id_number, is_same_id, refuse_one_number
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.product_text import NO_TEXT, ShopText
from catalog.sources.source import NO_CATEGORY, PackedRows
from catalog.sources.table.id_cells import read_id
from catalog.sources.table.rows import Columns, is_encoded


class WrittenRow(NamedTuple):
    """What a row says; `number` is its place in the table."""

    number: int
    product_id: ShopId
    category_id: ShopId | None
    paths: list[str]
    text: ShopText = NO_TEXT


@dataclass(slots=True)
class ProductRows:
    """What the rows of one product say together; `first` is the number of the first one."""

    product_id: ShopId
    category_id: ShopId | None
    first: int
    paths: list[str]
    text: ShopText = NO_TEXT

    def add(self, row: WrittenRow, problems: ProblemLog) -> None:
        """Take a row's photos, and its category and texts where no row before has any."""
        self.paths += row.paths
        if self.text == NO_TEXT:
            self.text = row.text
        if self.category_id is None:
            self.category_id = row.category_id
        elif row.category_id is not None and not is_same_id(row.category_id, self.category_id):
            detail = f"{row.category_id}, not {self.category_id} as row {self.first}"
            problems.add(Problem(ProblemKind.TWO_CATEGORIES, f"row {row.number}", self.product_id, detail))


class Spool:
    """Rows of a table on disk, so that those of one product are found wherever they stand."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self.file, self.columns = file, columns
        self.packed = PackedRows()

    def fill(self, rows: Iterable[tuple[int, Sequence[object]]], problems: ProblemLog) -> None:
        """Write every usable row: its number, and its cells as `Columns.in_order` has them."""
        at = 0
        for number, cells in rows:
            id_cell, texts, category_cells, photo_cells = self.columns.parts(cells)
            where = f"row {number}"
            try:
                product_id = read_id(id_cell)
            except ValueError as error:
                problems.add(Problem(ProblemKind.BAD_ROW, where, detail=str(error)))
                continue
            if product_id is None:
                problems.add(Problem(ProblemKind.BAD_ROW, where, detail="it is empty"))
                continue
            category_id = self._category(category_cells, where, product_id, problems)
            text = ShopText.of(*texts) if self.columns.has_texts else NO_TEXT
            paths = self.columns.paths(photo_cells)
            if any(map(is_encoded, paths)):
                problems.add(Problem(ProblemKind.TEXT_PHOTO, where, product_id))
                paths = [path for path in paths if not is_encoded(path)]
            length = self.file.write(json.dumps(WrittenRow(number, product_id, category_id, paths, text)).encode())
            self.packed.append((at, length, id_number(product_id), NO_CATEGORY, 0))
            at += length

    def _category(self, cells: Sequence[object], where: str, product_id: ShopId, problems: ProblemLog) -> ShopId | None:
        try:
            category_id, others = self.columns.category.read(cells)
        except ValueError as error:
            problems.add(Problem(ProblemKind.BAD_CATEGORY, where, product_id, str(error)))
            return None
        if others:
            detail = f"{category_id}, not {', '.join(others)[:200]}"
            problems.add(Problem(ProblemKind.TWO_CATEGORIES, where, product_id, detail))
        if name := self.columns.category.parted_name(cells):
            problems.add(Problem(ProblemKind.PARTED_NAME, where, product_id, name[:80]))
        return category_id

    def products(self, problems: ProblemLog, progress: Progress | None = None) -> Iterator[ProductRows]:
        """The products in the order of their first rows.

        Raises:
            ValueError: two ids have the same number.
        """
        rows = self.packed.whole()
        order = np.argsort(rows["product_id"], kind="stable")
        _, start, count = np.unique(rows["product_id"][order], return_index=True, return_counts=True)
        for group in counted(np.argsort(order[start]), len(start), progress):
            yield self._joined(rows[order[start[group] : start[group] + count[group]]], problems)

    def _joined(self, rows: NDArray[np.void], problems: ProblemLog) -> ProductRows:
        """One product of the rows of one number; where not all can be used, of the first that has photos."""
        written = [self._written(row) for row in rows]
        kept = next((row for row in written if row.paths), written[0])
        product = ProductRows(kept.product_id, None, kept.number, [])
        for row in written:
            refuse_one_number(product.product_id, row.product_id)
            if row.number != kept.number and not self.columns.adds_up:
                problems.add(Problem(ProblemKind.REPEATED_ID, f"row {row.number}", product.product_id))
            else:
                product.add(row, problems)
        return product

    def _written(self, row: np.void) -> WrittenRow:
        self.file.seek(int(row["offset"]))
        number, product_id, category_id, paths, text = json.loads(self.file.read(int(row["length"])))
        return WrittenRow(number, product_id, category_id, paths, ShopText(*text[:2], *map(tuple, text[2:])))
