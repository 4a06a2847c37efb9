"""What a shop wrote of every product of a catalogue, memory-mapped: seven million titles need no memory."""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress, in_batches
from catalog.files.sidecar import MAX_HEADER, place_to_write
from catalog.files.unwritable_home import tell_once
from catalog.files.user_cache import cache_folder
from catalog.ids.id_names import IdNames
from catalog.product import ProblemLog, text_problems
from catalog.product_text import BETWEEN_TEXTS
from catalog.sources.source import Source

log = logging.getLogger(__name__)
MAGIC = b"RAYONNAGE-TEXTS-1\n"
LENGTH = 8
"""Bytes of the number that ends the file: the length of the JSON before it."""
BATCH = 2048
"""Products asked of a source at a time."""


class Texts:
    """The texts of N products in catalogue order: the title, then a line break and the description where there is one.

    The file holds the texts in UTF-8 one after the other, `(N + 1,)` int64 where each begins, and, as what is known
    last, a JSON of what else is told here with its length. Where no product has a text, it is the JSON alone.

    Attributes:
        n_titles, n_descriptions: products that have one.
        digest: of all texts, "" where there are none; two catalogues with the same one say the same of their products.
        problems: texts that were cut or are none.
    """

    def __init__(self, data: mmap.mmap | bytes, start: NDArray[np.int64], header: dict[str, Any]) -> None:
        """`data`: the file, `start`: `(N + 1,)` int64 places in it."""
        self._data, self._start = data, start
        self.n_titles, self.n_descriptions = int(header["n_titles"]), int(header["n_descriptions"])
        self.digest = str(header["digest"])
        self.problems = ProblemLog.from_json(header["problems"])

    @classmethod
    def none(cls, n_products: int, header: dict[str, Any] | None = None) -> Self:
        """Those of a catalogue without texts; `header`: what was kept where they were looked for."""
        header = header or {"n_titles": 0, "n_descriptions": 0, "digest": "", "problems": ProblemLog().to_json()}
        return cls(b"", np.broadcast_to(np.int64(0), (n_products + 1,)), header)

    @classmethod
    def read(cls, path: Path, stamp: dict[str, Any], n_products: int) -> Self | None:
        """Those that a sidecar holds; None where it is absent, damaged or of another state of the source."""
        try:
            with path.open("rb") as file:
                return cls._mapped(file, stamp, n_products)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def _mapped(cls, file: BinaryIO, stamp: dict[str, Any], n_products: int) -> Self:
        """Those of an open file; raises ValueError, KeyError or TypeError where it is not what it should be."""
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        end = len(data) - LENGTH
        length = int.from_bytes(data[end:], "little") if end > 0 else -1
        if data[: len(MAGIC)] != MAGIC or not 0 <= length <= min(MAX_HEADER, end - len(MAGIC)):
            raise ValueError("no texts")
        header = json.loads(data[end - length : end])
        if header["stamp"] != stamp or header["n_rows"] != n_products:
            raise ValueError("the texts of another state of the source")
        if not header["n_titles"] + header["n_descriptions"]:
            return cls.none(n_products, header)
        places = end - length - 8 * (n_products + 1)
        start = np.frombuffer(data, "<i8", n_products + 1, places)
        if start[0] != len(MAGIC) or start[-1] != places or (start[1:] < start[:-1]).any():
            raise ValueError("damaged")
        return cls(data, start, header)

    @property
    def any(self) -> bool:
        """Whether any product has a text."""
        return self.n_titles + self.n_descriptions > 0

    def __len__(self) -> int:
        return len(self._start) - 1

    def __getitem__(self, position: int) -> str:
        """The text of the product at a position, "" where it has none."""
        if not -len(self) <= position < len(self):
            raise IndexError(f"there are the texts of {len(self)} products, counted from 0: there is no [{position}]")
        position = range(len(self))[position]
        return self._data[self._start[position] : self._start[position + 1]].decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        for positions in in_batches(range(len(self)), BATCH):
            yield from self.take(positions)

    def take(self, positions: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """The texts of the products at these `(n,)` positions, in their order."""
        places = np.asarray(positions, np.int64)
        places = np.where(places < 0, places + len(self), places)
        pairs = zip(self._start[places].tolist(), self._start[places + 1].tolist(), strict=True)
        return [self._data[first:last].decode("utf-8", "replace") for first, last in pairs]


def collect_texts(
    source: Source,
    rows: NDArray[np.void],
    ids: IdNames,
    place: Path,
    stamp: dict[str, Any],
    progress: Progress | None = None,
) -> Texts:
    """Ask a source for the texts of its `(N,)` rows once, and keep them in the sidecar `place` where that is possible.

    Else they lie in a temporary file that nobody else sees, and the next opening asks again. `ids`: of the rows, to
    name products by.
    """
    path = place_to_write(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("w+b") as file:
            return _written(source, rows, ids, file, stamp, progress)
    except ConnectionError:
        # the source's, not the file's
        raise
    except OSError as error:
        if path.parent == cache_folder():
            tell_once()
        else:
            log.warning("%s cannot be kept, the next opening will read the source again (%s)", path, error)
    with tempfile.TemporaryFile() as file:
        return _written(source, rows, ids, file, stamp, progress)


def _written(
    source: Source,
    rows: NDArray[np.void],
    ids: IdNames,
    file: BinaryIO,
    stamp: dict[str, Any],
    progress: Progress | None,
) -> Texts:
    """Write the texts to an open file, and map it."""
    start, at = np.zeros(len(rows) + 1, "<i8"), file.write(MAGIC)
    start[0] = at
    digest, problems = hashlib.blake2b(digest_size=16), ProblemLog()
    n_titles = n_descriptions = position = 0
    for some in in_batches(rows, BATCH, progress):
        texts: list[bytes] = []
        for product_id, of_product in zip(ids.take(some["product_id"]), source.texts(some), strict=True):
            problems.extend(text_problems(of_product, product_id))
            n_titles += bool(of_product.title)
            n_descriptions += bool(of_product.description)
            texts.append(of_product.text.encode())
            at += len(texts[-1])
            position += 1
            start[position] = at
        file.write(b"".join(texts))
        # no text holds a line break twice: what lies between two of them is one text
        digest.update((2 * BETWEEN_TEXTS).encode().join([*texts, b""]))
    header = {
        "stamp": stamp,
        "n_rows": len(rows),
        "n_titles": n_titles,
        "n_descriptions": n_descriptions,
        "digest": digest.hexdigest() if n_titles + n_descriptions else "",
        "problems": problems.to_json(),
    }
    head = json.dumps(header).encode()
    if n_titles + n_descriptions:
        start.tofile(file)
    file.write(head + len(head).to_bytes(LENGTH, "little"))
    file.flush()
    return Texts._mapped(file, stamp, len(rows))
