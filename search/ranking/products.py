"""Hits of a query's photos become products: one score for each, whatever the number of photos on either side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import in_batches
from search.contract import NO_ROW, Hits, VectorIndex

AT_ONCE = 32
"""Products that are looked up before it is asked again whether more of them can be among the best."""


@dataclass(frozen=True)
class RankedProducts:
    """P products, the best first.

    Attributes:
        product_ids: `(P,)` int64, each once.
        scores: `(P,)` float32 what they are ordered by, falling; comparable within one ranking.
        similarities: `(P,)` float32 in [-1, 1], mean over the query's photos of the best cosine over the product's
            photos: comparable between queries, whatever orders them.
        rows, photos, category_ids: `(P,)` int64, int8, int64 of the hit that is nearest to any of the query's photos.
    """

    product_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    similarities: NDArray[np.float32]
    rows: NDArray[np.int64]
    photos: NDArray[np.int8]
    category_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.product_ids)

    def take(self, places: NDArray[np.integer]) -> RankedProducts:
        """The products at `(n,)` places, in that order."""
        return RankedProducts(
            self.product_ids[places], self.scores[places], self.similarities[places], self.rows[places],
            self.photos[places], self.category_ids[places],
        )  # fmt: skip

    def first(self, k: int) -> RankedProducts:
        """At most the k best."""
        return self.take(np.arange(min(k, len(self))))

    def head_by(self, scores: NDArray[np.floating]) -> RankedProducts:
        """The first n in the order of their new `(n,)` scores, equals as they stood; the others below, as they stood.

        Scores of two kinds are no order: those of the others are moved below the head's by as much as is needed. One of
        -inf, of a product that was removed since the search, takes the product out.
        """
        kept = np.argsort(-scores, kind="stable")
        kept = kept[np.isfinite(scores[kept])]
        head, tail = np.asarray(scores[kept], np.float32), self.scores[len(scores) :]
        if len(head) and len(tail):
            tail = tail + min(np.float32(0), head[-1] - tail[0])
        moved = self.take(np.concatenate([kept, np.arange(len(scores), len(self))]))
        return replace(moved, scores=np.concatenate([head, tail]))


@dataclass(frozen=True)
class ProductVectors:
    """All M vectors of P products.

    Attributes:
        vectors: `(M, D)` float32 of length 1. n_vectors: `(P,)` int64 how many each product has, one after the other;
            0 where it was removed in the meantime.
    """

    vectors: NDArray[np.float32]
    n_vectors: NDArray[np.int64]

    @classmethod
    def of(cls, index: VectorIndex, product_ids: NDArray[np.int64]) -> ProductVectors:
        """Those of `(P,)` products."""
        rows = [index.rows_of(product_id) for product_id in product_ids.tolist()]
        flat = np.concatenate([np.zeros(0, np.int64), *rows])
        return cls(index.vectors(flat), np.array([len(one) for one in rows], np.int64))

    def best(self, similarities: NDArray[np.floating]) -> NDArray[np.float32]:
        """`(Q, P)` float32, the largest of each product's `(Q, M)` similarities; -inf where it has no vector."""
        best = np.full((len(similarities), len(self.n_vectors)), -np.inf, np.float32)
        there = self.n_vectors > 0
        if there.any():
            start = (np.cumsum(self.n_vectors) - self.n_vectors)[there]
            best[:, there] = np.maximum.reduceat(similarities, start, axis=1)
        return best

    def scores(self, similarities: NDArray[np.floating]) -> NDArray[np.float32]:
        """`(P,)` float32, mean over the query's photos of `best`."""
        return self.best(similarities).mean(axis=0)


def readable(queries: NDArray[np.float32], hits: Hits) -> tuple[NDArray[np.float32], Hits]:
    """The `(Q, D)` vectors of a query's photos without zeros, which photos have that cannot be read; and their hits."""
    rows = np.flatnonzero(queries.any(axis=1))
    if len(rows) == len(queries):
        return queries, hits
    return queries[rows], Hits(
        hits.scores[rows], hits.rows[rows], hits.product_ids[rows], hits.photos[rows], hits.category_ids[rows]
    )


def products_found(index: VectorIndex, queries: NDArray[np.float32], hits: Hits, k: int) -> RankedProducts:
    """The k best products among the hits of `(Q, D)` photos of one query, all readable; equals by their rows.

    A product that only some of the photos have found is compared with the others as well: what stands below the last
    hit is unknown, and no score. But none is looked up that cannot be among the k best, as no photo of it that was not
    found is nearer than the last that was. One that was removed since the search is left out.
    """
    query, place = np.nonzero(hits.rows != NO_ROW)
    score, row = hits.scores[query, place], hits.rows[query, place]
    product_ids, owner = np.unique(hits.product_ids[query, place], return_inverse=True)
    best = np.full((len(queries), len(product_ids)), -np.inf, np.float32)
    np.maximum.at(best, (query, owner), score)
    if len(queries) > 1:
        last = np.min(hits.scores, axis=1, where=hits.rows != NO_ROW, initial=1.0)
        _look_up_missing(index, queries, product_ids, best, last, k)
    similarity = best.mean(axis=0) if len(queries) else np.zeros(0, np.float32)
    order = np.lexsort((row, -score, owner))
    # the first of each product: its nearest hit
    nearest = order[np.searchsorted(owner[order], np.arange(len(product_ids)))]
    where = query[nearest], place[nearest]
    found = RankedProducts(
        product_ids, similarity, similarity, hits.rows[where], hits.photos[where], hits.category_ids[where]
    )
    ranked = np.lexsort((found.rows, -similarity))
    return found.take(ranked[np.isfinite(similarity[ranked])][:k])


def _look_up_missing(
    index: VectorIndex, queries: NDArray[np.float32], product_ids: NDArray[np.int64], best: NDArray[np.float32],
    last: NDArray[np.float32], k: int,
) -> None:  # fmt: skip
    """Fill in those of the `(Q, P)` best cosines that are -inf, of products that may be among the k best.

    `last`: `(Q,)` cosine of the last hit of each photo.
    """
    missing = np.isneginf(best)
    at_most = np.where(missing, last[:, None], best).mean(axis=0)
    incomplete = np.flatnonzero(missing.any(axis=0))
    for some in in_batches(incomplete[np.argsort(-at_most[incomplete], kind="stable")], AT_ONCE):
        similarity = best.mean(axis=0)
        if np.count_nonzero(similarity > at_most[some[0]]) >= k:
            return
        vectors = ProductVectors.of(index, product_ids[some])
        looked_up = vectors.best(queries @ vectors.vectors.T)
        best[:, some] = np.where(missing[:, some], looked_up, best[:, some])
