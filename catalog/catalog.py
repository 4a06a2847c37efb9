"""A random-access, lazily read, picklable sequence of products over a BSON file."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from catalog.bson_index import ROW, Progress, build_index, fingerprint, parse_document
from catalog.product import ProblemLog, Product
from catalog.sidecar import keep_sidecar, read_sidecar, sidecar_path, source_stamp

MD5 = np.dtype((np.uint8, 16))


class Catalog(Sequence[Product]):
    """Products of a BSON file in file order, each `_id` once.

    The file is memory-mapped; an offset index is kept in a sidecar file and rebuilt when the BSON changes.
    Instances pickle as their path alone, so that worker processes reopen the sidecar instead of copying it.
    """

    def __init__(self, path: str | Path, progress: Progress | None = None) -> None:
        """Open (and on first use index) a BSON file.

        Raises:
            FileNotFoundError: no such file.
            ValueError: empty file, a folder, or no usable document in it.
        """
        self.path = Path(path)
        if self.path.is_dir():
            raise ValueError(f"{self.path} is a folder: give the BSON file in it")
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path} does not exist: give the path of a BSON file of products")
        stamp = source_stamp(self.path)
        place = sidecar_path(self.path, ".index")
        found = read_sidecar(place, stamp, ROW)
        if found is None:
            rows, self.problems = build_index(self.path, progress)
            self.fingerprint = fingerprint(self.path)
            header: dict[str, Any] = {
                "stamp": stamp,
                "n_rows": len(rows),
                "fingerprint": self.fingerprint,
                "problems": self.problems.to_json(),
            }
            keep_sidecar(place, header, rows)
            found = read_sidecar(place, stamp, ROW) or (header, rows)
        header, rows = found
        self._rows: NDArray[np.void] = rows
        self.fingerprint = str(header["fingerprint"])
        self.problems = ProblemLog.from_json(header["problems"])
        self._data: mmap.mmap | None = None

    @property
    def product_ids(self) -> NDArray[np.int64]:
        """`(N,)` int64, unique."""
        return np.ascontiguousarray(self._rows["product_id"])

    @property
    def category_ids(self) -> NDArray[np.int64]:
        """`(N,)` int64; -1 where the document has none."""
        return np.ascontiguousarray(self._rows["category_id"])

    @property
    def n_images(self) -> NDArray[np.int8]:
        """`(N,)` int8 in 0..4: photos in the document, of which at most four are used."""
        return np.ascontiguousarray(self._rows["n_images"])

    def md5s(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        """`(sum of n_images, 16)` uint8: MD5 of every photo in catalogue order; nothing is decoded.

        Kept in a sidecar file of its own: the first call reads the whole BSON file once.
        """
        stamp = source_stamp(self.path)
        place = sidecar_path(self.path, ".md5")
        found = read_sidecar(place, stamp, MD5)
        if found is not None:
            return found[1]
        digests = np.zeros((int(self.n_images.sum(dtype=np.int64)), 16), np.uint8)
        at = 0
        for done, product in enumerate(self, start=1):
            for photo in product.images:
                digests[at] = np.frombuffer(photo_md5(photo), np.uint8)
                at += 1
            if progress is not None and (done % 1000 == 0 or done == len(self)):
                progress(done, len(self))
        keep_sidecar(place, {"stamp": stamp, "n_rows": len(digests)}, digests)
        return digests

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Product: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Product]: ...
    def __getitem__(self, index: int | slice) -> Product | Sequence[Product]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        document = parse_document(self.raw(index))
        return Product(document.product_id, document.pictures, document.category_id)

    def chunks(self, size: int, start: int = 0) -> Iterator[list[Product]]:
        """Successive lists of `size` products from position `start`; the file is read once, in order."""
        for first in range(start, len(self), size):
            yield [self[i] for i in range(first, min(first + size, len(self)))]

    def raw(self, index: int) -> bytes:
        """The product's BSON document as it lies in the file, byte for byte."""
        row = self._rows[index]
        start = int(row["offset"])
        return self._mapped()[start : start + int(row["length"])]

    def _mapped(self) -> mmap.mmap:
        if self._data is None:
            with self.path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._data

    def __reduce__(self) -> tuple[Any, ...]:
        return Catalog, (self.path,)


def photo_md5(photo: bytes) -> bytes:
    """16-byte MD5 of the encoded photo: a photo's identity, not a security measure."""
    return hashlib.md5(photo, usedforsecurity=False).digest()
