"""Which photos show one product, as far as a catalogue tells without labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.runs.training_data import TrainingData
from catalog.split.copies import link_products

ALONE = -1
"""In place of a group's number, for a photo without another one of its group."""


@dataclass(frozen=True)
class PhotoGroups:
    """Photos, and which of them show the same.

    The photos of one product are a group, together with those of all products that share a photo with it. A photo of
    more products than a plan links is left out: it is a logo, or says that there is no photo. One that stands in a
    group several times is there once.

    Attributes:
        positions: `(P,)` int64 rising, of the products in the catalogue; places: `(P,)` int8 of the photos in these,
            from 0; number: `(P,)` int64, equal for equal photos;
        group: `(P,)` int64 in 0..G-1, or `ALONE`.
    """

    positions: NDArray[np.int64]
    places: NDArray[np.int8]
    number: NDArray[np.int64]
    group: NDArray[np.int64]

    @property
    def n_groups(self) -> int:
        """G."""
        return int(self.group.max(initial=ALONE)) + 1

    @property
    def together(self) -> NDArray[np.bool_]:
        """`(P,)` bool: the photo has another one of its group."""
        return self.group != ALONE

    @classmethod
    def of(cls, catalog: Catalog, positions: NDArray[np.int64], max_copies: int) -> PhotoGroups:
        """Those of the products at `(n,)` positions; a photo of more than `max_copies` products is left out."""
        among = np.zeros(len(catalog), bool)
        among[positions] = True
        photos = catalog.photo_index().within(among)
        links = link_products(photos, max_copies)
        linked, owner = links.product[photos.owner], photos.owner
        kept = np.flatnonzero(~links.common[photos.number])
        _, first = np.unique(np.stack([linked[kept], photos.number[kept]]), axis=1, return_index=True)
        rows = kept[np.sort(first)]
        return cls(owner[rows], photos.position[rows], photos.number[rows], numbered(linked[rows]))

    def joined(self, same: NDArray[np.int64]) -> PhotoGroups:
        """All photos of one value of `same`, `(P,)` int64, as one group; those below 0 as they were."""
        group = np.where(self.together, self.group, self.n_groups + np.arange(len(self.group)))
        group = np.where(same >= 0, same + len(self.group) + self.n_groups, group)
        return replace(self, group=numbered(group))

    def select(self, kept: NDArray[np.bool_]) -> PhotoGroups:
        """Those photos alone, `(P,)` bool, under the same numbers of groups."""
        return PhotoGroups(self.positions[kept], self.places[kept], self.number[kept], self.group[kept])


def require_groups(data: TrainingData) -> None:
    """Raise ValueError where a fit under the plan would have nothing to learn from."""
    for part in data.plan.held_out_parts:
        groups = PhotoGroups.of(data.catalog, data.plan.training_positions(part), data.plan.max_copies)
        if groups.n_groups < 2:
            without = "" if part == 0 and len(data.plan.held_out_parts) == 1 else f" (without part {part})"
            raise ValueError(
                f"{data.catalog}: {groups.n_groups} of its training products{without} have a second photo, or share a "
                "photo with a product that has another one, and matching is learnt from at least 2: a catalogue whose "
                "products have several photos is needed"
            )


def numbered(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(P,)` int64: values that stand there at least twice from 0 on, `ALONE` for the others."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    several = counts > 1
    return np.where(several, np.cumsum(several) - 1, ALONE)[inverse]
