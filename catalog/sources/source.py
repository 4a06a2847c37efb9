"""What a catalogue asks of the place where its products lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.files.sidecar import sidecar_path
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_number
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.product_text import ShopText

NO_CATEGORY = -1
"""Stands in arrays for a product without a category."""

OF_TEXTS = "texts"
"""Key of a stamp under which stands what concerns the products' texts alone, not their photos."""

ROW = np.dtype(
    [("offset", "<i8"), ("length", "<i4"), ("product_id", "<i8"), ("category_id", "<i8"), ("n_images", "<i1")]
)
"""A product's entry in an index, with the numbers of its ids; what `offset` and `length` mean is the source's own."""


@dataclass(frozen=True)
class Document:
    """What a source says of one product: the pictures are at most four."""

    product_id: ShopId
    category_id: ShopId | None
    pictures: tuple[bytes, ...]
    problems: tuple[tuple[ProblemKind, str], ...] = ()
    title: str = ""
    description: str = ""

    def row(self, offset: int, length: int) -> tuple[int, int, int, int, int]:
        """Its entry in an index, as `ROW` has it."""
        category_id = NO_CATEGORY if self.category_id is None else id_number(self.category_id)
        return offset, length, id_number(self.product_id), category_id, len(self.pictures)

    def log_problems(self, log: ProblemLog, where: str) -> None:
        """Add its problems to a log, with the place where the source has it."""
        log.extend(Problem(kind, where, self.product_id, detail) for kind, detail in self.problems)


@dataclass(frozen=True)
class Index:
    """All usable products of a source.

    Attributes:
        rows: `(N,)` array of dtype `ROW` in the source's order, each `_id` once.
        problems: everything that was skipped or cut short.
        fingerprint: another one means that the content has changed; one that only samples it may miss a change. The
            catalogue adds every id and category to it.
        stamp: the source's as it was when it was looked through; None: the one asked before holds.
        md5s: `(sum of n_images, 16)` uint8 MD5s of the photos, where they were read along.
        has_texts: whether any product has a title or a description; None: nobody has looked.
        ids: of the products and categories whose ids are no integers.
    """

    rows: NDArray[np.void]
    problems: ProblemLog
    fingerprint: str
    stamp: dict[str, Any] | None = None
    md5s: NDArray[np.uint8] | None = None
    has_texts: bool | None = None
    ids: IdNames = field(default_factory=IdNames.none)


class Source(Protocol):
    """One place where products lie, not yet opened. It pickles small: a worker opens it again (`__reduce__`)."""

    @property
    def address(self) -> str:
        """What opens it again from anywhere: an absolute path or a URI. It may be written to disk: no password."""

    @property
    def title(self) -> str:
        """As people know it, for messages."""
        return self.address

    @property
    def name(self) -> str:
        """Short, fit for a file's name: `train`, `shop.products`."""

    def stamp(self) -> dict[str, Any]:
        """What tells, cheaply, that the source has changed since it was indexed; plain JSON types."""

    def sidecar(self, suffix: str) -> Path:
        """Where what is derived from it is kept: `.index`, `.ids`, `.md5`, `.texts`."""

    def knowing(self, ids: IdNames) -> Source:
        """The same source, given the texts of its index's ids, where it finds products again by them."""
        return self

    def index(self, progress: Progress | None = None) -> Index:
        """Look through all of it once; raises ValueError when it holds not one usable product."""

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The products of these `(n,)` rows of the index, in their order."""

    def texts(self, rows: NDArray[np.void]) -> Iterator[ShopText]:
        """What the shop wrote of the products of these `(n,)` rows, in their order; their photos are not read."""

    def category_choice(self) -> str:
        """Which of two places that say a product's category counts, for people; empty where there is one."""
        return ""

    def level_names(self) -> tuple[str, ...]:
        """What a table's columns call the levels of its categories, the highest first; empty where they do not."""
        return ()

    def columns_left_alone(self) -> tuple[str, ...]:
        """The columns of a table of which nothing is taken."""
        return ()

    def photo_file(self, row: NDArray[np.void], photo: int) -> str | None:
        """The file of a photo (from 1) of a row, `()`, for people; None where photos are no files of their own."""
        return None

    def document_ids(self, rows: NDArray[np.void]) -> list[Any] | None:
        """The `_id`s of these `(n,)` rows, of the type that their documents have; None where there are no documents."""
        return None

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The products of these `(n,)` rows as BSON documents, with all the fields that the source knows."""


class FileSource(Source):
    """A source at one path: a file with all it names, or a folder."""

    path: Path

    @property
    def address(self) -> str:
        """The absolute path."""
        return str(self.path.resolve())

    @property
    def title(self) -> str:
        """The path as it was given."""
        return str(self.path)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def sidecar(self, suffix: str) -> Path:
        """Beside the file or folder, or in the user's cache folder."""
        return sidecar_path(self.path.resolve() if self.path.name in ("", "..") else self.path, suffix)


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


def first_of_each_id(
    rows: NDArray[np.void], log: ProblemLog, repeated: Callable[[NDArray[np.void], NDArray[np.void]], Problem]
) -> NDArray[np.void]:
    """`(N,)` rows in their order, each product_id once: the first one with a photo, else the first.

    Args:
        log: told of each of the others.
        repeated: what to tell of a row, `()`, given the one that is kept for it.
    """
    # stable: of equal ids and equally with or without a photo, the earlier comes first
    order = np.lexsort((rows["n_images"] == 0, rows["product_id"]))
    ids, first = np.unique(rows["product_id"][order], return_index=True)
    kept = order[first]
    for row in rows[np.setdiff1d(np.arange(len(rows)), kept)]:
        log.add(repeated(row, rows[kept[np.searchsorted(ids, row["product_id"])]]))
    return rows[np.sort(kept)]
