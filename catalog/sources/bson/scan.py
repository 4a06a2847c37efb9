"""One reading of a BSON file: where its documents lie, what is wrong, the photos' MD5s; alone or shared by processes.

Where a scan goes on depends on its position alone. A block that another process has scanned from a guessed start is
therefore right when the scan before it arrives at that start; otherwise it is scanned again from where that arrives.
"""

import hashlib
import mmap
import re
import struct
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import bson
import numpy as np
from bson.errors import BSONError
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.files.workers import in_order
from catalog.ids.id_names import IdNames
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.bson.document import AS_IT_IS, document_of, has_texts
from catalog.sources.bson.document_ids import ReadIds
from catalog.sources.bson.walk import walk
from catalog.sources.source import NO_CATEGORY, ROW, first_of_each_id

MAX_DOCUMENT = 48 * 2**20
"""Bytes; MongoDB writes at most 16 MiB, a longer announced length is taken for garbage."""
FIRST_FIELD = re.compile(rb"(?:category_id|imgs|_id)\0")
"""Name of a document's first field: MongoDB and pymongo put the `_id` first, other writers may not."""
NAME_ENDS = 4 + 1 + len(b"category_id\0")
"""Bytes from where a document starts to where its first field's name may end."""
BLOCK = 8 * 2**20
"""Bytes that a process scans at a time; a file of one block is never shared."""
WINDOW = 2**20
"""Bytes copied at a time: what stays in a core's own cache is walked and hashed fastest."""
_PACKED = struct.Struct("<qiqqb")
"""A row of dtype `ROW`."""


@dataclass(frozen=True)
class Scan:
    """What a file holds.

    Attributes:
        rows: `(N,)` array of dtype `ROW`, in file order.
        md5s: `(sum of n_images, 16)` uint8, or None when they were not asked for.
        problems: everything that was skipped or cut short.
        has_texts: whether any document has a title or a description.
        ids: the texts of ids that are no integers.
    """

    rows: NDArray[np.void]
    md5s: NDArray[np.uint8] | None
    problems: ProblemLog
    has_texts: bool
    ids: IdNames


@dataclass(frozen=True)
class Part:
    """What a stretch of a file holds, as `Scan` has it.

    Attributes:
        start, end: its first position, and the one where the next stretch goes on.
    """

    start: int
    end: int
    rows: NDArray[np.void]
    md5s: NDArray[np.uint8] | None
    problems: ProblemLog
    has_texts: bool
    ids: ReadIds


def scan(
    path: Path, *, with_md5s: bool = False, n_workers: int = 1, progress: Progress | None = None, block: int = BLOCK
) -> Scan:
    """Scan a whole file; each `_id` once, the later ones are logged. The result does not depend on `n_workers`.

    Raises:
        ValueError: the file is empty, holds not one usable document, or two ids that have the same number.
    """
    size = path.stat().st_size
    if size == 0:
        raise ValueError(f"{path} is empty: expected BSON documents {{_id, category_id, imgs}}")
    starts = range(0, size, block)
    parts: list[Part] = []
    problems, ids, position = ProblemLog(), ReadIds(), 0
    guesses: AbstractContextManager[Iterable[Part | None]] = nullcontext(repeat(None))
    if n_workers > 1 and len(starts) > 1:
        guesses = closing(in_order(partial(_scan_guessed, path, block, with_md5s), starts, n_workers))
    with closing(_Scanner(path)) as scanner, guesses as guessed:
        for start, guess in zip(starts, guessed, strict=False):
            # a document or a bad stretch may reach over whole blocks
            if position < start + block:
                fits = guess is not None and guess.start == position
                part = guess if guess is not None and fits else scanner.scan(position, start + block, with_md5s)
                position = part.end
                problems.merge(part.problems)
                ids.merge(part.ids)
                parts.append(part)
            if progress is not None:
                progress(min(position, size), size)
    rows = np.concatenate([part.rows for part in parts])
    with_texts = any(part.has_texts for part in parts)
    md5s = np.concatenate([part.md5s for part in parts if part.md5s is not None]) if with_md5s else None
    parts.clear()
    if not len(rows):
        raise ValueError(f"{path} holds no usable product document.\n{problems.summary()}")
    if problems.counts[ProblemKind.TEXT_PHOTO] and not rows["n_images"].any():
        raise ValueError(f"{path} has no picture that is bytes.\n{problems.summary()}")
    names = ids.names(rows)
    unique = first_of_each_id(rows, problems, partial(_repeated, names))
    if md5s is not None and len(unique) < len(rows):
        md5s = md5s[np.repeat(np.isin(rows["offset"], unique["offset"]), rows["n_images"])]
    return Scan(unique, md5s, problems, with_texts, names)


def _repeated(names: IdNames, row: NDArray[np.void], kept: NDArray[np.void]) -> Problem:
    return Problem(ProblemKind.REPEATED_ID, f"offset {row['offset']}", names.shown(int(row["product_id"])))


def _scan_guessed(path: Path, block: int, with_md5s: bool, start: int) -> Part | None:
    """Scan from the first document that seems to begin in the block; None without one."""
    with closing(_Scanner(path)) as scanner:
        first = scanner.next_document(start, start + block) if start else 0
        return None if first is None else scanner.scan(first, start + block, with_md5s)


class _Scanner:
    """An open file: blocks of it are copied into memory, everything unusual is looked at through a memory map."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb", buffering=0)
        self.data = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = len(self.data)
        self.window = memoryview(bytearray(min(WINDOW, self.size)))

    def close(self) -> None:
        self.data.close()
        self.file.close()

    def scan(self, start: int, stop: int, with_md5s: bool) -> Part:
        """Scan from `start` up to the first document or bad stretch that begins at `stop` or later."""
        log, ids, rows, digests = ProblemLog(), ReadIds(), list[bytes](), list[bytes]()
        md5, stop = partial(hashlib.md5, usedforsecurity=False), min(stop, self.size)
        position, with_texts = start, False
        window, origin = self._copied(start), start
        while position < stop:
            walked = walk(window, position - origin)
            if walked is None and position - origin + self._document_length(position) > len(window):
                window, origin = self._copied(position), position
                walked = walk(window, 0)
            if walked is not None:
                length, product_id, category_id, spans, texts = walked
                if texts is not None:
                    with_texts = with_texts or any(texts)
                    product_id, category_id = ids.numbers(product_id, category_id)
                rows.append(_PACKED.pack(position, length, product_id, category_id, len(spans)))
                if with_md5s:
                    digests += [md5(window[a:b]).digest() for a, b in spans]
                position += length
                continue
            length = self._document_length(position)
            fields = _decoded(self.data[position : position + length]) if length else None
            if fields is None:
                position = self._resume_after(position, log)
                continue
            where = f"offset {position}"
            try:
                document = document_of(fields)
            except ValueError as error:
                log.add(Problem(ProblemKind.BAD_DOCUMENT, where, detail=str(error)))
            else:
                document.log_problems(log, where)
                with_texts = with_texts or has_texts(fields)
                category_id = NO_CATEGORY if document.category_id is None else document.category_id
                numbers = ids.numbers(document.product_id, category_id)
                rows.append(_PACKED.pack(position, length, *numbers, len(document.pictures)))
                if with_md5s:
                    digests += [md5(picture).digest() for picture in document.pictures]
            position += length
        md5s = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16) if with_md5s else None
        return Part(start, position, np.frombuffer(b"".join(rows), ROW), md5s, log, with_texts, ids)

    def _copied(self, position: int) -> memoryview:
        self.file.seek(position)
        return self.window[: self.file.readinto(self.window)]

    def next_document(self, start: int, stop: int) -> int | None:
        """The first place in `start` to `stop` where a document seems to begin."""
        # a document starts with its length (4 bytes), then its first field: type byte and name
        for name in FIRST_FIELD.finditer(self.data, start + 5, stop + NAME_ENDS):
            place = name.start() - 5
            length = self._document_length(place)
            if place >= stop:
                break
            if length and _decoded(self.data[place : place + length]) is not None:
                return place
        return None

    def _document_length(self, position: int) -> int:
        """Announced length of the document at `position`, or 0 when none can start and end there."""
        length = int.from_bytes(self.data[position : position + 4], "little", signed=True)
        fits = 5 <= length <= MAX_DOCUMENT and position + length <= self.size
        return length if fits and self.data[position + length - 1] == 0 else 0

    def _resume_after(self, position: int, log: ProblemLog) -> int:
        """Log the bad stretch at `position` and return where the next good document starts (or the file ends)."""
        next_good = self.next_document(position + 1, self.size)
        resumed = self.size if next_good is None else next_good
        announced = int.from_bytes(self.data[position : position + 4], "little", signed=True)
        if resumed == self.size and 5 <= announced <= MAX_DOCUMENT and position + announced > self.size:
            detail = f"{announced} bytes announced, {self.size - position} left"
            log.add(Problem(ProblemKind.TRUNCATED, f"offset {position}", detail=detail))
        else:
            log.add(Problem(ProblemKind.GARBAGE, f"offset {position}", detail=f"{resumed - position} bytes"))
        return resumed


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        return dict(bson.decode(raw, AS_IT_IS))
    except (BSONError, UnicodeDecodeError):
        return None
