"""Vectors of length 1 with entries, for indexes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import EmbeddingOrigin, Embeddings
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_numbers
from search.contract import Entries, IndexIdentity
from search.index import LocalIndex

WIDTH = 16


def identity(width: int = WIDTH, digest: str = "one network") -> IndexIdentity:
    return IndexIdentity("network", digest, width, "shop.bson", "fingerprint")


def unit_vectors(n: int, width: int = WIDTH, seed: int = 0) -> NDArray[np.float32]:
    """`(n, width)` in all directions, as float16 keeps them."""
    drawn = np.random.default_rng(seed).standard_normal((n, width))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def entries_of(
    product_ids: Sequence[ShopId],
    photos: Sequence[int] | None = None,
    category_ids: Sequence[ShopId] | None = None,
    n_images: Sequence[int] | None = None,
) -> Entries:
    """By default one photo each, of category 7."""
    n = len(product_ids)
    categories = [7] * n if category_ids is None else list(category_ids)
    return Entries(
        id_numbers(list(product_ids)) if n else np.zeros(0, np.int64),
        np.zeros(n, np.int8) if photos is None else np.array(photos, np.int8),
        id_numbers(categories) if n else np.zeros(0, np.int64),
        np.ones(n, np.int8) if n_images is None else np.array(n_images, np.int8),
        IdNames.of([*product_ids, *categories]),
    )


def embeddings_of(vectors: NDArray[np.float32], entries: Entries) -> Embeddings:
    origin = EmbeddingOrigin("network", "one network", "shop.bson", "fingerprint", "photo")
    return Embeddings(vectors.astype(np.float16), entries.product_ids, entries.photos, entries.ids, origin)


def made(folder: Path, vectors: NDArray[np.float32], entries: Entries | None = None, **how: object) -> LocalIndex:
    """An index of vectors; of products 0, 1, 2 ... where no entries are given."""
    entries = entries_of(range(len(vectors))) if entries is None else entries
    found = embeddings_of(vectors, entries)
    return LocalIndex.create(folder, identity(vectors.shape[1]), found, entries, **how)
