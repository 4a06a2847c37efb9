"""What a catalogue asks of the place where its products lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.product import Problem, ProblemKind, ProblemLog

NO_CATEGORY = -1
"""Stands in arrays for a product without a category."""

ROW = np.dtype(
    [("offset", "<i8"), ("length", "<i4"), ("product_id", "<i8"), ("category_id", "<i8"), ("n_images", "<i1")]
)
"""A product's entry in an index; what `offset` and `length` mean is the source's own."""


@dataclass(frozen=True)
class Document:
    """What a source says of one product: the pictures are at most four."""

    product_id: int
    category_id: int | None
    pictures: tuple[bytes, ...]
    problems: tuple[tuple[ProblemKind, str], ...] = ()


@dataclass(frozen=True)
class Index:
    """All usable products of a source.

    Attributes:
        rows: `(N,)` array of dtype `ROW` in the source's order, each `_id` once.
        problems: everything that was skipped or cut short.
        fingerprint: identity of the content; another one means that something has changed.
        stamp: the source's as it was when it was looked through; None: the one asked before holds.
        md5s: `(sum of n_images, 16)` uint8 MD5s of the photos, where they were read along.
    """

    rows: NDArray[np.void]
    problems: ProblemLog
    fingerprint: str
    stamp: dict[str, Any] | None = None
    md5s: NDArray[np.uint8] | None = None


class Source(Protocol):
    """One place where products lie, not yet opened. It pickles small: a worker opens it again (`__reduce__`)."""

    @property
    def address(self) -> str:
        """What opens it again from anywhere: an absolute path or a URI. It may be written to disk: no password."""

    @property
    def title(self) -> str:
        """As people know it, for messages."""

    @property
    def name(self) -> str:
        """Short, fit for a file's name: `train`, `shop.products`."""

    def stamp(self) -> dict[str, Any]:
        """What tells, cheaply, that the source has changed since it was indexed; plain JSON types."""

    def sidecar(self, suffix: str) -> Path:
        """Where what is derived from it is kept: `.index`, `.md5`."""

    def index(self, progress: Progress | None = None) -> Index:
        """Look through all of it once; raises ValueError when it holds not one usable product."""

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The products of these `(n,)` rows of the index, in their order."""

    def photo_file(self, row: NDArray[np.void], photo: int) -> str | None:
        """The file of a photo (from 1) of a row, `()`, for people; None where photos are no files of their own."""

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The products of these `(n,)` rows as BSON documents, with all the fields that the source knows."""


class PackedRows:
    """Collects rows as packed arrays: a list of tuples would take seven times the memory."""

    def __init__(self, packed: int = 4096) -> None:
        self.packed = packed
        self.done: list[NDArray[np.void]] = []
        self.open: list[tuple[int, ...]] = []

    def append(self, row: tuple[int, ...]) -> None:
        """Add one row in the order of `ROW`'s fields."""
        self.open.append(row)
        if len(self.open) == self.packed:
            self.done.append(np.array(self.open, ROW))
            self.open = []

    def whole(self) -> NDArray[np.void]:
        """`(N,)` all rows so far."""
        return np.concatenate([*self.done, np.array(self.open, ROW)])


def first_of_each_id(rows: NDArray[np.void], log: ProblemLog, place: str = "offset") -> NDArray[np.void]:
    """`(N,)` rows in their order, each product_id once; the later ones are logged at their `offset`, called `place`."""
    _, first = np.unique(rows["product_id"], return_index=True)
    for row in rows[np.setdiff1d(np.arange(len(rows)), first)]:
        log.add(Problem(ProblemKind.REPEATED_ID, f"{place} {row['offset']}", int(row["product_id"])))
    return rows[np.sort(first)]
