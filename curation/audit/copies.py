"""Other products with a suspect's photos, and which labels they carry."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.sources.source import NO_CATEGORY

MAX_COPIES = 20
"""A photo of more products than this (a logo, "no picture yet") says nothing about a label, as in a plan."""


@dataclass(frozen=True)
class CopyCounts:
    """Labelled other products that share a photo with each of n suspects, `(n,)` int64 each.

    Attributes:
        all: how many; other: of these with another label; suggested: with the one suggested for the suspect.
    """

    all: NDArray[np.int64]
    other: NDArray[np.int64]
    suggested: NDArray[np.int64]


def count_copies(
    catalog: Catalog, positions: NDArray[np.int64], suggested: NDArray[np.int64], progress: Progress | None = None
) -> CopyCounts:
    """Count the copies of the products at `positions`, `(n,)`; `suggested`, `(n,)`, are category_ids."""
    n, categories = len(positions), catalog.category_ids
    photos = catalog.photo_index(progress)
    row_of = np.full(len(catalog), UNKNOWN)
    row_of[positions] = np.arange(n)
    shared = np.flatnonzero((photos.n_products > 1) & (photos.n_products <= MAX_COPIES))
    of_suspects = np.unique(photos.number[row_of[photos.owner] != UNKNOWN])
    pairs = [np.zeros(0, np.int64)]
    # few photos are a suspect's: the pairs of all photos of a large catalogue are never made
    for photo in np.intersect1d(shared, of_suspects).tolist():
        carriers = photos.products_of(photo)
        suspects = carriers[row_of[carriers] != UNKNOWN]
        pairs.append((suspects[:, None] * len(catalog) + carriers).ravel())
    # each pair of products once, however many photos they share
    suspect, copy = np.divmod(np.unique(np.concatenate(pairs)), len(catalog))
    known = (suspect != copy) & (categories[copy] != NO_CATEGORY)
    suspect, copy = suspect[known], copy[known]
    row, label = row_of[suspect], categories[copy]

    chosen = (slice(None), label != categories[suspect], label == suggested[row])
    return CopyCounts(*(np.bincount(row[where], minlength=n) for where in chosen))
