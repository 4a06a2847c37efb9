"""Copies: photos of one MD5, how often each stands in the catalogue, and in how many categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.photos.photo_index import PhotoIndex
from catalog.tree.taxonomy import LEVELS, Taxonomy

Ints = NDArray[np.int64]


def copy_distribution(photos: PhotoIndex) -> Ints:
    """`(K, 2)` int64 number of copies, rising, and how many distinct photos have so many."""
    return np.column_stack(np.unique(photos.n_copies, return_counts=True)).astype(np.int64).reshape(-1, 2)


def most_copied(photos: PhotoIndex, n: int) -> Ints:
    """Up to n distinct photos, `(<= n,)` int64, that stand more than once, the most frequent first."""
    order = np.argsort(-photos.n_copies, kind="stable")[:n]
    return order[photos.n_copies[order] > 1]


@dataclass(frozen=True)
class Places:
    """On which leaves the copies of every photo lie; photos on labelled products alone.

    Attributes:
        photo, leaf, n: `(M,)` so many copies of a distinct photo lie on this leaf, sorted by photo and leaf.
        n_leaves: `(D,)` int64 leaves of each photo, 0 where it has no labelled product.
        parts_at: `(D,)` int64 level at which the leaves of a photo part: 1 where they are of different Cat I, 2 of one
            Cat I, 3 of one Cat II; 0 where it lies on one leaf or none.
    """

    photo: Ints
    leaf: Ints
    n: Ints
    n_leaves: Ints
    parts_at: Ints

    @classmethod
    def of(cls, photos: PhotoIndex, leaf: Ints, tree: Taxonomy) -> Places:
        """`leaf`: `(N,)` leaf index of each product, -1 where unknown."""
        lies_on = leaf[photos.owner]
        known = lies_on != UNKNOWN
        pairs, n = np.unique(photos.number[known] * len(tree) + lies_on[known], return_counts=True)
        photo, leaf_of = pairs // len(tree), pairs % len(tree)
        parts_at = np.zeros(photos.n_distinct, np.int64)
        starts = np.flatnonzero(np.diff(photo, prepend=-1))
        ends = np.append(starts, len(photo))[1:] - 1
        # the leaves below a node are one contiguous range: where the two ends are alike, all between them are
        for level in reversed(LEVELS):
            ancestor = tree.ancestor(level)
            apart = ancestor[leaf_of[starts]] != ancestor[leaf_of[ends]]
            parts_at[photo[starts[apart]]] = level
        return cls(photo, leaf_of, n, np.bincount(photo, minlength=photos.n_distinct).astype(np.int64), parts_at)

    def leaves_of(self, distinct: int) -> list[tuple[int, int]]:
        """Leaves of a photo and its copies there, most copies first."""
        low, high = np.searchsorted(self.photo, [distinct, distinct + 1])
        copies_on = zip(self.leaf[low:high].tolist(), self.n[low:high].tolist(), strict=True)
        return sorted(copies_on, key=lambda pair: (-pair[1], pair[0]))

    def worst(self, n: int) -> Ints:
        """`(<= n,)` int64 photos on several leaves: parted highest in the tree, then on most leaves, most copies."""
        across = np.flatnonzero(self.parts_at)
        labelled = np.bincount(self.photo, weights=self.n, minlength=len(self.parts_at))
        order = np.lexsort((-labelled[across], -self.n_leaves[across], self.parts_at[across]))
        return across[order[:n]]
