"""Codes of a segment, cell by cell, as they lie on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress
from search.index.codec import Codec
from search.index.state_file import damaged
from search.index.vector_file import Found, ListsOnDisk, VectorFile, blocks_of, whole_file

CELL_BYTES = 8
"""At the head, of the number of codes in each cell."""
CODES = ".codes.tmp"
"""Ending of the file that holds the codes in the order of rows while they are written."""


class CodedFile:
    """The codes of N vectors."""

    def __init__(self, path: Path, codec: Codec) -> None:
        """Open it; raises ValueError where it is damaged, FileNotFoundError where it is missing."""
        head = CELL_BYTES * codec.n_cells
        with path.open("rb") as file:
            data = file.read(head)
        sizes = np.frombuffer(data if len(data) == head else b"", "<i8")
        if len(sizes) != codec.n_cells or (sizes < 0).any():
            raise damaged(path, "its head is cut off or no head")
        self._codec = codec
        self._lists = ListsOnDisk(path, codec.new_lists(), sizes, head) if sizes.any() else None

    def search(
        self, query: NDArray[np.float32], k: int, probes: tuple[NDArray[np.int64], NDArray[np.float32]], passing: Any
    ) -> Found:
        """At most k best in the cells that are probed, by falling score: minus the squared distance.

        `query`: `(1, d)`, projected.
        """
        if self._lists is None:
            return Found(np.zeros(0, np.float32), np.zeros(0, np.int64))
        found = self._lists.search(query, k, probes, passing)
        return Found(-found.scores, found.rows)


def write_codes(path: Path, codec: Codec, file: VectorFile, progress: Progress | None = None) -> str:
    """Encode a file of vectors; memory stays flat. Returns the digest of the file of codes."""
    scratch = path.with_name(path.name + CODES)
    cells = np.zeros(len(file), np.int32)
    done = 0
    with whole_file(scratch) as codes:
        for block in blocks_of(file, np.arange(len(file))):
            encoded, cells[done : done + len(block)] = codec.encode(block)
            codes.write(encoded.data)
            done += len(block)
            if progress is not None:
                progress(done, len(file))
    sizes = np.bincount(cells, minlength=codec.n_cells)
    by_cell, ends = np.argsort(cells, kind="stable"), np.cumsum(sizes)
    with whole_file(path) as lists:
        lists.write(sizes.astype("<i8").data)
        if len(file):
            rows_codes = np.memmap(scratch, np.uint8, "r", shape=(len(file), len(codec.axes)))
            for cell in np.flatnonzero(sizes).tolist():
                rows = by_cell[ends[cell] - sizes[cell] : ends[cell]]
                lists.write(rows_codes[rows].data)
                lists.write(rows.astype("<i8").data)
    scratch.unlink()
    return lists.digest
