"""Vectors that were written together, with what is known of them; never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.ids.id_names import IdNames
from search.checks import MAX_OFF, is_off, lengths_of
from search.contract import COLUMNS, Entries, Filter
from search.index.codec import Codec
from search.index.coded_file import CodedFile
from search.index.sorted_column import SortedColumn
from search.index.state_file import SegmentRecord, SmallFile, damaged, file_digest
from search.index.vector_file import VectorFile, blocks_of

VECTORS, CODES, ENTRIES = "vectors.bin", "codes.bin", "entries.safetensors"
_ARRAYS = {
    "product_ids": ArraySpec(np.int64, ("N",)),
    "photos": ArraySpec(np.int8, ("N",)),
    "category_ids": ArraySpec(np.int64, ("N",)),
    "n_images": ArraySpec(np.int8, ("N",)),
    "ids": ArraySpec(np.uint8, ("B",)),
}
KEPT_OFF = 2 * MAX_OFF
"""How far a length may be from 1 once it was rounded to 16 bits."""


class Segment:
    """N vectors on the disk.

    Attributes:
        record: what the state of the index says of it.
        file: its vectors. codes: of them, None where the search is exact. entries: of them.
        inode: of the file of vectors, which no other file has while this one is open.
    """

    def __init__(self, folder: Path, record: SegmentRecord, width: int, codec: Codec | None) -> None:
        """Open it.

        Raises:
            ValueError: a damaged file, which it names.
            FileNotFoundError: a file is missing.
        """
        self.record = record
        self.folder = folder / record.name
        self.file = VectorFile(self.folder / VECTORS, record.n, width)
        self.codes = None if codec is None else CodedFile(self.folder / CODES, codec)
        self.inode = (self.folder / VECTORS).stat().st_ino
        path = record.entries.check(folder)
        arrays = load_arrays(path, _ARRAYS, what="entries of an index")
        try:
            names = IdNames.from_bytes(arrays.pop("ids"))
        except ValueError as error:
            raise damaged(path, str(error)) from None
        self.entries = Entries(**arrays, ids=names)
        if len(self.entries) != record.n:
            raise damaged(path, f"it tells of {len(self.entries):,} vectors, there are {record.n:,}")

    def __len__(self) -> int:
        return self.record.n

    def check(self) -> None:
        """Read the large files, of which opening looks at the size alone; raises ValueError naming a damaged one."""
        for name, digest in ((VECTORS, self.record.vectors), (CODES, self.record.codes)):
            if digest and file_digest(self.folder / name) != digest:
                raise damaged(self.folder / name, "its content is not what was written")

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(n, D)` float32 by `(n,)` rows; raises ValueError where one is not of length 1, as all were written."""
        vectors = self.file.vectors(rows)
        # to read all of the file when it is opened would take minutes
        if is_off(lengths_of(vectors), KEPT_OFF).any():
            raise damaged(self.folder / VECTORS, "it holds vectors whose length is not 1")
        return vectors

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
        if where.category_ids is not None:
            passing &= self.categories.is_one_of(where.category_ids)
        if where.product_ids is not None:
            passing &= self.products.is_one_of(where.product_ids)
        if where.n_images is not None:
            passing &= np.isin(self.entries.n_images, list(where.n_images))
        if where.without is not None:
            passing[self.products.rows_of(where.without)] = False
        return passing

    def blocks(self, keep: NDArray[np.bool_] | None = None) -> Iterator[NDArray[np.float32]]:
        """`(n, D)` float32 vectors of all rows, or of those that are True in `(N,)` bool, some at a time."""
        yield from blocks_of(self.file, np.arange(len(self)) if keep is None else np.flatnonzero(keep))


def write_entries(folder: Path, segment: str, entries: Entries) -> SmallFile:
    """Write what is known of a segment's vectors into its folder."""
    ids = entries.ids.among(np.concatenate([entries.product_ids, entries.category_ids]))
    arrays: dict[str, NDArray[Any]] = {name: getattr(entries, name) for name in COLUMNS}
    save_arrays(folder / segment / ENTRIES, {**arrays, "ids": ids.to_bytes()})
    return SmallFile.of(folder, f"{segment}/{ENTRIES}")


def joined_entries(parts: Iterable[Entries]) -> Entries:
    """One after the other."""
    parts, names = list(parts), IdNames.none()
    for part in parts:
        names = names.joined(part.ids)
    return Entries(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}, ids=names)
