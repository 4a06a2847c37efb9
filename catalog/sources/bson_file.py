"""A BSON file of products: an offset index over it, bad stretches skipped, counted and named."""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import numpy as np
from bson.errors import BSONError
from numpy.typing import NDArray

from catalog.product import MAX_IMAGES, Problem, ProblemKind, ProblemLog
from catalog.sidecar import sidecar_path, source_stamp
from catalog.sources.source import NO_CATEGORY, Document, Index, PackedRows, Progress, first_of_each_id

MAX_DOCUMENT = 48 * 2**20
"""Bytes; MongoDB writes at most 16 MiB, a longer announced length is taken for garbage."""

LARGEST_EXACT = 2.0**53
"""Doubles up to here hold every integer; beyond it neighbours fall together."""

FIRST_FIELD = re.compile(rb"(?:category_id|imgs|_id)\0")
"""Name of a document's first field: MongoDB and pymongo put the `_id` first, other writers may not."""


class BsonFile:
    """A file of BSON documents `{_id, category_id?, imgs: [{picture}]}`, memory-mapped.

    A row's `offset` and `length` are the document's place in bytes.
    """

    def __init__(self, path: Path) -> None:
        """`path`: an existing file; raises FileNotFoundError when there is none."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: give the path of a BSON file of products")
        self.path = path
        self._data: mmap.mmap | None = None

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

    def stamp(self) -> dict[str, Any]:
        """Size and time of the last change."""
        return dict(source_stamp(self.path))

    def sidecar(self, suffix: str) -> Path:
        """Beside the file, or in the user's cache folder."""
        return sidecar_path(self.path, suffix)

    def index(self, progress: Progress | None = None) -> Index:
        """Scan the file once; raises ValueError when it is empty or holds not one usable document."""
        rows, problems = build_index(self.path, progress)
        return Index(rows, problems, fingerprint(self.path))

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The documents of these rows."""
        return map(parse_document, self.raw(rows))

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The documents as they lie in the file, byte for byte."""
        data = self._mapped()
        for start, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
            yield data[start : start + length]

    def __reduce__(self) -> tuple[Any, ...]:
        return BsonFile, (self.path.absolute(),)

    def _mapped(self) -> mmap.mmap:
        if self._data is None:
            with self.path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._data


def parse_document(raw: bytes) -> Document:
    """Decode one document and say what `document_of` says of it.

    Raises:
        ValueError: not BSON, or without an integer `_id`; the message says what was found.
    """
    try:
        fields: dict[str, Any] = bson.decode(raw)
    except (BSONError, UnicodeDecodeError) as error:
        raise ValueError(f"not BSON: {error}") from None
    return document_of(fields)


def document_of(fields: dict[str, Any]) -> Document:
    """What `{_id, category_id?, imgs: [{picture}]}` says; what is wrong but for the `_id` is listed.

    Raises:
        ValueError: without an integer `_id`; the message says what was found.
    """
    product_id = _integer(fields.get("_id"), "_id")
    if product_id is None:
        raise ValueError("_id is missing")
    problems: list[tuple[ProblemKind, str]] = []
    try:
        category_id = _integer(whole_number(fields.get("category_id")), "category_id")
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


def whole_number(value: object) -> object:
    """The integer that a double stands for: MongoDB's shell and many exporters write every number as a double."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT:
        return int(value)
    return value


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
    log, index = ProblemLog(), PackedRows()
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
    rows = first_of_each_id(rows, log)
    if progress is not None:
        progress(size, size)
    return rows, log


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
