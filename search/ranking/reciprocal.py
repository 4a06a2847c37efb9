"""k-reciprocal re-ranking: two vectors are alike where they have the same neighbours, and are each other's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ReciprocalNeighbours:
    """Zhong, Zheng, Cao and Li, "Re-ranking person re-identification with k-reciprocal encoding", CVPR 2017.

    Attributes:
        k1: nearest vectors that count as neighbours. k2: nearest vectors whose neighbours are averaged.
        share: of the plain distance in the final one, in [0, 1]; the rest is the Jaccard distance of neighbours.
        products: best products that are looked at; time and memory grow with the square of their photos.

    Raises:
        ValueError: a number outside of these.
    """

    k1: int = 20
    k2: int = 6
    share: float = 0.3
    products: int = 100

    def __post_init__(self) -> None:
        if min(self.k1, self.k2, self.products) < 1 or not 0 <= self.share <= 1:
            raise ValueError(
                f"k-reciprocal re-ranking with k1 {self.k1}, k2 {self.k2}, share {self.share} and {self.products} "
                "products: expected numbers from 1 on, and a share from 0 to 1"
            )

    def similarities(self, queries: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(Q, M)` float32 in [0, 1], 1 - the final distance of `(Q, D)` and `(M, D)`, all of length 1.

        Neighbours are looked for among all of them, the queries too.
        """
        n_queries = len(queries)
        both = np.concatenate([queries, vectors])
        distance = 2 - 2 * (both @ both.T).clip(-1, 1)
        # a vector is its own nearest, whatever rounding says and however many are equal to it
        np.fill_diagonal(distance, -1)
        order = np.argsort(distance, axis=1, kind="stable")
        np.fill_diagonal(distance, 0)
        farthest = distance.max(axis=1, keepdims=True, initial=0)
        distance /= np.where(farthest > 0, farthest, 1)
        encoded = np.where(self._neighbours(order), np.exp(-distance), 0).astype(np.float32)
        encoded /= encoded.sum(axis=1, keepdims=True)
        encoded = encoded[order[:, : self.k2]].mean(axis=1)
        jaccard = _jaccard_distance(encoded[:n_queries], encoded[n_queries:])
        final = (1 - self.share) * jaccard + self.share * distance[:n_queries, n_queries:]
        return np.asarray(1 - final, np.float32)

    def _neighbours(self, order: NDArray[np.intp]) -> NDArray[np.bool_]:
        """`(N, N)` bool, R*(i): the k1-reciprocal neighbours, and the k1/2-reciprocal ones of those that share most."""
        mutual, half = _mutual(order, self.k1), _mutual(order, round(self.k1 / 2))
        # counts of neighbours: exact in float32, and quick there
        shared = mutual.astype(np.float32) @ half.astype(np.float32)
        joins = mutual & (shared > 2 / 3 * half.sum(axis=1))
        return mutual | (joins.astype(np.float32) @ half.astype(np.float32) > 0)


def _mutual(order: NDArray[np.intp], k: int) -> NDArray[np.bool_]:
    """`(N, N)` bool, symmetric: each is among the k nearest of the other, itself not counted. `order`: `(N, N)`."""
    near = np.zeros(order.shape, bool)
    np.put_along_axis(near, order[:, : k + 1], True, axis=1)
    return near & near.T


def _jaccard_distance(queries: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(Q, M)` 1 - sum of minima / sum of maxima of `(Q, N)` and `(M, N)`, whose rows each sum to 1."""
    distance = np.zeros((len(queries), len(others)), np.float32)
    for row, query in enumerate(queries):
        minima = np.minimum(query, others).sum(axis=1)
        distance[row] = 1 - minima / (2 - minima)
    return distance
