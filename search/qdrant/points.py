"""Vectors of an index as points of Qdrant, and back: ids, payloads, filters."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from catalog.ids.shop_id import ShopId
from search.contract import Entries, Filter

KEYS = PRODUCT, PHOTO, CATEGORY, N_IMAGES, FIRST = "product", "photo", "category", "n_images", "first"
TEXTS = "texts"
"""Names in a payload: `FIRST` marks one point of each product, so that products can be counted."""
INDEXED = {
    PRODUCT: models.PayloadSchemaType.INTEGER,
    CATEGORY: models.PayloadSchemaType.INTEGER,
    N_IMAGES: models.PayloadSchemaType.INTEGER,
    FIRST: models.PayloadSchemaType.BOOL,
}
"""What is filtered by."""


def row_numbers(product_ids: NDArray[np.int64], photos: NDArray[np.integer]) -> NDArray[np.int64]:
    """`(n,)` int64, not negative: the point that holds the vector of each of `(n,)` products' `(n,)` photos.

    It follows from both, so that adding a photo again overwrites it, and an addition that was cut off is completed by
    the same call. Of ten million two have one number with a probability of 0.000005.
    """
    pairs = zip(product_ids.tolist(), photos.tolist(), strict=True)
    digests = (hashlib.blake2b(struct.pack("<qb", *pair), digest_size=8).digest() for pair in pairs)
    return np.array([int.from_bytes(one, "big") >> 1 for one in digests], np.int64)


def are_first(product_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`(n,)` which of `(n,)` products, those of one id together, is the first of its id."""
    return np.append(True, product_ids[1:] != product_ids[:-1])[: len(product_ids)]


def points_of(vectors: NDArray[np.float32], entries: Entries, is_first: NDArray[np.bool_]) -> list[models.PointStruct]:
    """The points of `(n, D)` vectors and what is known of them; `is_first`: `(n,)` the one that counts a product."""
    columns = (entries.product_ids, entries.photos, entries.category_ids, entries.n_images, is_first)
    names = zip(entries.ids.take(entries.product_ids), entries.ids.take(entries.category_ids), strict=True)
    return [
        models.PointStruct(id=number, vector=vector, payload=dict(zip(KEYS, payload, strict=True)) | _texts(pair))
        for number, vector, payload, pair in zip(
            row_numbers(entries.product_ids, entries.photos).tolist(),
            vectors.tolist(),
            zip(*(column.tolist() for column in columns), strict=True),
            names,
            strict=True,
        )
    ]


def _texts(ids: Sequence[ShopId]) -> dict[str, list[str]]:
    texts = [one for one in ids if isinstance(one, str)]
    return {TEXTS: texts} if texts else {}


def lets_none_pass(where: Filter | None) -> bool:
    """Whether a filter asks for one of no categories, image counts or products: Qdrant takes no empty list."""
    lists = () if where is None else (where.category_ids, where.n_images, where.product_ids)
    return any(wanted is not None and not len(wanted) for wanted in lists)


def conditions(where: Filter | None) -> models.Filter | None:
    """A filter as Qdrant has it; None where everything is looked at."""
    if where is None:
        return None
    n_images = None if where.n_images is None else np.array(sorted(where.n_images), np.int64)
    wanted = {CATEGORY: where.category_ids, N_IMAGES: n_images, PRODUCT: where.product_ids}
    must: list[Any] = [one_of(key, values) for key, values in wanted.items() if values is not None]
    is_any_left_out = where.without is not None and len(where.without) > 0
    must_not: list[Any] = [one_of(PRODUCT, where.without)] if where.without is not None and is_any_left_out else []
    return models.Filter(must=must or None, must_not=must_not or None) if must or must_not else None


def one_of(key: str, values: NDArray[np.int64]) -> models.FieldCondition:
    """Points whose payload has one of `(n,)` numbers."""
    return models.FieldCondition(key=key, match=models.MatchAny(any=values.tolist()))
