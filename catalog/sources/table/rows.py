"""The rows of a table of photo paths, put together product by product."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from catalog.files.csv_rows import read_rows
from catalog.files.progress import Progress, counted
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.source import NO_CATEGORY, PackedRows
from catalog.sources.table.columns import Columns, whole_cell

CSV_ENDINGS = (".csv", ".tsv")
PARQUET_ENDINGS = (".parquet", ".pq")
BATCH = 16_384
WHAT = "give a CSV or Parquet table with product_id, photos and perhaps category_id"


@dataclass(frozen=True, slots=True)
class ProductRows:
    """What the rows of one product say together; `first` is the number of the first one."""

    product_id: int
    category_id: int
    first: int
    paths: list[str]


class Spool:
    """Rows of a table on disk, so that those of one product are found wherever they stand."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self.file, self.columns = file, columns
        self.packed = PackedRows()

    def fill(self, rows: Iterable[tuple[int, Sequence[object]]], problems: ProblemLog) -> None:
        """Write every usable row: `(number, cells: product_id, category_id, photos...)`."""
        at = 0
        for number, cells in rows:
            where = f"row {number}"
            try:
                product_id = whole_cell(cells[0])
            except ValueError as error:
                problems.add(Problem(ProblemKind.BAD_ROW, where, detail=str(error)))
                continue
            if product_id is None:
                problems.add(Problem(ProblemKind.BAD_ROW, where, detail="it is empty"))
                continue
            try:
                category_id = whole_cell(cells[1])
            except ValueError as error:
                category_id = None
                problems.add(Problem(ProblemKind.BAD_CATEGORY, where, product_id, str(error)))
            paths = [path.replace("\0", "") for path in self.columns.paths(cells[2:])]
            length = self.file.write(json.dumps([number, paths]).encode())
            self.packed.append((at, length, product_id, NO_CATEGORY if category_id is None else category_id, 0))
            at += length

    def products(self, problems: ProblemLog, progress: Progress | None = None) -> Iterator[ProductRows]:
        """The products in the order of their first rows."""
        rows = self.packed.whole()
        order = np.argsort(rows["product_id"], kind="stable")
        _, start, count = np.unique(rows["product_id"][order], return_index=True, return_counts=True)
        for group in counted(np.argsort(order[start]), len(start), progress):
            yield self._joined(rows[order[start[group] : start[group] + count[group]]], problems)

    def _joined(self, rows: NDArray[np.void], problems: ProblemLog) -> ProductRows:
        number, paths = self._written(rows[0])
        product_id, category_id = int(rows[0]["product_id"]), int(rows[0]["category_id"])
        for row in rows[1:]:
            later, more = self._written(row)
            if not self.columns.adds_up:
                problems.add(Problem(ProblemKind.REPEATED_ID, f"row {later}", product_id))
                continue
            paths += more
            other = int(row["category_id"])
            if NO_CATEGORY not in (other, category_id) and other != category_id:
                detail = f"{other}, not {category_id} as row {number}"
                problems.add(Problem(ProblemKind.TWO_CATEGORIES, f"row {later}", product_id, detail))
            category_id = other if category_id == NO_CATEGORY else category_id
        return ProductRows(product_id, category_id, number, paths)

    def _written(self, row: np.void) -> tuple[int, list[str]]:
        self.file.seek(int(row["offset"]))
        number, paths = json.loads(self.file.read(int(row["length"])))
        return number, paths


def read_table(path: Path) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    """A table's columns, and its rows as `(number, cells: product_id, category_id, photos...)`."""
    return _read_parquet(path) if path.suffix.lower() in PARQUET_ENDINGS else _read_csv(path)


def _read_csv(path: Path) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    first = next(read_rows(path, (), WHAT), None)
    if first is None:
        raise ValueError(f"{path} has no rows: {WHAT}")
    columns = Columns.of(path, list(first[1]))
    names = (columns.product_id, columns.category_id, *columns.photos)
    rows = read_rows(path, [name for name in names if name is not None], WHAT)
    return columns, ((line, [None if name is None else row[name] for name in names]) for line, row in rows)


def _read_parquet(path: Path) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise ValueError(f"{path} is not a Parquet file ({error}): {WHAT}") from None
    columns = Columns.of(path, table.schema_arrow.names)
    names = (columns.product_id, columns.category_id, *columns.photos)

    def rows() -> Iterator[Sequence[object]]:
        wanted = [name for name in names if name is not None]
        for batch in table.iter_batches(BATCH, columns=wanted):
            cells = [None if name is None else batch.column(name).to_pylist() for name in names]
            filled = [[None] * batch.num_rows if column is None else column for column in cells]
            yield from zip(*filled, strict=True)

    return columns, enumerate(rows(), start=1)
