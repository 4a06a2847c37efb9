"""A BSON file of products: an offset index over it, bad stretches skipped, counted and named."""

import hashlib
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import numpy as np
from bson.raw_bson import RawBSONDocument
from numpy.typing import NDArray

from catalog.files.file_kinds import MONGODUMP_ARCHIVE, kind_of, refuse_other_kind
from catalog.files.progress import Progress
from catalog.files.sidecar import source_stamp
from catalog.product_text import ShopText
from catalog.sources.bson.document import AS_IT_IS, parse_document
from catalog.sources.bson.scan import FIRST_FIELD, scan
from catalog.sources.bson.walk import texts_in
from catalog.sources.source import Document, FileSource, Index

LOOKED_AT = 2**16
OWN_ID = re.compile(rb"[\x01\x02\x05\x07\x10\x12]_id\0")
"""The field that products are known by: a double, a text, a UUID, an ObjectId or an integer."""
OUTERMOST = AS_IT_IS.with_options(document_class=RawBSONDocument)
"""Decodes a document's own fields, and copies no photo."""
WHAT = "a BSON file, a folder of photos, a CSV or Parquet table of photo paths, or mongodb://HOST/DATABASE.COLLECTION"
"""What a catalogue can be, for messages."""


class BsonFile(FileSource):
    """A file of BSON documents `{_id, category_id?, imgs: [{picture}]}`, memory-mapped.

    A row's `offset` and `length` are the document's place in bytes.
    """

    def __init__(self, path: Path) -> None:
        """`path`: an existing file; raises FileNotFoundError when there is none."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: give {WHAT}")
        self.path = path
        self._data: mmap.mmap | None = None

    def stamp(self) -> dict[str, Any]:
        """Size and time of the last change."""
        return dict(source_stamp(self.path))

    def index(self, progress: Progress | None = None, *, with_md5s: bool = False, n_workers: int = 1) -> Index:
        """Scan the file once, shared among processes; with the photos' MD5s where they are asked for.

        Raises:
            ValueError: the file is empty, of another kind, or holds not one usable document.
        """
        refuse_other_file(self.path)
        whole = scan(self.path, with_md5s=with_md5s, n_workers=n_workers, progress=progress)
        return Index(
            whole.rows,
            whole.problems,
            fingerprint(self.path),
            md5s=whole.md5s,
            has_texts=whole.has_texts,
            ids=whole.ids,
        )

    def read(self, rows: NDArray[np.void]) -> Iterator[Document]:
        """The documents of these `(n,)` rows."""
        return map(parse_document, self.raw(rows))

    def texts(self, rows: NDArray[np.void]) -> Iterator[ShopText]:
        """The texts of the documents of these `(n,)` rows."""
        data = memoryview(self._mapped())
        for start, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
            yield texts_in(data, start, length)

    def raw(self, rows: NDArray[np.void]) -> Iterator[bytes]:
        """The documents of `(n,)` rows as they lie in the file, byte for byte."""
        data = self._mapped()
        for start, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
            yield data[start : start + length]

    def document_ids(self, rows: NDArray[np.void]) -> list[Any]:
        """The `_id`s of these `(n,)` rows."""
        return [bson.decode(raw, OUTERMOST)["_id"] for raw in self.raw(rows)]

    def __reduce__(self) -> tuple[Any, ...]:
        return BsonFile, (self.path.absolute(),)

    def _mapped(self) -> mmap.mmap:
        if self._data is None:
            with self.path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._data


def refuse_other_file(path: Path) -> None:
    """Raise ValueError where a file begins as no BSON document does, but as another kind of file."""
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
    # a document's first four bytes are its length: they may be any, but a name follows. Where one stands further on,
    # the file is damaged at its beginning, and the rest is kept; a dump in an archive alone holds documents, too
    is_archive = kind_of(start) is MONGODUMP_ARCHIVE
    if is_archive or not (FIRST_FIELD.match(start, 5) or OWN_ID.search(start)):
        refuse_other_kind(path, "a BSON file")


def fingerprint(path: Path, n_blocks: int = 64, block: int = 2**16) -> str:
    """Samples of a file of any size: its length and evenly spaced blocks (at most 4 MiB read).

    Of the ids and categories, `Catalog.fingerprint` sees all.
    """
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
