"""From the labelled products that look most like one to the probabilities of its category.

Each of the k nearest has a weight that falls with its distance, exp(cosine / temperature), and one that was never seen
stands among them with a cosine of its own: a product that looks like none of the others is told to be of any category.
It is a kernel estimate of the labels' distribution (Nadaraya, 1964; Watson, 1964) with one pseudo-count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.metrics.product_scores import MIN_PROBABILITY

K = 80
"""Nearest products that are looked at; those of the largest choice of `NeighbourShares.k`."""
LISTED = 20
"""Leaves listed for each product."""
_KS = (3, 5, 10, 20, 40, K)
_TEMPERATURES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
_UNSEEN = (-10, -8, -6, -5, -4, -3, -2, -1, 0)
"""How much further off than the typical nearest product the one never seen is, in temperatures."""
MAX_FITTED = 20_000
"""Three numbers are chosen: more products would tell the same, and take seconds."""


@dataclass(frozen=True)
class NearestLabelled:
    """The K labelled products that look most like each of N others, the most alike first.

    Attributes:
        scores: `(N, K)` float32 cosines, -inf where there are no more.
        product_ids: `(N, K)` int64 numbers of their ids, any where there are no more.
        leaves: `(N, K)` int64 of their labels; -1 where there are no more, or the tree lacks the label.
    """

    scores: NDArray[np.float32]
    product_ids: NDArray[np.int64]
    leaves: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> NearestLabelled:
        """Those of `(n,)` rows, or of an `(N,)` bool mask."""
        return NearestLabelled(self.scores[rows], self.product_ids[rows], self.leaves[rows])

    @property
    def any(self) -> NDArray[np.bool_]:
        """`(N,)` bool: something is near."""
        return (self.leaves != UNKNOWN).any(axis=1)

    @classmethod
    def concatenate(cls, parts: list[NearestLabelled]) -> NearestLabelled:
        """One after the other; of at least one part."""
        names = ("scores", "product_ids", "leaves")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class NeighbourShares:
    """How neighbours are counted.

    Attributes:
        k: so many of the nearest count. temperature: of the cosines; a cosine higher by this has e times the weight.
        unseen: cosine of the neighbour that was never seen.
    """

    k: int
    temperature: float
    unseen: float

    def __post_init__(self) -> None:
        if not (0 < self.k <= K and self.temperature > 0 and np.isfinite([self.temperature, self.unseen]).all()):
            raise ValueError(f"{self} counts no neighbours")

    @classmethod
    def fit(cls, nearest: NearestLabelled, truth: NDArray[np.int64], frequency: NDArray[np.float64]) -> Self:
        """The choice under which the `(N,)` true leaves of products with these neighbours are likeliest.

        `frequency`: `(n_leaves,)` training share of each leaf, for those that no neighbour has.

        Raises:
            ValueError: no product has a neighbour.
        """
        rows = np.flatnonzero(nearest.any)
        if not len(rows):
            raise ValueError("no product has a labelled neighbour")
        rows = rows[:: -(-len(rows) // MAX_FITTED)]
        nearest, truth = nearest.select(rows), truth[rows]
        typical = float(np.median(nearest.scores[:, 0]))
        # of equals the first: the same products give the same choice
        return max(cls._choices(typical), key=lambda choice: choice.likelihood(nearest, truth, frequency))

    @classmethod
    def _choices(cls, typical: float) -> Iterator[Self]:
        for k, temperature, further in product(_KS, _TEMPERATURES, _UNSEEN):
            yield cls(k, temperature, typical + further * temperature)

    def likelihood(self, nearest: NearestLabelled, truth: NDArray[np.int64], frequency: NDArray[np.float64]) -> float:
        """Mean log probability of the `(N,)` true leaves; a leaf that no neighbour has gets its share of the rest."""
        weights, rest = self._weights(nearest)
        of_truth = (weights * (nearest.leaves[:, : self.k] == truth[:, None])).sum(axis=1)
        said = np.where(of_truth > 0, of_truth, rest * frequency[truth])
        return float(np.log(np.maximum(said, MIN_PROBABILITY)).mean())

    def shares(self, nearest: NearestLabelled) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """`(N, LISTED)` leaves by falling share, their `(N, LISTED)` shares, and the `(N,)` share of all others.

        A row without a neighbour that counts lists leaf 0 with nothing, and leaves everything to the others.
        """
        weights, _ = self._weights(nearest)
        leaves = np.zeros((len(nearest), LISTED), np.int32)
        values = np.zeros((len(nearest), LISTED), np.float32)
        for row in np.flatnonzero(weights.any(axis=1)).tolist():
            counted = np.flatnonzero(weights[row])
            named, place = np.unique(nearest.leaves[row, counted], return_inverse=True)
            share = np.bincount(place, weights[row, counted])
            order = np.argsort(-share, kind="stable")[:LISTED]
            leaves[row], values[row] = named[order[-1]], share[order[-1]]
            leaves[row, : len(order)], values[row, : len(order)] = named[order], share[order]
        listed = np.where(np.diff(leaves, axis=1, prepend=-1) != 0, values, 0).sum(axis=1, dtype=np.float64)
        return leaves, values, np.clip(1 - listed, 0, 1).astype(np.float32)

    def _weights(self, nearest: NearestLabelled) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`(N, k)` share of each neighbour, and `(N,)` of the one never seen; they sum to one."""
        scores = nearest.scores[:, : self.k].astype(np.float64)
        scores = np.where(nearest.leaves[:, : self.k] == UNKNOWN, -np.inf, scores)
        highest = np.maximum(scores.max(axis=1, initial=-np.inf), self.unseen)[:, None]
        weights = np.exp((scores - highest) / self.temperature)
        unseen = np.exp((self.unseen - highest[:, 0]) / self.temperature)
        total = weights.sum(axis=1) + unseen
        return weights / total[:, None], unseen / total
