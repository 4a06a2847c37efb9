"""A `VectorIndex` in a few lines: every query is compared with every vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from search.contract import NO_ROW, Entries, Filter, Hits, IndexIdentity


def unit(vectors) -> NDArray[np.float32]:
    """Rows of length 1; zeros stay zeros."""
    rows = np.asarray(vectors, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def entries(product_ids, category_ids=None) -> Entries:
    """Of vectors in the order of their products, whose photos count from 0."""
    ids = np.asarray(product_ids, np.int64)
    photos = np.array([(ids[:row] == one).sum() for row, one in enumerate(ids)], np.int8).reshape(len(ids))
    labels = np.full(len(ids), 7) if category_ids is None else np.asarray(category_ids, np.int64)
    n_images = np.array([(ids == one).sum() for one in ids], np.int8).reshape(len(ids))
    return Entries(ids, photos, labels, n_images, IdNames.none())


class ArrayIndex:
    """Rows are never given twice; what is removed leaves a gap."""

    def __init__(self, vectors, product_ids, category_ids=None, digest="made up") -> None:
        self.identity = IndexIdentity("made up", digest, np.shape(vectors)[1], "shop.bson", "f")
        self.ids = IdNames.none()
        self._vectors = np.zeros((0, self.identity.width), np.float32)
        self._entries = entries([])
        self._there = np.zeros(0, bool)
        self.add(unit(vectors), entries(product_ids, category_ids))

    def __len__(self) -> int:
        return int(self._there.sum())

    @property
    def n_products(self) -> int:
        return len(np.unique(self._entries.product_ids[self._there]))

    def add(self, vectors, new: Entries) -> None:
        self.remove(new.product_ids)
        old = self._entries
        self._vectors = np.concatenate([self._vectors, vectors])
        self._there = np.concatenate([self._there, vectors.any(axis=1)])
        columns = (
            np.concatenate([getattr(old, name), getattr(new, name)])
            for name in ("product_ids", "photos", "category_ids", "n_images")
        )
        self._entries = Entries(*columns, self.ids)

    def remove(self, product_ids) -> int:
        gone = self._there & np.isin(self._entries.product_ids, product_ids)
        self._there &= ~gone
        return len(np.unique(self._entries.product_ids[gone]))

    def search(self, queries, k, where: Filter | None = None) -> Hits:
        n = len(queries)
        hits = Hits(
            np.full((n, k), -np.inf, np.float32), np.full((n, k), NO_ROW), np.zeros((n, k), np.int64),
            np.zeros((n, k), np.int8), np.zeros((n, k), np.int64),
        )  # fmt: skip
        looked_at = self._there.copy()
        if where is not None and where.without is not None:
            looked_at &= ~np.isin(self._entries.product_ids, where.without)
        for row in np.flatnonzero(np.any(queries, axis=1)):
            scores = np.where(looked_at, self._vectors @ queries[row], -np.inf)
            best = np.argsort(-scores, kind="stable")[:k]
            best = best[np.isfinite(scores[best])]
            hits.scores[row, : len(best)], hits.rows[row, : len(best)] = scores[best], best
            for name in ("product_ids", "photos", "category_ids"):
                getattr(hits, name)[row, : len(best)] = getattr(self._entries, name)[best]
        return hits

    def vectors(self, rows):
        return self._vectors[rows]

    def rows_of(self, product_id):
        return np.flatnonzero(self._there & (self._entries.product_ids == product_id))

    def close(self) -> None:
        pass
