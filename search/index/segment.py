"""Vectors that were written together, with what is known of them; never changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.ids.id_names import IdNames
from search.contract import Entries, Filter
from search.index.sorted_column import SortedColumn
from search.index.state_file import SegmentRecord, SmallFile, damaged
from search.index.vector_file import VectorFile

VECTORS, ENTRIES, LISTS = "vectors.bin", "entries.safetensors", "lists.bin"
BLOCK_BYTES = 32 * 2**20
"""Of float32 vectors held in memory at a time."""
_ARRAYS = {
    "product_ids": ArraySpec(np.int64, ("N",)),
    "photos": ArraySpec(np.int8, ("N",)),
    "category_ids": ArraySpec(np.int64, ("N",)),
    "n_images": ArraySpec(np.int8, ("N",)),
    "ids": ArraySpec(np.uint8, ("B",)),
}
COLUMNS = ("product_ids", "photos", "category_ids", "n_images")


class Segment:
    """N vectors on the disk.

    Attributes:
        record: what the state of the index says of it.
        file: its vectors. entries: of them.
        inode: of the file of vectors, which no other file has while this one is open.
    """

    def __init__(self, folder: Path, record: SegmentRecord, width: int) -> None:
        """Open it.

        Raises:
            ValueError: a damaged file, which it names.
            FileNotFoundError: a file is missing.
        """
        self.record = record
        self.folder = folder / record.name
        self.file = VectorFile(self.folder / VECTORS, record.n, width)
        self.inode = (self.folder / VECTORS).stat().st_ino
        path = record.entries.check(folder)
        arrays = load_arrays(path, _ARRAYS, what="entries of an index")
        try:
            names = IdNames.from_bytes(arrays.pop("ids"))
        except ValueError as error:
            raise damaged(path, str(error)) from None
        self.entries = Entries(**arrays, ids=names)

    def __len__(self) -> int:
        return self.record.n

    @cached_property
    def products(self) -> SortedColumn:
        """Finds the rows of products."""
        return SortedColumn(self.entries.product_ids)

    @cached_property
    def categories(self) -> SortedColumn:
        """Finds the rows of categories."""
        return SortedColumn(self.entries.category_ids)

    def passing(self, where: Filter) -> NDArray[np.bool_]:
        """`(N,)` bool: what a filter lets through."""
        passing = np.ones(len(self), bool)
        chosen = ((self.categories, where.category_ids), (self.products, where.product_ids))
        for column, wanted in chosen:
            if wanted is not None:
                is_wanted = np.zeros(len(self), bool)
                is_wanted[column.rows_of(wanted)] = True
                passing &= is_wanted
        if where.n_images is not None:
            passing &= np.isin(self.entries.n_images, list(where.n_images))
        if where.without is not None:
            passing[self.products.rows_of(where.without)] = False
        return passing

    def blocks(self, keep: NDArray[np.bool_] | None = None) -> Iterator[NDArray[np.float32]]:
        """`(n, D)` float32 vectors of all rows, or of those that are True in `(N,)` bool, some at a time."""
        yield from blocks_of(self.file, np.arange(len(self)) if keep is None else np.flatnonzero(keep))


def blocks_of(file: VectorFile, rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """`(n, D)` float32 vectors of `(N,)` rows, some at a time."""
    n_block = max(1, 2 * BLOCK_BYTES // (4 * file.codes.shape[1]))
    for start in range(0, len(rows), n_block):
        yield file.vectors(rows[start : start + n_block])


def write_vectors(path: Path, blocks: Iterable[NDArray[np.floating]]) -> int:
    """Write `(n, D)` vectors as they come; returns how many they are."""
    n = 0
    with whole_file(path) as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f2").data)
            n += len(block)
        file.write(np.arange(n, dtype="<i8").data)
    return n


def write_entries(folder: Path, segment: str, entries: Entries) -> SmallFile:
    """Write what is known of a segment's vectors into its folder."""
    ids = entries.ids.among(np.concatenate([entries.product_ids, entries.category_ids]))
    arrays: dict[str, NDArray[Any]] = {name: getattr(entries, name) for name in COLUMNS}
    save_arrays(folder / segment / ENTRIES, {**arrays, "ids": ids.to_bytes()})
    return SmallFile.of(folder, f"{segment}/{ENTRIES}")


def chosen_entries(entries: Entries, keep: NDArray[np.bool_]) -> Entries:
    """Those that are True in `(N,)` bool."""
    return Entries(**{name: getattr(entries, name)[keep] for name in COLUMNS}, ids=entries.ids)


def joined_entries(parts: Iterable[Entries]) -> Entries:
    """One after the other."""
    parts, names = list(parts), IdNames.none()
    for part in parts:
        names = names.joined(part.ids)
    return Entries(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}, ids=names)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file to write; it is on the disk when this ends."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
