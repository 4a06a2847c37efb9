"""Embeddings of given numbers, in a folder as `mosaic embed` writes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from catalog.embeddings import ALL_PHOTOS, EmbeddingOrigin, Embeddings
from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import ShopId, id_numbers

ORIGIN = EmbeddingOrigin("network", "digest", "", "", "product")
PHOTO_ORIGIN = EmbeddingOrigin("network", "digest", "", "", "photo")


def unit(vectors: ArrayLike) -> np.ndarray:
    """`(N, D)` float32 vectors of length 1; zeros stay zeros."""
    rows = np.asarray(vectors, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def write_embeddings(
    folder: Path,
    vectors: ArrayLike,
    product_ids: Iterable[ShopId | np.integer],
    photos: Sequence[int] | None = None,
    origin: EmbeddingOrigin | None = None,
) -> Path:
    """`(N, D)` vectors of products, or of photos where their positions are given; returns the folder."""
    given = [one if isinstance(one, str) else int(one) for one in product_ids]
    rows, numbers = np.asarray(vectors), id_numbers(np.array(given, object))
    per = ORIGIN if photos is None else PHOTO_ORIGIN
    positions = np.full(len(rows), ALL_PHOTOS, np.int8) if photos is None else np.asarray(photos, np.int8)
    with Embeddings.writer(
        folder, rows.shape[1],
        origin=origin or per, product_ids=numbers, photos=positions, ids=IdNames.of(given),
    ) as unfinished:  # fmt: skip
        unfinished.write(rows[unfinished.n_done :])
    return folder
