"""Offset index over a BSON file: one row per usable document, bad stretches skipped, counted and named."""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import numpy as np
from bson.errors import BSONError
from numpy.typing import NDArray

from catalog.product import MAX_IMAGES, Problem, ProblemKind, ProblemLog

MAX_DOCUMENT = 48 * 2**20
"""Bytes; MongoDB writes at most 16 MiB, a longer announced length is taken for garbage."""

NO_CATEGORY = -1
FIRST_FIELD = re.compile(rb"(?:category_id|imgs|_id)\0")
"""Name of a document's first field: MongoDB and pymongo put the `_id` first, other writers may not."""

ROW = np.dtype(
    [("offset", "<i8"), ("length", "<i4"), ("product_id", "<i8"), ("category_id", "<i8"), ("n_images", "<i1")]
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Document:
    """What one BSON document says: the pictures are at most four."""

    product_id: int
    category_id: int | None
    pictures: tuple[bytes, ...]
    problems: tuple[tuple[ProblemKind, str], ...] = ()


def parse_document(raw: bytes) -> Document:
    """Decode one document `{_id, category_id?, imgs: [{picture}]}`; what is wrong but for the `_id` is listed.

    Raises:
        ValueError: not BSON, or without an integer `_id`; the message says what was found.
    """
    try:
        fields: dict[str, Any] = bson.decode(raw)
    except (BSONError, UnicodeDecodeError) as error:
        raise ValueError(f"not BSON: {error}") from None
    product_id = _integer(fields.get("_id"), "_id")
    if product_id is None:
        raise ValueError("_id is missing")
    problems: list[tuple[ProblemKind, str]] = []
    try:
        category_id = _integer(fields.get("category_id"), "category_id")
    except ValueError as error:
        category_id = None
        problems.append((ProblemKind.BAD_CATEGORY, str(error)))
    entries = fields.get("imgs") or []
    if not isinstance(entries, list):
        problems.append((ProblemKind.BAD_PHOTO_ENTRY, f"imgs is {type(entries).__name__}, expected a list"))
        entries = []
    pictures = []
    for rank, entry in enumerate(entries, start=1):
        picture = entry.get("picture") if isinstance(entry, dict) else None
        if isinstance(picture, bytes):
            pictures.append(picture)
        else:
            problems.append((ProblemKind.BAD_PHOTO_ENTRY, f"photo {rank}"))
    if not pictures:
        problems.append((ProblemKind.NO_PHOTO, ""))
    elif len(pictures) > MAX_IMAGES:
        problems.append((ProblemKind.TOO_MANY_PHOTOS, f"{len(pictures)} photos"))
    return Document(product_id, category_id, tuple(pictures[:MAX_IMAGES]), tuple(problems))


def _integer(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {type(value).__name__} {str(value)[:40]!r}, expected an integer")
    return int(value)


def build_index(path: Path, progress: Progress | None = None) -> tuple[NDArray[np.void], ProblemLog]:
    """Scan a BSON file once.

    Returns:
        rows: `(N,)` array of dtype `ROW`, in file order, each `_id` once.
        problems: everything that was skipped or cut short.

    Raises:
        ValueError: the file is empty or holds not one usable document.
    """
    size = path.stat().st_size
    if size == 0:
        raise ValueError(f"{path} is empty: expected BSON documents {{_id, category_id, imgs}}")
    log, index = ProblemLog(), _Rows()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position, n_documents = 0, 0
        while position < size:
            length = _document_length(data, position, size)
            raw = data[position : position + length] if length else b""
            if not length or not _is_bson(raw):
                position = _resume_after(data, position, size, log)
                continue
            where = f"offset {position}"
            try:
                document = parse_document(raw)
            except ValueError as error:
                log.add(Problem(ProblemKind.BAD_DOCUMENT, where, detail=str(error)))
            else:
                for kind, detail in document.problems:
                    log.add(Problem(kind, where, document.product_id, detail))
                category = NO_CATEGORY if document.category_id is None else document.category_id
                index.append((position, length, document.product_id, category, len(document.pictures)))
            position += length
            n_documents += 1
            if progress is not None and n_documents % 2000 == 0:
                progress(position, size)
    rows = index.whole()
    if not len(rows):
        raise ValueError(f"{path} holds no usable product document.\n{log.summary()}")
    _, first = np.unique(rows["product_id"], return_index=True)
    for row in rows[np.setdiff1d(np.arange(len(rows)), first)]:
        log.add(Problem(ProblemKind.REPEATED_ID, f"offset {row['offset']}", int(row["product_id"])))
    if progress is not None:
        progress(size, size)
    return rows[np.sort(first)], log


class _Rows:
    """Collects rows as packed arrays: a list of tuples would take seven times the memory."""

    def __init__(self, packed: int = 4096) -> None:
        self.packed = packed
        self.done: list[NDArray[np.void]] = []
        self.open: list[tuple[int, ...]] = []

    def append(self, row: tuple[int, ...]) -> None:
        self.open.append(row)
        if len(self.open) == self.packed:
            self.done.append(np.array(self.open, ROW))
            self.open = []

    def whole(self) -> NDArray[np.void]:
        return np.concatenate([*self.done, np.array(self.open, ROW)])


def _document_length(data: mmap.mmap, position: int, size: int) -> int:
    """Announced length of the document at `position`, or 0 when none can start and end there."""
    length = int.from_bytes(data[position : position + 4], "little", signed=True)
    fits = 5 <= length <= MAX_DOCUMENT and position + length <= size
    return length if fits and data[position + length - 1] == 0 else 0


def _is_bson(raw: bytes) -> bool:
    try:
        bson.decode(raw)
    except (BSONError, UnicodeDecodeError):
        return False
    return True


def _resume_after(data: mmap.mmap, position: int, size: int, log: ProblemLog) -> int:
    """Log the bad stretch at `position` and return where the next good document starts (or `size`)."""
    start = position
    while True:
        # a document starts with its length (4 bytes), then its first field: type byte and name
        name = FIRST_FIELD.search(data, start + 6)
        if name is None:
            break
        start = name.start() - 5
        length = _document_length(data, start, size)
        if length and _is_bson(data[start : start + length]):
            break
    resumed = size if name is None else start
    announced = int.from_bytes(data[position : position + 4], "little", signed=True)
    if resumed == size and 5 <= announced <= MAX_DOCUMENT and position + announced > size:
        detail = f"{announced} bytes announced, {size - position} left"
        log.add(Problem(ProblemKind.TRUNCATED, f"offset {position}", detail=detail))
    else:
        log.add(Problem(ProblemKind.GARBAGE, f"offset {position}", detail=f"{resumed - position} bytes"))
    return resumed


def fingerprint(path: Path, n_blocks: int = 64, block: int = 2**16) -> str:
    """Content fingerprint of a file of any size: its length and evenly spaced blocks (at most 4 MiB read)."""
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        if size <= n_blocks * block:
            digest.update(file.read())
        else:
            for offset in np.linspace(0, size - block, n_blocks).astype(np.int64).tolist():
                file.seek(offset)
                digest.update(file.read(block))
    return digest.hexdigest()
