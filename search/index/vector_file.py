"""Vectors or codes in lists, as they lie on the disk and as faiss searches them there: nothing is read into memory."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress
from search.index.faiss_library import faiss_library
from search.index.state_file import DIGEST_BYTES, damaged

BLOCK_BYTES = 32 * 2**20
"""Of float32 vectors held in memory at a time."""
ROW_BYTES = 8
"""Of the number that follows the codes for each."""


class Found(NamedTuple):
    """Of one query: `(n,)` float32 scores and `(n,)` int64 rows, in no order."""

    scores: NDArray[np.float32]
    rows: NDArray[np.int64]


class ListsOnDisk:
    """A file of lists: of each its codes, then their rows as int64; memory-mapped.

    Args:
        index: faiss' IVF index, without lists, that gives meaning to the codes.
        sizes: `(L,)` int64 codes in each list; start: byte of the first list.
    """

    def __init__(self, path: Path, index: Any, sizes: NDArray[np.int64], start: int = 0) -> None:
        faiss = faiss_library()
        size = start + int(sizes.sum()) * (index.code_size + ROW_BYTES)
        if path.stat().st_size != size:
            raise damaged(path, f"it has {path.stat().st_size:,} bytes, expected {size:,}")
        lists = faiss.OnDiskInvertedLists()
        lists.nlist, lists.code_size, lists.read_only = len(sizes), index.code_size, True
        # threads that read ahead cost more than they bring where the pages are in memory
        lists.prefetch_nthread = 0
        at = start
        for n in sizes.tolist():
            one = faiss.OnDiskOneList()
            one.size = one.capacity = n
            one.offset = at
            lists.lists.push_back(one)
            at += n * (index.code_size + ROW_BYTES)
        lists.filename, lists.totsize = str(path), size
        try:
            lists.do_mmap()
        except RuntimeError as error:
            # it was there a moment ago: another process has written the next state
            missing = not os.path.exists(path)
            code = errno.ENOENT if missing else errno.EIO
            raise OSError(code, os.strerror(code) if missing else f"cannot be mapped ({error})", str(path)) from None
        index.replace_invlists(lists, False)
        index.ntotal = int(sizes.sum())
        # faiss keeps pointers alone
        self._index, self._lists = index, lists

    def search(
        self, query: NDArray[np.float32], k: int, probes: tuple[NDArray[np.int64], NDArray[np.float32]], passing: Any
    ) -> Found:
        """At most k best of the lists that are probed; raises ValueError where the file is damaged.

        Args:
            query: `(1, d)` float32. probes: `(1, P)` lists and the query's distances to them.
            passing: the selector of rows, see `selector`.
        """
        faiss = faiss_library()
        scores, rows = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
        parameters = faiss.SearchParametersIVF(nprobe=probes[0].shape[1], sel=passing)
        pointers = [faiss.swig_ptr(one) for one in (query, *probes, scores, rows)]
        self._index.search_preassigned_c(1, pointers[0], k, *pointers[1:], False, parameters)
        found = rows[0] >= 0
        if rows.max() >= self._index.ntotal:
            raise damaged(Path(self._lists.filename), "it names rows that there are not")
        return Found(scores[0, found], rows[0, found])

    def above(self, query: NDArray[np.float32], least: float, passing: Any) -> Found:
        """All of the file whose score is above `least`; `query`: `(1, d)` float32."""
        faiss = faiss_library()
        parameters = faiss.SearchParametersIVF(nprobe=self._index.nlist, sel=passing)
        _, scores, rows = self._index.range_search(query, least, params=parameters)
        return Found(scores, rows)


def selector(passing: NDArray[np.bool_] | None) -> Any:
    """What lets faiss pass over rows: those that are False in `(n,)` bool; None: all pass."""
    if passing is None:
        return None
    return faiss_library().IDSelectorBitmap(np.packbits(passing, bitorder="little"))


class VectorFile:
    """N vectors of float16 and their rows: a file with a single list, which is searched as a whole."""

    def __init__(self, path: Path, n: int, width: int) -> None:
        faiss = faiss_library()
        half = faiss.ScalarQuantizer.QT_fp16
        self._quantizer = faiss.IndexFlatIP(width)
        self._quantizer.add(np.zeros((1, width), np.float32))
        index = faiss.IndexIVFScalarQuantizer(self._quantizer, width, 1, half, faiss.METRIC_INNER_PRODUCT, False)
        index.is_trained = True
        self._lists = ListsOnDisk(path, index, np.array([n], np.int64)) if n else None
        if not n and path.stat().st_size:
            raise damaged(path, "it should be empty")
        self._probes = np.zeros((1, 1), np.int64), np.zeros((1, 1), np.float32)
        shape = (n, 2 * width)
        self.codes = np.memmap(path, np.uint8, "r", shape=shape) if n else np.zeros(shape, np.uint8)
        self.width = width

    def __len__(self) -> int:
        return len(self.codes)

    def search(self, query: NDArray[np.float32], k: int, passing: Any) -> Found:
        """At most k best by the product with a query, `(D,)` float32."""
        if self._lists is None:
            return Found(np.zeros(0, np.float32), np.zeros(0, np.int64))
        return self._lists.search(query[None], k, self._probes, passing)

    def above(self, query: NDArray[np.float32], least: float, passing: Any) -> Found:
        """All whose product with a query, `(D,)` float32, is above `least`."""
        if self._lists is None:
            return Found(np.zeros(0, np.float32), np.zeros(0, np.int64))
        return self._lists.above(query[None], least, passing)

    def vectors(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """`(n, D)` float32."""
        return float32_of(self.codes[rows].view(np.float16))


def blocks_of(file: VectorFile, rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """`(n, D)` float32 vectors of `(N,)` rows, some at a time."""
    n_block = max(1, BLOCK_BYTES // (4 * file.width))
    for start in range(0, len(rows), n_block):
        yield file.vectors(rows[start : start + n_block])


def float32_of(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """`(n, D)`, the same numbers. NumPy takes ten times as long."""
    if not vectors.size:
        return vectors.astype(np.float32)
    faiss = faiss_library()
    decoder = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16)
    return decoder.sa_decode(np.ascontiguousarray(vectors).view(np.uint8))


def write_vectors(path: Path, blocks: Iterable[NDArray[np.floating]], progress: Progress | None = None) -> str:
    """Write `(n, D)` vectors as they come; returns the digest of the file. `progress` hears of how many there are."""
    n = 0
    with whole_file(path) as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, "<f2").data)
            n += len(block)
            if progress is not None:
                progress(n, n)
        file.write(np.arange(n, dtype="<i8").data)
    return file.digest


class WholeFile:
    """A file that is written from its beginning to its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.blake2b(digest_size=DIGEST_BYTES)

    @property
    def digest(self) -> str:
        """Of what has been written, as `file_digest` has it."""
        return self._hash.hexdigest()

    def write(self, data: memoryview) -> None:
        """Write what comes next."""
        self._file.write(data)
        self._hash.update(data)


@contextmanager
def whole_file(path: Path) -> Iterator[WholeFile]:
    """A new file to write; it is on the disk when this ends."""
    with path.open("wb") as file:
        yield WholeFile(file)
        file.flush()
        os.fsync(file.fileno())
