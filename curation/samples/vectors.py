"""Vectors of products as `mosaic embed` writes them, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import in_batches

VECTORS, PRODUCT_IDS = "vectors.npy", "product_ids.npy"
BLOCK_BYTES = 32 * 2**20
"""Of vectors held in memory at a time."""


@dataclass(frozen=True)
class Vectors:
    """One vector for each product of a list: rows of a memory-mapped file.

    Attributes:
        stored: `(N, width)` vectors of the file, of any floating-point type.
        row: `(n,)` int64 row of each product in the file.
    """

    stored: NDArray[Any]
    row: NDArray[np.int64]

    @classmethod
    def of(cls, path: Path, catalog: Catalog, positions: NDArray[np.int64]) -> Vectors:
        """Vectors of the products at `(n,)` positions, from a folder of `mosaic embed` or the `vectors.npy` in it.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: damaged files, or products without a row.
        """
        stored, ids = stored_vectors(path, catalog)
        wanted = catalog.product_ids[positions]
        row = positions_of(ids, wanted)
        missing = row == UNKNOWN
        if missing.any():
            first = catalog.shop_ids(positions[missing][:1])[0]
            raise ValueError(
                f"{path} holds vectors of other products: {int(missing.sum())} of {len(wanted)} have none "
                f"(the first is product {first}). Make them with `mosaic embed {catalog}`"
            )
        return cls(stored, row)

    @property
    def block(self) -> int:
        """Products whose vectors are held at a time."""
        return max(1, BLOCK_BYTES // (4 * self.stored.shape[1]))

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, products: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(len(products), width)` float32 vectors of products, by their number in the list."""
        return np.asarray(self.stored[self.row[products]], np.float32)

    def present(self) -> NDArray[np.bool_]:
        """`(n,)` bool: products that have a vector; zeros stand for a product without a readable photo.

        Raises:
            ValueError: a vector is not finite.
        """
        has_vector = np.zeros(len(self), bool)
        for products in in_batches(np.arange(len(self)), self.block):
            block = self[products]
            if not np.isfinite(block).all():
                raise ValueError(f"vectors that are not finite, the first below row {self.row[products[0]]}")
            has_vector[products] = block.any(axis=1)
        return has_vector


def stored_vectors(path: Path, catalog: Catalog) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """`(N, width)` vectors, memory-mapped, and the `(N,)` product ids beside them; `path`: see `Vectors.of`.

    Raises:
        FileNotFoundError: a file is missing; the message names what of `catalog` makes it.
        ValueError: damaged files.
    """
    folder = path if path.is_dir() else path.parent
    stored = _load(path / VECTORS if path.is_dir() else path, catalog)
    ids = _load(folder / PRODUCT_IDS, catalog)
    if stored.ndim != 2 or stored.shape[1] == 0 or not np.issubdtype(stored.dtype, np.floating):
        raise ValueError(f"{path}: expected (N, D) floating-point vectors, got {stored.dtype} {stored.shape}")
    if ids.shape != stored.shape[:1] or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            f"{folder / PRODUCT_IDS}: expected {len(stored)} integers, one for each vector, got {ids.dtype} {ids.shape}"
        )
    return stored, ids.astype(np.int64, copy=False)


def _load(path: Path, catalog: Catalog) -> NDArray[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: `mosaic embed {catalog}` writes {VECTORS} and {PRODUCT_IDS}")
    try:
        # a pickled array would run code of whoever made the file
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a NumPy array file ({error})") from None
