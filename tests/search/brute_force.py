"""The contract of an index kept in memory, written the slow and obvious way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames
from search.contract import NO_ROW, Entries, Filter, Hits, IndexIdentity


class BruteForceIndex:
    """Rows in a list; a removed one keeps its number."""

    def __init__(self, identity: IndexIdentity, vectors: NDArray[np.float32], entries: Entries) -> None:
        self.identity = identity
        self._vectors = np.zeros((0, identity.width), np.float32)
        self._columns = np.zeros((0, 4), np.int64)
        self._texts: dict[int, object] = {}
        self._there: list[bool] = []
        self.add(vectors, entries)

    @property
    def n_products(self) -> int:
        return len(self._products())

    @property
    def ids(self) -> IdNames:
        return IdNames.of(self._texts.values())  # type: ignore[arg-type]

    def __len__(self) -> int:
        return sum(self._there)

    def add(self, vectors: NDArray[np.float32], entries: Entries) -> None:
        if vectors.shape[1] != self.identity.width:
            raise ValueError("width")
        self.remove(entries.product_ids)
        kept = np.linalg.norm(vectors, axis=1) > 0
        columns = np.stack([entries.product_ids, entries.photos, entries.category_ids, entries.n_images], axis=1)
        self._vectors = np.concatenate([self._vectors, vectors[kept]])
        self._columns = np.concatenate([self._columns, columns[kept]])
        self._there += [True] * int(kept.sum())
        self._texts |= dict(zip(entries.ids.numbers.tolist(), entries.ids.take(entries.ids.numbers), strict=True))

    def remove(self, product_ids: NDArray[np.int64]) -> int:
        there = self._products()
        gone = set(product_ids.tolist()) & there
        for row, product in enumerate(self._columns[:, 0].tolist()):
            self._there[row] = self._there[row] and product not in gone
        return len(gone)

    def _products(self) -> set[int]:
        return set(self._columns[self._there, 0].tolist())

    def search(self, queries: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        if queries.shape[1] != self.identity.width:
            raise ValueError("width")
        shape = (len(queries), k)
        hits = Hits(
            np.full(shape, -np.inf, np.float32), np.full(shape, NO_ROW), np.zeros(shape, np.int64),
            np.zeros(shape, np.int8), np.zeros(shape, np.int64),
        )  # fmt: skip
        for at, query in enumerate(queries):
            if not query.any():
                continue
            rows = [row for row in range(len(self._there)) if self._there[row] and self._passes(row, where)]
            rows.sort(key=lambda row: (-float(self._vectors[row] @ query), row))
            for place, row in enumerate(rows[:k]):
                hits.scores[at, place] = self._vectors[row] @ query
                hits.rows[at, place] = row
                hits.product_ids[at, place], hits.photos[at, place], hits.category_ids[at, place] = self._columns[row][
                    :3
                ]
        return hits

    def _passes(self, row: int, where: Filter | None) -> bool:
        product, _, category, n_images = self._columns[row].tolist()
        return where is None or (
            (where.category_ids is None or category in where.category_ids)
            and (where.n_images is None or n_images in where.n_images)
            and (where.product_ids is None or product in where.product_ids)
            and (where.without is None or product not in where.without)
        )

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._vectors[rows]

    def rows_of(self, product_id: int) -> NDArray[np.int64]:
        rows = [row for row, is_in in enumerate(self._there) if is_in and self._columns[row, 0] == product_id]
        return np.array(sorted(rows, key=lambda row: int(self._columns[row, 1])), np.int64)

    def close(self) -> None:
        pass
