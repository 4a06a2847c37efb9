"""A table is opened: CSV or Parquet, its columns, and its rows one after the other."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog.files.csv_rows import read_rows
from catalog.sources.table.parquet import ParquetTable
from catalog.sources.table.rows import PARQUET_ENDINGS, WHAT, Columns


def read_table(
    path: Path, content: hashlib.blake2b | None = None
) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    """A table's columns, and its rows as `(number, cells: product_id, category_id, photos...)`.

    Args:
        content: digest that photos are added to that lie in the table itself.
    """
    if path.suffix.lower() not in PARQUET_ENDINGS:
        return _read_csv(path)
    table = ParquetTable(path)
    table.warn_of_size()
    return table.columns, enumerate(table.rows(content), start=1)


def _read_csv(path: Path) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    first = next(read_rows(path, (), WHAT), None)
    if first is None:
        raise ValueError(f"{path} has no rows: {WHAT}")
    columns = Columns.of(path, list(first[1]))
    names = (columns.product_id, columns.category_id, *columns.photos)
    rows = read_rows(path, [name for name in names if name is not None], WHAT)
    return columns, ((line, [None if name is None else row[name] for name in names]) for line, row in rows)
