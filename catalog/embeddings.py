"""Vectors of photos or of products with what they are of: what `mosaic embed` writes and every room reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames

VECTORS, PRODUCT_IDS, PHOTOS, NAMES, ORIGIN = (
    "vectors.npy", "product_ids.npy", "photos.npy", "ids.npy", "embeddings.json",
)  # fmt: skip
ALL_PHOTOS = -1
"""Instead of a photo's position: the vector is of all photos of the product, shown together."""
BLOCK_BYTES = 32 * 2**20
"""Of vectors held in memory at a time."""


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
