"""Vectors of the products of a list, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import BLOCK_BYTES, Embeddings
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import in_batches


@dataclass(frozen=True)
class Vectors:
    """One vector for each product of a list: rows of a memory-mapped file.

    Attributes:
        stored: `(N, width)` vectors of the file.
        row: `(n,)` int64 row of each product in the file.
    """

    stored: NDArray[np.floating]
    row: NDArray[np.int64]

    @classmethod
    def of(cls, path: Path, catalog: Catalog, positions: NDArray[np.int64]) -> Vectors:
        """Vectors of the products at `(n,)` positions, from a folder of `mosaic embed`; of photos, the first one's.

        Raises:
            FileNotFoundError, ValueError: see `Embeddings.load`. ValueError: products without a row.
        """
        embeddings = Embeddings.load(path)
        wanted = catalog.product_ids[positions]
        row = positions_of(embeddings.product_ids, wanted)
        missing = row == UNKNOWN
        if missing.any():
            first = catalog.shop_ids(positions[missing][:1])[0]
            raise ValueError(
                f"{path} holds vectors of other products: {int(missing.sum())} of {len(wanted)} have none "
                f"(the first is product {first}). Make them with `mosaic embed {catalog}`"
            )
        return cls(embeddings.vectors, row)

    def take(self, products: NDArray[np.int64]) -> Vectors:
        """Those of `(m,)` products of the list."""
        return replace(self, row=self.row[products])

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
