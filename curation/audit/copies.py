"""Other products with a suspect's photos, and which labels they carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.sources.source import NO_CATEGORY
from catalog.split.copies import photo_numbers, photo_owners

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
    owner, photo = photo_owners(catalog), photo_numbers(catalog.md5s(progress))
    # where each suspect stands in the lists below; a catalogue may be far longer than they are
    place = np.full(len(catalog), -1)
    place[positions] = np.arange(n)
    order = np.argsort(photo, kind="stable")
    starts = np.searchsorted(photo[order], np.arange(int(photo.max(initial=-1)) + 1))
    stops = np.append(starts[1:], len(order))
    # photos that a suspect has, and another product perhaps
    held = np.logical_or.reduceat(place[owner[order]] >= 0, starts)
    pairs = [np.zeros(0, np.int64)]
    for start, stop in zip(starts[held].tolist(), stops[held].tolist(), strict=True):
        owners = np.unique(owner[order[start:stop]])
        if 1 < len(owners) <= MAX_COPIES:
            mine = owners[place[owners] >= 0]
            pairs.append((mine[:, None] * len(catalog) + owners).ravel())
    # each pair of products once, however many photos they share
    suspect, copy = np.divmod(np.unique(np.concatenate(pairs)), len(catalog))
    known = (suspect != copy) & (categories[copy] != NO_CATEGORY)
    suspect, copy = suspect[known], copy[known]
    row, label = place[suspect], categories[copy]

    def counted(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(row[chosen], minlength=n)

    return CopyCounts(
        counted(np.ones(len(row), bool)), counted(label != categories[suspect]), counted(label == suggested[row])
    )
