"""Products that lie far from each other: D^2 sampling in embedding space."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, in_batches
from curation.samples.vectors import Vectors

BATCH = 256
"""Candidates drawn between two passes over the vectors."""
ROUNDING = 4e-6
"""Of squared lengths, in float32: nearer vectors are the same one."""


@dataclass
class DiverseChoice:
    """Orders groups of products as the seeding of k-means++ picks centres.

    Each group is picked through one of its products, drawn with a probability proportional to D^2, the squared
    distance to the nearest product picked before (Arthur & Vassilvitskii, "k-means++: the advantages of careful
    seeding", SODA 2007). Candidates are drawn in batches from the D^2 of the last pass and each is accepted with
    probability D^2 now / D^2 then: rejection sampling, so the picks have the distribution of one-at-a-time picks while
    the vectors are read once per batch. Memory: a block of vectors, and a few numbers per product.

    Attributes:
        vectors: of n products; group: `(n,)` int64 group of copies of each.
        n_products: how many picks progress is told of.
    """

    vectors: Vectors
    group: NDArray[np.int64]
    rng: np.random.Generator
    progress: Progress | None = None
    n_products: int = 0
    _n_picked: int = field(default=0, init=False)

    @cached_property
    def _present(self) -> NDArray[np.bool_]:
        return self.vectors.present()

    @property
    def n_absent(self) -> int:
        """Products without a vector: they come with their copies, or when nothing else is left."""
        return int((~self._present).sum())

    def among(self, kept: NDArray[np.bool_]) -> DiverseChoice:
        """The same of the products of `(n,)` bool, whose groups are whole there and counted anew."""
        group = np.unique(self.group[kept], return_inverse=True)[1]
        part = replace(self, vectors=self.vectors.take(np.flatnonzero(kept)), group=group)
        part._n_picked = self._n_picked
        return part

    def __call__(self, seeds: NDArray[np.int64], free: NDArray[np.int64], enough: int) -> NDArray[np.int64]:
        """An `Arrange`: picks until `enough` products are together, then what is left at random."""
        free = free[np.argsort(self.group[free], kind="stable")]
        groups, first = np.unique(self.group[free], return_index=True)
        picks = self._pick(seeds, free, np.append(first, len(free)), enough)
        return np.concatenate([groups[picks], self.rng.permutation(np.delete(groups, picks))])

    def _pick(
        self, seeds: NDArray[np.int64], products: NDArray[np.int64], first: NDArray[np.int64], enough: int
    ) -> NDArray[np.int64]:
        """Numbers of the groups picked; group i holds `products[first[i]:first[i + 1]]`."""
        owner = np.repeat(np.arange(len(first) - 1), np.diff(first))
        # the squared distance to the nearest pick; 0 is never drawn, and the first pick is uniform
        nearest = np.where(self._present[products], np.inf, 0).astype(np.float32)
        self._lower(nearest, products, seeds)
        picks: list[int] = []
        together = 0
        while together < enough:
            weight = np.where(np.isinf(nearest), 1, nearest).astype(np.float64)
            reach = np.cumsum(weight)
            if reach[-1] == 0:
                break
            n_candidates = 1 if np.isinf(nearest).any() else min(BATCH, len(picks) + 1)
            drawn = np.searchsorted(reach, self.rng.random(n_candidates) * reach[-1], side="right")
            drawn = drawn.clip(max=len(reach) - 1)
            candidates = self.vectors[products[drawn]]
            then = nearest[drawn]
            now = then.copy()
            chosen: list[NDArray[np.int64]] = []
            for i, group in enumerate(owner[drawn].tolist()):
                of_group = slice(first[group], first[group + 1])
                accepted = then[i] == np.inf or self.rng.random() * then[i] < now[i]
                if together >= enough or not nearest[of_group].any() or not accepted:
                    continue
                picks.append(group)
                members = products[of_group]
                chosen.append(members)
                together += len(members)
                nearest[of_group] = 0
                centres = self.vectors[members[self._present[members]]]
                now = np.minimum(now, _squared_distances(candidates, centres).min(axis=1))
            self._lower(nearest, products, np.concatenate(chosen))
            self._report(sum(map(len, chosen)))
        return np.array(picks, np.int64)

    def _lower(self, nearest: NDArray[np.float32], products: NDArray[np.int64], centres: NDArray[np.int64]) -> None:
        """Lower `nearest`, `(n,)`, to the distance of `products` from new centres; what is 0 stays so."""
        for batch in in_batches(centres[self._present[centres]], BATCH):
            near = self.vectors[batch]
            # block by block: the vectors stay on disk
            for block in in_batches(np.flatnonzero(nearest), self.vectors.block):
                distance = _squared_distances(self.vectors[products[block]], near).min(axis=1)
                nearest[block] = np.minimum(nearest[block], distance)

    def _report(self, n_new: int) -> None:
        self._n_picked += n_new
        if self.progress is not None:
            self.progress(min(self._n_picked, self.n_products), self.n_products)


def _squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(len(a), len(b))` float32; what is within rounding of 0 is 0."""
    lengths = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    distance = lengths - 2 * (a @ b.T)
    return np.where(distance < ROUNDING * lengths, np.float32(0), distance)
