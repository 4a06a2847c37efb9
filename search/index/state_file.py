"""`index.json`: which files make up the index. Replacing it is the one step that makes a change."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import write_text
from search.contract import IndexIdentity

STATE = "index.json"
FORMAT = 1
DIGEST_BYTES = 16
BLOCK = 2**20
MAX_WIDTH = 2**16
"""Numbers in a vector: a forged file must not make the search allocate what no network gives."""
MAX_ROWS = 2**48
_NAME = re.compile(r"(segment|removed|codec)-[0-9]{6,}(/?[a-z]*\.[a-z]+)?")
Kind = Literal["exact", "compressed"]
Stamp = tuple[int, int, int]
"""What tells one state file from the next: inode, modification time in nanoseconds, bytes."""


@dataclass(frozen=True)
class SmallFile:
    """A file that is read whole when the index is opened.

    Attributes:
        name: in the folder of the index. digest: of its bytes.
    """

    name: str
    digest: str

    def __post_init__(self) -> None:
        """Raises TypeError where it is no such record, as of a forged file: names lead nowhere but into the index."""
        _require(_is_name(self.name) and isinstance(self.digest, str), "a file's name")

    @classmethod
    def of(cls, folder: Path, name: str) -> Self:
        """As it lies in a folder."""
        return cls(name, file_digest(folder / name))

    def check(self, folder: Path) -> Path:
        """Where it lies.

        Raises:
            ValueError: its bytes are not those that were written.
            FileNotFoundError: it is not there.
        """
        path = folder / self.name
        if file_digest(path) != self.digest:
            raise damaged(path, "its content is not what was written")
        return path


@dataclass(frozen=True)
class SegmentRecord:
    """Vectors that were written together, and are never changed.

    Attributes:
        name: of its folder. n: vectors. entries: what is known of them.
        vectors, codes: digests of its large files, which a compaction looks at; "" where it has no codes.
    """

    name: str
    n: int
    entries: SmallFile
    vectors: str
    codes: str = ""

    def __post_init__(self) -> None:
        """Raises TypeError where it is no such record."""
        _require(_is_name(self.name) and _is_count(self.n), "a segment")
        _require(isinstance(self.vectors, str) and isinstance(self.codes, str), "a segment's digests")


@dataclass(frozen=True)
class IndexState:
    """All that `index.json` says.

    Attributes:
        chosen: the kind that was asked for when it was made, `auto` where the size decides.
        codec: what turns vectors into codes, None where the search is exact.
        first_row: number of the first vector; numbers are not used again after a compaction.
        segments: one after the other, their vectors make up the rows.
        removed: one bit for each row that is forgotten; None: none is.
        n_removed: how many. n_products: that can be found.
        next_number: for the name of the next file.
    """

    identity: IndexIdentity
    chosen: str
    kind: Kind
    codec: SmallFile | None = None
    first_row: int = 0
    segments: tuple[SegmentRecord, ...] = ()
    removed: SmallFile | None = None
    n_removed: int = 0
    n_products: int = 0
    next_number: int = 1

    def _checked(self) -> Self:
        """The same; raises TypeError where it is no such record."""
        one = self.identity
        texts = (one.network, one.digest, one.catalog, one.fingerprint, self.chosen)
        _require(all(isinstance(text, str) for text in texts), "texts")
        _require(_is_count(one.width) and 0 < one.width <= MAX_WIDTH, "width")
        has_codes = self.codec is not None
        _require(self.kind == ("compressed" if has_codes else "exact"), "kind")
        _require(all(bool(segment.codes) is has_codes for segment in self.segments), "kind")
        counts = (self.first_row, self.n_removed, self.n_products, self.next_number)
        _require(all(map(_is_count, counts)), "counts")
        _require(self.n_removed <= self.n_rows and self.n_products <= self.n_rows, "counts")
        return self

    @property
    def n_rows(self) -> int:
        """Rows, with those that are forgotten."""
        return sum(segment.n for segment in self.segments)

    @property
    def names(self) -> set[str]:
        """Of the files and folders that belong to it."""
        small = {one.name for one in (self.codec, self.removed) if one is not None}
        return small | {segment.name for segment in self.segments}

    def numbered(self, kind: str, ending: str = "") -> tuple[Self, str]:
        """A name that no file has yet, and the state that knows that it is taken."""
        return replace(self, next_number=self.next_number + 1), f"{kind}-{self.next_number:06}{ending}"

    def write(self, folder: Path) -> None:
        """Make it the state of the index, in one step."""
        content = asdict(self)
        text = json.dumps({"format": FORMAT, "digest": _content_digest(content), **content}, indent=1)
        write_text(folder / STATE, text + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote last.

        Raises:
            FileNotFoundError: there is no index.
            ValueError: damaged, or of a later version.
        """
        path = folder / STATE
        try:
            return cls.parse(path.read_bytes(), path)
        except FileNotFoundError:
            raise no_index(folder) from None

    @classmethod
    def parse(cls, text: bytes, path: Path) -> Self:
        """What a file says; raises ValueError as `read` does."""
        try:
            content = json.loads(text)
            if (version := content.pop("format")) != FORMAT:
                raise ValueError(f"{path} has format {version}, this version knows {FORMAT}: make the index anew")
            if content.pop("digest") != _content_digest(content):
                raise damaged(path, "its digest does not fit")
            state: Self = _state_of(cls, content)
            return state._checked()
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise damaged(path, f"it cannot be read: {error}") from None


class StateFile(NamedTuple):
    """A state that was read, and its file.

    Attributes:
        held: the bytes, memory-mapped: as long as it lives, no later state's file has the same inode.
    """

    state: IndexState
    stamp: Stamp
    held: NDArray[np.uint8]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The newest; raises as `IndexState.read` does."""
        path = folder / STATE
        while True:
            stamp = state_stamp(folder)
            if not stamp[2]:
                raise damaged(path, "it is empty")
            held = np.memmap(path, np.uint8, "r")
            if state_stamp(folder) == stamp:
                return cls(IndexState.parse(held.tobytes(), path), stamp, held)


def state_stamp(folder: Path) -> Stamp:
    """Of the state file as it lies there now; raises FileNotFoundError."""
    try:
        status = os.stat(folder / STATE)
    except FileNotFoundError:
        raise no_index(folder) from None
    return status.st_ino, status.st_mtime_ns, status.st_size


def no_index(folder: Path) -> FileNotFoundError:
    """The error that says how to make one."""
    return FileNotFoundError(f"{folder} holds no index ({STATE} is missing): make one with `rayonnage search index`")


def damaged(path: Path, why: str) -> ValueError:
    """The error that names a file of the index that is not as it was written."""
    return ValueError(f"{path} is damaged ({why}): make the index anew with `rayonnage search index`")


def file_digest(path: Path) -> str:
    """Of a file's bytes."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _require(is_sound: bool, what: str) -> None:
    if not is_sound:
        raise TypeError(f"its {what} cannot be")


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < MAX_ROWS


def _content_digest(content: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=DIGEST_BYTES).hexdigest()


def _state_of(cls: type[Any], content: dict[str, Any]) -> Any:
    segments = tuple(
        SegmentRecord(**{**one, "entries": SmallFile(**one["entries"])}) for one in content.pop("segments")
    )
    small = {
        name: None if one is None else SmallFile(**one) for name in ("codec", "removed") for one in [content.pop(name)]
    }
    identity = IndexIdentity(**content.pop("identity"))
    return cls(identity=identity, segments=segments, **small, **content)
