"""Which photo files a product has: one record per product in a memory-mapped file, so that millions need no memory."""

import hashlib
import json
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from catalog.files.sidecar import ALIGNED
from catalog.ids.id_names import IdCollector, IdNames
from catalog.ids.shop_id import ShopId
from catalog.product import MAX_IMAGES
from catalog.product_text import NO_TEXT, ShopText, parted
from catalog.sources.source import NO_CATEGORY, PackedRows

MAGIC = b"RAYONNAGE-PHOTOS-2\n"
HEAD = struct.Struct("<qI")
"""Before a record: the number of the product_id, and the length of the paths in bytes."""
TAIL = struct.Struct("<Q")
"""At the end: where the ids begin that are no integers, behind less than `ALIGNED` bytes after the last record."""
MISSING, TEXTS = b"\0\0", b"\0\0\0"
"""Stand before the paths of photos that are not there, and before what the shop wrote of the product, where there is
any. No path is empty or holds a zero byte."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A product as a folder or a table names it.

    Attributes:
        where: its place, for messages.
        photos, sizes: paths of usable photos in the seller's order, and their sizes in bytes.
        missing: paths of photos that cannot be used.
        text: what the shop wrote of it.
    """

    product_id: ShopId
    category_id: ShopId | None
    where: str
    photos: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    missing: list[bytes] = field(default_factory=list)
    text: ShopText = NO_TEXT


class ManifestWriter:
    """Writes records one after the other, and behind them the ids that are no integers.

    Attributes:
        rows: the index's.
        content: digest of the numbers of ids and categories, and of sizes.
        has_texts: whether a text was among them.
    """

    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None:
        text = json.dumps(header).encode()
        self.file = file
        self.rows = PackedRows()
        self.has_texts = False
        self.content = hashlib.blake2b(digest_size=16)
        self._ids = IdCollector()
        self._categories: dict[ShopId | None, int] = {None: NO_CATEGORY}
        self.at = file.write(MAGIC + len(text).to_bytes(8, "little") + text)

    def add(self, product: Listed) -> None:
        """Write one product's record."""
        paths = b"\0".join(product.photos) + (MISSING + b"\0".join(product.missing) if product.missing else b"")
        if product.text.text:
            paths += TEXTS + product.text.text.encode()
            self.has_texts = True
        product_id, category_id = self._ids.number(product.product_id), self._category(product.category_id)
        length = self.file.write(HEAD.pack(product_id, len(paths)) + paths)
        n_images = min(MAX_IMAGES, len(product.photos))
        self.rows.append((self.at, length, product_id, category_id, n_images))
        self.content.update(repr((product_id, category_id, product.sizes)).encode())
        self.at += length

    def _category(self, category_id: ShopId | None) -> int:
        """The number of a category, whose text is collected once: a long path is that of thousands of products."""
        if category_id not in self._categories:
            self._categories[category_id] = self._ids.number(category_id) if category_id is not None else NO_CATEGORY
        return self._categories[category_id]

    def finish(self, rows: NDArray[np.void]) -> IdNames:
        """Write the ids behind the records, and give them; `rows`: `(N,)` all of them.

        Raises:
            ValueError: two ids have the same number.
        """
        names = self._ids.names(np.concatenate([rows["product_id"], np.array([*self._categories.values()], np.int64)]))
        # where 64-bit numbers are not aligned, each look-up would copy all of them
        padding = b"\0" * (-self.at % ALIGNED)
        self.file.write(padding + names.to_bytes().tobytes() + TAIL.pack(self.at + len(padding)))
        return names


class Manifest:
    """A written manifest, memory-mapped.

    Attributes:
        header: what the source says of its origin.
        ids: those that are no integers, by the numbers in rows and records.
    """

    def __init__(self, path: Path) -> None:
        """Open it; raises ValueError when it is none, FileNotFoundError when there is none."""
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError(f"{path} is no list of photos")
            self.header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            self.start = file.tell()
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self.data) < self.start + TAIL.size:
            raise ValueError(f"{path} is damaged")
        (self.end,) = TAIL.unpack_from(self.data, len(self.data) - TAIL.size)
        self.ids = IdNames.from_bytes(np.frombuffer(self.data, np.uint8)[self.end : -TAIL.size])

    def photos(self, row: NDArray[np.void]) -> list[bytes]:
        """Paths of the photos of a row, `()`; raises ValueError when the manifest was written for another index."""
        return self._record(row)[0]

    def text(self, row: NDArray[np.void]) -> ShopText:
        """What the shop wrote of the product of a row, `()`; raises ValueError as `photos` does."""
        return ShopText(*parted(self._record(row)[1]))

    def _record(self, row: NDArray[np.void]) -> tuple[list[bytes], str]:
        place = int(row["offset"])
        head = self.data[place : place + HEAD.size]
        if len(head) == HEAD.size:
            product_id, length = HEAD.unpack(head)
            paths, _, text = _split(self.data[place + HEAD.size : place + HEAD.size + length])
            if product_id == row["product_id"] and min(MAX_IMAGES, len(paths)) == row["n_images"]:
                return paths, text.decode()
        raise ValueError("the photos have changed while they were in use: run the command again")

    def __iter__(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """The paths of each record in order: usable photos, and the others."""
        place = self.start
        while self.end - place >= HEAD.size:
            _, length = HEAD.unpack_from(self.data, place)
            place += HEAD.size + length
            there, missing, _ = _split(self.data[place - length : place])
            yield there, missing


def _split(record: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    paths, _, text = record.partition(TEXTS)
    there, _, missing = paths.partition(MISSING)
    return there.split(b"\0") if there else [], missing.split(b"\0") if missing else [], text
