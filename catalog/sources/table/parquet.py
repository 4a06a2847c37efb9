"""A Parquet table: its rows, and the photos in its cells, read where they lie and never more than a batch at a time."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.files.file_kinds import PARQUET, refuse_other_kind
from catalog.sources.table.photo_cells import CellPhoto, check_content, check_types, photo_values, photos_of
from catalog.sources.table.rows import WHAT, Columns

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)
ROWS_OF_PATHS = 16_384
ROWS_OF_TEXTS = 1024
ROWS_OF_PHOTOS = 128
"""At most in a batch: what is repeated stands once in the file, but in every row of a batch."""
BATCH_BYTES = 8 * 2**20
BUFFER_BYTES = 2**20
"""Read of a column at a time; without, or with `pre_buffer`, the whole column of a row group would be (measured)."""
SLOW_GROUP_BYTES = 256 * 2**20
"""From here on, reading single products is slow: to get at one, what lies before it in its row group is read."""


class ParquetTable:
    """An open Parquet file.

    Attributes:
        columns: what its columns are for; photo_columns: those that hold photos themselves.
    """

    def __init__(self, path: Path, texts: Sequence[str] = ()) -> None:
        """Open it; `texts`: columns of titles and descriptions, see `Columns.of`.

        Raises:
            ValueError: it is no Parquet file, or has columns that say nothing; the message names them.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        try:
            self._file = pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            refuse_other_kind(path, PARQUET.name)
            raise ValueError(f"{path} is not a Parquet file ({error}): {WHAT}") from None
        schema, columns = self._file.schema_arrow, Columns.of(path, self._file.schema_arrow.names, texts)
        ids = [name for name in (columns.product_id, columns.category.category_id) if name is not None]
        self.columns = columns
        self.photo_columns = check_types(path, schema, columns.photos, ids)
        metadata = self._file.metadata
        self._starts = [0]
        for group in range(metadata.num_row_groups):
            self._starts.append(self._starts[-1] + metadata.row_group(group).num_rows)

    def rows(self, content: hashlib.blake2b | None = None) -> Iterator[Sequence[object]]:
        """Cells of each row, as `Columns.in_order` has them; what stands for a photo in its place.

        Args:
            content: digest that the photos in the cells are added to.

        Raises:
            ValueError: a binary column of text, or a damaged file.
        """
        import pyarrow as pa

        names = self.columns.in_order
        wanted = list(dict.fromkeys(name for name in names if name is not None))
        row = 0
        try:
            for group in range(len(self._starts) - 1):
                for batch in self.batches(group, wanted):
                    if row == 0 and batch.num_rows:
                        self._check_content(batch)
                    cells = [self._cells(batch, name, row) for name in names]
                    if content is not None:
                        self._digest(batch, content)
                    row += batch.num_rows
                    yield from zip(*cells, strict=True)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{self.path} is damaged behind row {row} ({error}): write it anew") from None

    def warn_of_size(self) -> None:
        """Say what large row groups cost those who ask for single products."""
        largest = max((self._photo_bytes(group) for group in range(len(self._starts) - 1)), default=0)
        if largest > SLOW_GROUP_BYTES:
            log.warning(
                "%s has row groups of %d MiB, of which single products are read slowly: `catalog convert %s %s` makes "
                "a copy that trainings read faster",
                self.path, largest >> 20, self.path.name, self.path.with_suffix(".bson").name,
            )  # fmt: skip

    def _cells(self, batch: pa.RecordBatch, name: str | None, row: int) -> list[object]:
        if name is None:
            return [None] * batch.num_rows
        if name in self.photo_columns:
            return list(photos_of(batch.column(name), row, self.columns.photos.index(name)))
        cells: list[object] = batch.column(name).to_pylist()
        return cells

    def _check_content(self, batch: pa.RecordBatch) -> None:
        for name in self.photo_columns:
            check_content(self.path, name, (photo for row in photo_values(batch.column(name)) for photo in row))

    def _digest(self, batch: pa.RecordBatch, content: hashlib.blake2b) -> None:
        for name in self.photo_columns:
            for photos in photo_values(batch.column(name)):
                for photo in photos:
                    if photo is not None and photo.is_valid:
                        content.update(photo.as_buffer())

    def _photo_bytes(self, group: int) -> int:
        """Bytes of a row group's photos, decompressed."""
        return self._bytes_of(group, self.photo_columns)

    def _bytes_of(self, group: int, columns: Sequence[str]) -> int:
        described = self._file.metadata.row_group(group)
        chunks = (described.column(k) for k in range(described.num_columns))
        starts = tuple(f"{name}." for name in columns)
        return sum(
            chunk.total_uncompressed_size for chunk in chunks if f"{chunk.path_in_schema}.".startswith(starts)
        )  # fmt: skip

    def batches(self, group: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """A row group in batches of few bytes."""
        size = ROWS_OF_PATHS
        if self.photo_columns:
            n_rows = self._starts[group + 1] - self._starts[group]
            size = min(ROWS_OF_PHOTOS, max(1, BATCH_BYTES * n_rows // max(1, self._photo_bytes(group))))
        texts = [name for name in self.columns.texts if name is not None and name in columns]
        if texts:
            n_rows = self._starts[group + 1] - self._starts[group]
            size = min(size, ROWS_OF_TEXTS, max(1, BATCH_BYTES * n_rows // max(1, self._bytes_of(group, texts))))
        batches: Iterator[pa.RecordBatch] = self._file.iter_batches(size, [group], list(columns), use_threads=False)
        return batches

    def group_of(self, row: int) -> tuple[int, int]:
        """The row group of a row, from 0, and the first row of that group."""
        group = bisect_right(self._starts, row) - 1
        return group, self._starts[group]


class PhotosOfCells:
    """Reads photos from the cells of a table, forward through a row group: memory holds one batch of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()

    def _open(self) -> None:
        self._process, self._lock = os.getpid(), threading.Lock()
        self._table: ParquetTable | None = None
        self._batch: pa.RecordBatch | None = None
        self._rest: Iterator[pa.RecordBatch] = iter(())
        self._group, self._first = 0, 0

    def read(self, photos: Iterable[CellPhoto]) -> dict[CellPhoto, bytes]:
        """The encoded photos but those that cannot be read any more.

        Every row group is gone through once at most, whatever the order of the photos.
        """
        import pyarrow as pa

        if self._process != os.getpid():
            # neither place nor lock are a forked process's own
            self._open()
        found = {}
        with self._lock:
            for photo in sorted(set(photos)):
                try:
                    found[photo] = self._read(photo)
                except (pa.ArrowException, OSError, LookupError, ValueError, StopIteration) as error:
                    log.debug("%s, row %d: %s", self.path, photo.row + 1, error)
                    self._batch = None
        return found

    def _read(self, photo: CellPhoto) -> bytes:
        if self._table is None:
            self._table = ParquetTable(self.path)
        batch = self._batch_with(self._table, photo.row)
        cell = batch.column(self._table.columns.photos[photo.column]).slice(photo.row - self._first, 1)
        encoded: bytes | None = next(photo_values(cell))[photo.item].as_py()
        if encoded is None or len(encoded) != photo.size:
            raise ValueError("the table has changed while it was in use")
        return encoded

    def _batch_with(self, table: ParquetTable, row: int) -> pa.RecordBatch:
        group, start = table.group_of(row)
        if self._batch is None or group != self._group or row < self._first:
            self._rest = table.batches(group, table.photo_columns)
            self._group, self._first, self._batch = group, start, next(self._rest)
        while row >= self._first + self._batch.num_rows:
            self._first += self._batch.num_rows
            self._batch = next(self._rest)
        return self._batch
