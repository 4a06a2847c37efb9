"""Other products with a suspect's photos or title, and which labels they carry."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.files.progress import Progress
from catalog.sources.source import NO_CATEGORY
from catalog.split.same_titles import NO_TITLE, title_numbers

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
    catalog: Catalog,
    positions: NDArray[np.int64],
    leaf: NDArray[np.int64],
    suggested: NDArray[np.int64],
    progress: Progress | None = None,
) -> CopyCounts:
    """Count the copies of the products at `positions`, `(n,)`.

    Args:
        leaf: `(N,)` leaf of each product of the catalogue; suggested: `(n,)` that of each suspect.
    """
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
    row = row_of[suspect]
    chosen = (slice(None), categories[copy] != categories[suspect], leaf[copy] == suggested[row])
    return CopyCounts(*(np.bincount(row[where], minlength=n) for where in chosen))


def count_same_titles(catalog: Catalog, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(n, 2)` labelled other products of the title of each at `positions`, `(n,)`; of these with another label."""
    number, categories = title_numbers(catalog.titles()), catalog.category_ids
    counts = np.zeros((len(positions), 2), np.int64)
    with_title = number[positions] != NO_TITLE
    wanted = np.unique(number[positions[with_title]])
    others = np.flatnonzero(np.isin(number, wanted) & (categories != NO_CATEGORY))
    by_title = Counter(number[others].tolist())
    by_label = Counter(zip(number[others].tolist(), categories[others].tolist(), strict=True))
    for row in np.flatnonzero(with_title).tolist():
        title, label = int(number[positions[row]]), int(categories[positions[row]])
        # the suspect is labelled, too: it is one of both
        counts[row] = by_title[title] - 1, by_title[title] - by_label[title, label]
    return counts
