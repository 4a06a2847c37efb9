"""Pairs of products that show near copies, for whoever keeps them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.photos.photo_index import Ints
from catalog.product import ProblemLog
from curation.duplicates.groups import near_links
from curation.duplicates.photos import CatalogPhotos, PhotoHashes


@dataclass(frozen=True)
class NearProducts:
    """Products of photos that look alike; those of one and the same photo are linked by it already.

    Attributes:
        pairs: `(E, 2)` int64 positions, each pair once: of all that carry a photo, the first stands for them.
        bits: `(E,)` uint8 bits in which the hashes differ, of several photos the fewest.
        n_common: looks of too many products, which link nothing.
        problems: photos that could not be decoded.
    """

    pairs: Ints
    bits: NDArray[np.uint8]
    n_common: int
    problems: ProblemLog

    @classmethod
    def of(
        cls, catalog: Catalog, among: NDArray[np.bool_], radius: int, max_copies: int,
        progress: Progress | None = None, n_workers: int | None = None,
    ) -> NearProducts:  # fmt: skip
        """Search as `catalog duplicates --near` does, among some products, `(P,)` bool.

        Raises:
            ValueError: see `PhotoHashes.of`.
        """
        photos = CatalogPhotos([catalog])
        looks = PhotoHashes.of(photos, radius, progress, n_workers)
        photo, product = photos.carriers
        kept = among[product]
        photo, product = photo[kept], product[kept]
        near = near_links(np.bincount(photo, minlength=photos.n_distinct), looks, max_copies)
        # the first product stands for all that carry a photo
        numbers, first = np.unique(photo, return_index=True)
        ends = np.sort(product[first[np.searchsorted(numbers, near.alike)]], axis=1)
        order = np.lexsort((near.bits, ends[:, 1], ends[:, 0]))
        ends, bits = ends[order], near.bits[order]
        once = ends[:, 0] != ends[:, 1]
        once[1:] &= (ends[1:] != ends[:-1]).any(axis=1)
        return cls(ends[once], bits[once], near.n_common, looks.problems)
