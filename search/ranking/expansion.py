"""Alpha query expansion: a query moves towards what it has found, the nearer the more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import of_length_one
from search.contract import NO_ROW, Filter, Hits, VectorIndex


@dataclass(frozen=True)
class AlphaExpansion:
    """The query becomes itself + the sum of cosine^alpha x of its nearest vectors x, brought to length 1.

    Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2018, section 3.5.
    Alpha 0 is average query expansion (Chum et al., "Total recall", ICCV 2007).

    Attributes:
        neighbours: vectors that are added, at most. alpha: how fast the weight falls with the cosine, from 0.

    Raises:
        ValueError: no neighbour, or an alpha below 0.
    """

    neighbours: int = 3
    alpha: float = 3.0

    def __post_init__(self) -> None:
        if self.neighbours < 1 or not self.alpha >= 0:
            raise ValueError(
                f"query expansion with {self.neighbours} neighbours and alpha {self.alpha}: expected at least 1 and 0"
            )

    def expand(
        self, queries: NDArray[np.float32], neighbours: NDArray[np.float32], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """`(Q, D)` float32 of length 1 from `(Q, D)` queries; zeros stay zeros.

        Args:
            neighbours: `(Q, n, D)` of length 1. cosines: `(Q, n)` with the query; of those at or below 0, or -inf
                where there is no neighbour, nothing is added.
        """
        weights = np.where(cosines > 0, cosines.clip(min=0) ** self.alpha, 0).astype(np.float32)
        moved = queries + np.einsum("qn,qnd->qd", weights, neighbours)
        moved[~queries.any(axis=1)] = 0
        return of_length_one(moved)

    def search_again(
        self, index: VectorIndex, queries: NDArray[np.float32], hits: Hits, where: Filter | None = None
    ) -> tuple[NDArray[np.float32], Hits]:
        """The expanded `(Q, D)` queries, and as many hits of each as were given."""
        n = min(self.neighbours, hits.rows.shape[1])
        rows, cosines = hits.rows[:, :n], hits.scores[:, :n]
        there = rows != NO_ROW
        neighbours = np.zeros((*rows.shape, queries.shape[1]), np.float32)
        neighbours[there] = index.vectors(rows[there])
        expanded = self.expand(queries, neighbours, np.where(there, cosines, -np.inf))
        return expanded, index.search(expanded, hits.rows.shape[1], where)
