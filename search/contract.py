"""What an index is, whoever keeps the vectors: add, remove, search, with filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.ids.id_names import IdNames

COLLECTION = "rayonnage"
"""Name of an index on a server that keeps several, unless another one is given."""
NO_ROW = -1
"""In `Hits`: fewer were found than asked for."""
COLUMNS = ("product_ids", "photos", "category_ids", "n_images")
"""Of `Entries`: what has a row for each vector."""


@dataclass(frozen=True)
class IndexIdentity:
    """What the vectors of an index come from; only vectors of the same digest and width are compared.

    Attributes:
        network: name of the run or backbone, for people. digest: see `EmbeddingOrigin`; what transforms the vectors
            afterwards (whitening) counts, too. width: D.
        catalog, fingerprint: of the catalogue that it was made of, before anything was added.
    """

    network: str
    digest: str
    width: int
    catalog: str
    fingerprint: str


@dataclass(frozen=True)
class Entries:
    """What is known of N vectors.

    Attributes:
        product_ids: `(N,)` int64 numbers of the ids. photos: `(N,)` int8 position of the photo, from 0; -1: all photos.
        category_ids: `(N,)` int64 numbers of the labels' ids, `NO_CATEGORY` where there is none.
        n_images: `(N,)` int8 photos of the product.
        ids: the texts of ids, of products and of categories, that are no integers.
    """

    product_ids: NDArray[np.int64]
    photos: NDArray[np.int8]
    category_ids: NDArray[np.int64]
    n_images: NDArray[np.int8]
    ids: IdNames

    def __len__(self) -> int:
        return len(self.product_ids)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Entries:
        """Those at `(n,)` rows, in that order, or those that are True in `(N,)` bool; with the texts of all ids."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return Entries(**columns, ids=self.ids)


@dataclass(frozen=True)
class Filter:
    """Which vectors are looked at; None: all. Everything that is given must hold.

    Attributes:
        category_ids: `(C,)` int64, the label is one of these. n_images: the product has one of these numbers of photos.
        product_ids: `(P,)` int64, only these products. without: `(W,)` int64, none of these products.
    """

    category_ids: NDArray[np.int64] | None = None
    n_images: frozenset[int] | None = None
    product_ids: NDArray[np.int64] | None = None
    without: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Hits:
    """The k nearest vectors of each of Q queries, the best first; equals in the order of their rows.

    Attributes:
        scores: `(Q, k)` float32 cosines, -inf where there are no more.
        rows: `(Q, k)` int64 what the index knows the vector by until it is compacted, `NO_ROW` where there are no more.
        product_ids: `(Q, k)` int64; photos: `(Q, k)` int8; category_ids: `(Q, k)` int64; -1 where there are no more.
    """

    scores: NDArray[np.float32]
    rows: NDArray[np.int64]
    product_ids: NDArray[np.int64]
    photos: NDArray[np.int8]
    category_ids: NDArray[np.int64]


class VectorIndex(Protocol):
    """Vectors that can be searched while others are added; safe in threads. Writers wait for each other."""

    @property
    def identity(self) -> IndexIdentity:
        """What its vectors come from."""

    @property
    def n_products(self) -> int:
        """Products that can be found."""

    @property
    def ids(self) -> IdNames:
        """The texts of all ids that are no integers."""

    def __len__(self) -> int:
        """Vectors that can be found."""

    def add(self, vectors: NDArray[np.float32], entries: Entries) -> None:
        """Add `(N, D)` vectors of length 1; what is there already of the same products is replaced.

        They can be found when it returns. Zeros (a photo that cannot be read) are passed over.

        Raises:
            ValueError: another width, numbers that are not finite, or another length than 1.
            OSError: the disk is full: the index is as it was.
        """

    def remove(self, product_ids: NDArray[np.int64]) -> int:
        """Forget `(P,)` products; returns how many of them were there."""

    def search(self, queries: NDArray[np.float32], k: int, where: Filter | None = None) -> Hits:
        """The k nearest of each of `(Q, D)` vectors of length 1; of zeros nothing is near.

        Raises:
            ValueError: another width, or numbers that are not finite.
        """

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(n, D)` float32 vectors by `(n,)` rows, as they were added, to the precision that is kept.

        Raises:
            ValueError: there are no such rows: the index has been compacted since.
        """

    def rows_of(self, product_id: int) -> NDArray[np.int64]:
        """`(n,)` int64 rows of a product's vectors in the order of its photos; none where it is not there."""

    def close(self) -> None:
        """Let go of files or connections."""
