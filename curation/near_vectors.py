"""Pairs of products whose vectors are close: photos of one scene, which no hash takes for copies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import Embeddings, of_length_one
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import Progress, in_batches

Ints = NDArray[np.int64]
NEIGHBOURS = 20
"""Of a vector, the nearest of other products that count: where hundreds are close, all pairs would be millions."""
ROWS = 1024
MAX_VECTORS = 200_000
"""All are compared with all: of so many, 1280 numbers each, in about an hour on two cores."""


@dataclass(frozen=True)
class NearVectors:
    """Products that are as close as photos of one scene are.

    Attributes:
        pairs: `(E, 2)` int64 positions, each pair once.
        distance: `(E,)` float32, 1 - cosine of their nearest vectors.
    """

    pairs: Ints
    distance: NDArray[np.float32]

    @classmethod
    def of(
        cls, path: Path, catalog: Catalog, among: NDArray[np.bool_], cosine: float, progress: Progress | None = None
    ) -> NearVectors:
        """Compare every vector with every other; memory holds a block of them.

        Args:
            path: folder of `mosaic embed`, a row for each product or for each photo.
            among: `(P,)` bool, products that are compared.
            cosine: from which two vectors are close.

        Raises:
            FileNotFoundError, ValueError: see `Embeddings.load`; also products without a vector, more than
                `MAX_VECTORS`, or numbers that are not finite.
        """
        embeddings = Embeddings.load(path)
        owner = positions_of(catalog.product_ids, embeddings.product_ids)
        row = np.flatnonzero((owner != UNKNOWN) & among[owner])
        # in the order of the products: the first of a pair stands before the second
        row = row[np.argsort(owner[row], kind="stable")]
        owner = owner[row]
        missing = np.setdiff1d(np.flatnonzero(among), owner)
        if len(missing):
            raise ValueError(
                f"{path} holds vectors of other products: {len(missing)} of {int(among.sum())} have none (the first "
                f"is product {catalog.shop_ids(missing[:1])[0]}). Make them with `mosaic embed {catalog} --photos "
                "--backbone`"
            )
        if len(row) > MAX_VECTORS:
            raise ValueError(
                f"{path} holds {len(row):,} vectors of these products, and all are compared with all: at most "
                f"{MAX_VECTORS:,} are, more would take days. Give one for each product instead of each photo (`mosaic "
                "embed` without --photos), or leave it out: --near compares any number of photos by their hashes"
            )
        pieces, cosines = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.float32)]
        for left in in_batches(np.arange(len(row)), ROWS, progress):
            a, b, close = _nearest(embeddings, row, owner, left, cosine)
            pieces.append(np.sort(np.stack([owner[a], owner[b]], axis=1), axis=1))
            cosines.append(close)
        pairs, close = np.concatenate(pieces), np.concatenate(cosines)
        order = np.lexsort((-close, pairs[:, 1], pairs[:, 0]))
        pairs, close = pairs[order], close[order]
        once = np.ones(len(pairs), bool)
        once[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
        return cls(pairs[once], 1 - close[once])


def _nearest(
    embeddings: Embeddings, row: Ints, owner: Ints, left: Ints, cosine: float
) -> tuple[Ints, Ints, NDArray[np.float32]]:
    """`(n,)` places of vectors of `left`, of their nearest ones of other products, and their cosines."""
    of_left = of_length_one(embeddings.rows(row[left]))
    a, b, close = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    for right in in_batches(np.arange(len(row)), embeddings.block_rows):
        cosines = of_left @ of_length_one(embeddings.rows(row[right])).T
        i, j = np.nonzero((cosines >= cosine) & (owner[left][:, None] != owner[right]))
        a, b = np.append(a, left[i]), np.append(b, right[j])
        close = np.append(close, cosines[i, j])
        order = np.lexsort((b, -close, a))
        a, b, close = a[order], b[order], close[order]
        rank = np.arange(len(a)) - np.searchsorted(a, a)
        a, b, close = a[rank < NEIGHBOURS], b[rank < NEIGHBOURS], close[rank < NEIGHBOURS]
    return a, b, close
