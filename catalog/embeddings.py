"""Vectors of photos or of products with what they are of: what `mosaic embed` writes and every room reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import mapped_array
from catalog.files.atomic import write_text
from catalog.files.file_lock import exclusive
from catalog.files.progress import in_batches
from catalog.ids.id_names import IdNames
from catalog.unfinished_rows import UnfinishedRows, folder_of_unfinished

VECTORS, PRODUCT_IDS, PHOTOS, NAMES, ORIGIN = (
    "vectors.npy", "product_ids.npy", "photos.npy", "ids.npy", "embeddings.json",
)  # fmt: skip
LOCK = ".embeddings.lock"
ALL_PHOTOS = -1
"""Instead of a photo's position: the vector is of all photos of the product, shown together."""
BLOCK_BYTES = 32 * 2**20
"""Of vectors held in memory at a time."""
MAX_ORIGIN_BYTES = 2**20
AGAIN = "make it anew with `mosaic embed CATALOG --output FOLDER`"


@dataclass(frozen=True)
class EmbeddingOrigin:
    """What vectors come from; those of two digests are never compared.

    Attributes:
        network: name of the run, or of the backbone, for people. digest: of all that the numbers depend on.
        catalog, fingerprint: address of the catalogue, and its content's identity; "" for photos of no catalogue.
        per: what a row is of.
    """

    network: str
    digest: str
    catalog: str
    fingerprint: str
    per: Literal["photo", "product"]
    metric: Literal["cosine"] = "cosine"


@dataclass(frozen=True)
class Embeddings:
    """N vectors of length 1, or of zeros where a photo cannot be read; memory-mapped, read block by block.

    They are kept in 16 bits: a number is rounded by at most 2^-11 of its size, the cosine of two vectors by about
    1e-5, and a length lies within 5e-4 of 1.

    Attributes:
        vectors: `(N, D)` float16. product_ids: `(N,)` int64 numbers of their products' ids.
        photos: `(N,)` int8 position of the photo in the seller's order, from 0, or `ALL_PHOTOS`.
        ids: the texts of ids that are no integers.
    """

    vectors: NDArray[np.float16]
    product_ids: NDArray[np.int64]
    photos: NDArray[np.int8]
    ids: IdNames
    origin: EmbeddingOrigin

    def __len__(self) -> int:
        return len(self.product_ids)

    @property
    def width(self) -> int:
        """D, numbers in a vector."""
        return int(self.vectors.shape[1])

    @property
    def block_rows(self) -> int:
        """Rows that are read at a time: `BLOCK_BYTES` of float32."""
        return max(1, BLOCK_BYTES // (4 * self.width))

    def rows(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """`(n, D)` float32 vectors of `(n,)` rows.

        Raises:
            ValueError: numbers that are not finite.
        """
        read = np.asarray(self.vectors[rows], np.float32)
        finite = np.isfinite(read).all(axis=1)
        if not finite.all():
            row = int(np.asarray(rows)[~finite][0])
            raise ValueError(f"row {row} of {VECTORS} holds numbers that are not finite: {AGAIN}")
        return read

    def present(self) -> NDArray[np.bool_]:
        """`(N,)` bool: rows that hold a vector; zeros stand for what has no readable photo. Raises as `rows` does."""
        has_vector = np.zeros(len(self), bool)
        for some in in_batches(np.arange(len(self)), self.block_rows):
            has_vector[some] = self.rows(some).any(axis=1)
        return has_vector

    @classmethod
    def load(cls, path: str | Path) -> Embeddings:
        """Those in a folder that `mosaic embed` wrote, or in the folder of the `vectors.npy` that is given.

        The numbers of the vectors are looked at when they are read.

        Raises:
            FileNotFoundError: there are none, or they are not finished.
            ValueError: an earlier version's, or damaged ones; it names the file.
        """
        folder = Path(path).parent if Path(path).name == VECTORS else Path(path)
        if not (folder / ORIGIN).is_file():
            raise _why_none(folder)
        origin, n, width = _origin(folder / ORIGIN)
        vectors = mapped_array(folder / VECTORS, np.float16, (n, width), AGAIN)
        product_ids = mapped_array(folder / PRODUCT_IDS, np.int64, (n,), AGAIN)
        photos = mapped_array(folder / PHOTOS, np.int8, (n,), AGAIN)
        if not ((photos == ALL_PHOTOS) if origin.per == "product" else (photos >= 0)).all():
            raise ValueError(f"{folder / PHOTOS} is damaged, its rows are not of a {origin.per} each: {AGAIN}")
        try:
            names = IdNames.from_bytes(mapped_array(folder / NAMES, np.uint8, None, AGAIN))
        except ValueError as error:
            raise ValueError(f"{folder / NAMES} is damaged ({error}): {AGAIN}") from None
        return cls(vectors, product_ids, photos, names, origin)

    @classmethod
    @contextmanager
    def writer(
        cls, folder: Path, width: int, *, origin: EmbeddingOrigin, product_ids: NDArray[np.int64],
        photos: NDArray[np.int8], ids: IdNames,
    ) -> Iterator[UnfinishedRows]:  # fmt: skip
        """Write N vectors of `width` numbers into a folder, in order; see `UnfinishedRows.write`.

        `product_ids`, `photos`: `(N,)`, see `Embeddings`; `ids` may name others as well.

        What lies there stays until all rows are written, and is replaced then, `embeddings.json` last. What a killed
        process has written of the same rows is gone on with, from row `n_done`. Two processes take turns.

        Raises:
            ValueError: not all rows were written.
            OSError: the disk is full; it names the file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        card = {"rows": len(product_ids), "width": width, "origin": asdict(origin)}
        names = ids.among(product_ids).to_bytes()
        arrays: dict[str, NDArray[Any]] = {PRODUCT_IDS: product_ids, PHOTOS: photos, NAMES: names}
        with exclusive(folder / LOCK), UnfinishedRows(folder, card, arrays, VECTORS) as unfinished:
            yield unfinished
            unfinished.require_whole()
            # from here on until the end no embeddings.json lies beside files of another time
            (folder / ORIGIN).unlink(missing_ok=True)
            unfinished.put_in_place()
            write_text(folder / ORIGIN, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(N, D)` vectors brought to length 1, so that products are cosines; zeros, of what has no photo, stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, np.finfo(np.float32).tiny)


def _why_none(folder: Path) -> Exception:
    if folder_of_unfinished(folder).is_dir():
        return FileNotFoundError(f"{folder}: its vectors are not finished: the same `mosaic embed` again goes on there")
    if (folder / VECTORS).is_file():
        return ValueError(
            f"{folder} holds vectors of an earlier version, which do not say what they are of ({ORIGIN} is missing): "
            f"{AGAIN}"
        )
    return FileNotFoundError(f"{folder} holds no embeddings ({ORIGIN} is missing): `mosaic embed` writes them")


def _origin(path: Path) -> tuple[EmbeddingOrigin, int, int]:
    """What `embeddings.json` says, the number of rows, and their width; raises ValueError naming the file."""
    try:
        if path.stat().st_size > MAX_ORIGIN_BYTES:
            raise ValueError(f"larger than {MAX_ORIGIN_BYTES} bytes")
        card = json.loads(path.read_text(encoding="utf-8"))
        origin, n, width = EmbeddingOrigin(**card["origin"]), card["rows"], card["width"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}: {error}): {AGAIN}") from None
    is_sound = all(isinstance(text, str) for text in asdict(origin).values()) and origin.per in ("photo", "product")
    if not is_sound or origin.metric != "cosine" or not all(isinstance(size, int) for size in (n, width)) or width < 1:
        raise ValueError(f"{path} is damaged, or of another version: {AGAIN}")
    return origin, n, width
