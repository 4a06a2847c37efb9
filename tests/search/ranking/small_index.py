"""An index of a few vectors, whose photos count from 0 in their order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from tests.search.brute_force import BruteForceIndex
from tests.support.embeddings import unit
from tests.support.vectors import entries_of, identity


def small_index(vectors: ArrayLike, product_ids: Iterable[int], digest: str = "made up") -> BruteForceIndex:
    """`(N, D)` vectors of any length, all of category 7."""
    ids = [int(one) for one in product_ids]
    photos = [ids[:row].count(one) for row, one in enumerate(ids)]
    return BruteForceIndex(
        identity(np.shape(vectors)[1], digest), unit(vectors), entries_of(ids, photos, [7] * len(ids))
    )
