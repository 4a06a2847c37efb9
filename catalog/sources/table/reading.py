"""A table is opened: CSV or Parquet, its columns, and its rows one after the other."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog.files.csv_rows import read_rows
from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.sources.table.parquet import ParquetTable
from catalog.sources.table.rows import WHAT, Columns


def read_table(
    path: Path, texts: Sequence[str] = (), content: hashlib.blake2b | None = None
) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    """A table's columns, and its rows: the number, and the cells as `Columns.in_order` has them.

    Args:
        texts: columns of titles and descriptions, see `Columns.of`.
        content: digest that photos are added to that lie in the table itself.
    """
    if path.suffix.lower() not in PARQUET_ENDINGS:
        return _read_csv(path, texts)
    table = ParquetTable(path, texts)
    table.warn_of_size()
    return table.columns, enumerate(table.rows(content), start=1)


def columns_of(path: Path, texts: Sequence[str] = ()) -> Columns:
    """The columns of a table, of which no more than a row is read; `texts`, and what it raises: see `Columns.of`."""
    if path.suffix.lower() in PARQUET_ENDINGS:
        return ParquetTable(path, texts).columns
    first = next(read_rows(path, (), WHAT), None)
    if first is None:
        raise ValueError(f"{path} has no rows: {WHAT}")
    return Columns.of(path, list(first[1]), texts)


def _read_csv(path: Path, texts: Sequence[str]) -> tuple[Columns, Iterator[tuple[int, Sequence[object]]]]:
    columns = columns_of(path, texts)
    names = columns.in_order
    rows = read_rows(path, [name for name in names if name is not None], WHAT)
    return columns, ((line, [None if name is None else row[name] for name in names]) for line, row in rows)
