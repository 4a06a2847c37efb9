"""Copies: photos of one MD5, how often each stands in the catalogue, and in how many categories."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.product import MAX_IMAGES
from catalog.split.copies import photo_numbers
from catalog.tree.taxonomy import LEVELS, Taxonomy

Ints = NDArray[np.int64]


class Copies:
    """The photos of a catalogue by their MD5.

    Attributes:
        owner: `(P,)` int64 position of the product that each photo belongs to.
        number: `(P,)` int64 which of the D distinct photos it is.
        n_copies: `(D,)` int64 how often each stands in the catalogue.
        first: `(D,)` int64 where (in 0..P-1) each stands first.
    """

    def __init__(self, digests: NDArray[np.uint8], n_images: NDArray[np.int8]) -> None:
        """`digests`: `(P, 16)` of all photos in catalogue order; n_images: `(N,)`, their sum is P."""
        self.digests = digests
        self.owner: Ints = np.repeat(np.arange(len(n_images)), n_images)
        # photos of a product stand together: its first one tells the rank of the others
        self.start: Ints = np.cumsum(n_images, dtype=np.int64) - n_images
        self.number = photo_numbers(digests)
        self.n_copies: Ints = np.bincount(self.number).astype(np.int64)
        self.first = np.full(len(self.n_copies), len(digests), np.int64)
        # written from the back, so that the first stays
        self.first[self.number[::-1]] = np.arange(len(digests))[::-1]

    def __len__(self) -> int:
        return len(self.owner)

    def rank(self, photo: int) -> int:
        """Which photo of its product this one is, from 0."""
        return int(photo - self.start[self.owner[photo]])

    def md5(self, distinct: int) -> str:
        """The MD5 of a distinct photo, in hexadecimal digits."""
        return bytes(self.digests[self.first[distinct]]).hex()

    def distribution(self) -> Ints:
        """`(K, 2)` number of copies, and how many distinct photos have so many."""
        return np.column_stack(np.unique(self.n_copies, return_counts=True)).astype(np.int64).reshape(-1, 2)

    def most_copied(self, n: int) -> Ints:
        """Up to n distinct photos that stand more than once, the most frequent first."""
        order = np.argsort(-self.n_copies, kind="stable")[:n]
        return order[self.n_copies[order] > 1]

    @cached_property
    def n_products(self) -> Ints:
        """`(D,)` int64 products that each photo stands in: fewer than its copies where one product has it twice."""
        again = np.zeros(len(self), bool)
        # a product has four photos at most, and they stand together
        for away in range(1, MAX_IMAGES):
            same = (self.number[away:] == self.number[:-away]) & (self.owner[away:] == self.owner[:-away])
            again[away:] |= same
        repeated = np.bincount(self.number[again], minlength=len(self.n_copies))
        return self.n_copies - repeated

    def owners(self, distinct: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """`(N,)` bool, the product has one of these distinct photos, `(D,)`."""
        found = np.zeros(len(self.start), bool)
        found[self.owner[distinct[self.number]]] = True
        return found


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
    def of(cls, copies: Copies, leaf: Ints, tree: Taxonomy) -> Places:
        """`leaf`: `(N,)` leaf index of each product, -1 where unknown."""
        lies_on = leaf[copies.owner]
        known = lies_on != UNKNOWN
        pairs, n = np.unique(copies.number[known] * len(tree) + lies_on[known], return_counts=True)
        photo, leaf_of = pairs // len(tree), pairs % len(tree)
        n_distinct = len(copies.n_copies)
        parts_at = np.zeros(n_distinct, np.int64)
        starts = np.flatnonzero(np.diff(photo, prepend=-1))
        ends = np.append(starts, len(photo))[1:] - 1
        # the leaves below a node are one contiguous range: where the two ends are alike, all between them are
        for level in reversed(LEVELS):
            ancestor = tree.ancestor(level)
            apart = ancestor[leaf_of[starts]] != ancestor[leaf_of[ends]]
            parts_at[photo[starts[apart]]] = level
        return cls(photo, leaf_of, n, np.bincount(photo, minlength=n_distinct).astype(np.int64), parts_at)

    def leaves_of(self, distinct: int) -> list[tuple[int, int]]:
        """Leaves of a photo and its copies there, most copies first."""
        low, high = np.searchsorted(self.photo, [distinct, distinct + 1])
        found = zip(self.leaf[low:high].tolist(), self.n[low:high].tolist(), strict=True)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def worst(self, n: int) -> Ints:
        """Up to n photos that lie on several leaves: parted highest in the tree, then on most leaves, most copies."""
        across = np.flatnonzero(self.parts_at)
        labelled = np.bincount(self.photo, weights=self.n, minlength=len(self.parts_at))
        order = np.lexsort((-labelled[across], -self.n_leaves[across], self.parts_at[across]))
        return across[order[:n]]
