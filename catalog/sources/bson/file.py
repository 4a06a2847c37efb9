"""A BSON file of products: an offset index over it, bad stretches skipped, counted and named."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress
from catalog.files.sidecar import sidecar_path, source_stamp
from catalog.product import ProblemLog
from catalog.sources.bson.document import parse_document
from catalog.sources.bson.scan import scan
from catalog.sources.source import Document, Index

WHAT = "a BSON file, a folder of photos, a CSV or Parquet table of photo paths, or mongodb://HOST/DATABASE.COLLECTION"
"""What a catalogue can be, for messages."""


class BsonFile:
    """A file of BSON documents `{_id, category_id?, imgs: [{picture}]}`, memory-mapped.

    A row's `offset` and `length` are the document's place in bytes.
    """

    def __init__(self, path: Path) -> None:
        """`path`: an existing file; raises FileNotFoundError when there is none."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: give {WHAT}")
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

    def index_with_md5s(self, progress: Progress | None = None, n_workers: int = 1) -> Index:
        """The same and the photos' MD5s in one reading of the file, shared among processes."""
        whole = scan(self.path, with_md5s=True, n_workers=n_workers, progress=progress)
        return Index(whole.rows, whole.problems, fingerprint(self.path), md5s=whole.md5s)

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The documents of these `(n,)` rows."""
        return map(parse_document, self.raw(rows))

    def photo_file(self, row: NDArray[np.void], photo: int) -> str | None:
        """None for any row, `()`: the photos lie in the documents."""
        return None

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The documents of `(n,)` rows as they lie in the file, byte for byte."""
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


def build_index(path: Path, progress: Progress | None = None) -> tuple[NDArray[np.void], ProblemLog]:
    """Scan a BSON file once: `(N,)` array of dtype `ROW` in file order, each `_id` once, and what was wrong.

    Raises:
        ValueError: the file is empty or holds not one usable document.
    """
    whole = scan(path, progress=progress)
    return whole.rows, whole.problems


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
