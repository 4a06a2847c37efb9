"""A sample of a catalogue's photos in which products of several ask for themselves: what is learnt without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import in_batches

FOLDS = 3
MAX_PRODUCTS, MAX_PHOTOS = 4_000, 20_000
"""Products of several photos that are drawn, and photos in all: 100 MB of 1280 numbers each."""
QUERIES_AT_ONCE = 256


class AskedPhotos(NamedTuple):
    """What photos find among all others of a sample, themselves taken out.

    Attributes:
        rows: `(q,)` that ask. best: `(q, P)` float32 best cosine over the photos of each product.
        own: `(q,)` column of the product of each.
    """

    rows: NDArray[np.intp]
    best: NDArray[np.float32]
    own: NDArray[np.intp]


@dataclass(frozen=True)
class PhotoSample:
    """N photos, those of a product one after the other.

    Attributes:
        vectors: `(N, D)` float32, none of zeros. owner: `(N,)` int64 products, rising.
        group: `(N,)` int64 from 0, of photos that never stand on two sides. fold: `(N,)` int64 from 0 to `FOLDS` - 1.
    """

    vectors: NDArray[np.float32]
    owner: NDArray[np.int64]
    group: NDArray[np.int64]
    fold: NDArray[np.int64]

    @classmethod
    def of(
        cls, vectors: NDArray[Any], product_ids: NDArray[np.int64], together: NDArray[np.int64] | None = None,
        seed: int = 0,
    ) -> PhotoSample:  # fmt: skip
        """Draw all photos of some products of several, and of products of one as far as there is room.

        Args:
            vectors: `(N, D)`, which may be memory-mapped; zeros are passed over. product_ids: `(N,)` int64.
            together: `(N,)` int64, equal for photos that never stand on two sides: of an article in several colours,
                of listings with a photo in common; None: those of a product.
        """
        rng = np.random.default_rng(seed)
        row = _drawn(product_ids, rng)
        # a look at all of seven million for zeros would take minutes
        row = row[np.asarray(vectors[row]).any(axis=1)]
        row = row[np.argsort(product_ids[row], kind="stable")]
        _, group = np.unique((product_ids if together is None else together)[row], return_inverse=True)
        fold = rng.permutation(np.arange(group.max(initial=-1) + 1) % FOLDS)[group]
        return cls(np.asarray(vectors[row], np.float32), product_ids[row], group, fold)

    @cached_property
    def products(self) -> NDArray[np.int64]:
        """`(P,)` int64 the products, rising."""
        return np.unique(self.owner)

    @cached_property
    def asks(self) -> NDArray[np.bool_]:
        """`(N,)` whether a photo is the first one of a product that has others."""
        _, first, size = np.unique(self.owner, return_index=True, return_counts=True)
        asks = np.zeros(len(self.owner), bool)
        asks[first[size > 1]] = True
        return asks

    def ask(self, space: NDArray[np.float32], rows: NDArray[np.intp]) -> Iterator[AskedPhotos]:
        """What `(q,)` rows find, some at a time; `space`: `(N, W)` of length 1, the photos as they are compared."""
        start = np.searchsorted(self.owner, self.products)
        for some in in_batches(rows, QUERIES_AT_ONCE):
            cosines = space[some] @ space.T
            cosines[np.arange(len(some)), some] = -np.inf
            best = np.maximum.reduceat(cosines, start, axis=1)
            yield AskedPhotos(some, best, np.searchsorted(self.products, self.owner[some]))


def _drawn(product_ids: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.intp]:
    """`(n,)` rows in their order."""
    products, place, size = np.unique(product_ids, return_inverse=True, return_counts=True)
    several = rng.permutation(np.flatnonzero(size > 1))[:MAX_PRODUCTS]
    several = several[np.cumsum(size[several]) <= MAX_PHOTOS]
    others = rng.permutation(np.flatnonzero(size == 1))[: MAX_PHOTOS - int(size[several].sum())]
    kept = np.zeros(len(products), bool)
    kept[several] = kept[others] = True
    return np.flatnonzero(kept[place])
