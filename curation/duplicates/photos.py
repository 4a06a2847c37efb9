"""The photos of one or two catalogues in one list: whose they are, which are copies, what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.product import ProblemLog
from catalog.split.copies import photo_numbers, photo_owners
from curation.duplicates.hamming import MAX_PAIRS, near_pairs
from curation.duplicates.photo_hash import HASH, State, photo_hashes, unreadable

COLOUR = 10
"""Of 255: by how much the mean chroma of near copies may differ."""


@dataclass(frozen=True)
class CatalogPhotos:
    """P photos of N products; products of a second catalogue follow those of the first.

    Attributes:
        catalogs: one or two.
        number: `(P,)` int64, equal for equal photos, from 0 to n_photos - 1.
        owner: `(P,)` int64 product of each photo; rank: `(P,)` int8 its place there, from 1.
        product_ids, category_ids: `(N,)` int64; side: `(N,)` int8 which catalogue.
        first_slot: `(n_photos,)` int64 a place in `number` of each photo.
    """

    catalogs: Sequence[Catalog]
    md5s: NDArray[np.uint8]
    number: NDArray[np.int64]
    owner: NDArray[np.int64]
    rank: NDArray[np.int8]
    product_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    side: NDArray[np.int8]
    first_slot: NDArray[np.int64]

    @classmethod
    def of(cls, catalogs: Sequence[Catalog]) -> CatalogPhotos:
        """The photos of these catalogues, their MD5s read from the sidecars."""
        md5s = np.concatenate([catalog.md5s() for catalog in catalogs]) if len(catalogs) > 1 else catalogs[0].md5s()
        starts = np.cumsum([0, *(len(catalog) for catalog in catalogs)])
        owner = np.concatenate([photo_owners(c) + start for c, start in zip(catalogs, starts, strict=False)])
        n_images = np.concatenate([catalog.n_images for catalog in catalogs])
        first = np.cumsum(n_images, dtype=np.int64) - n_images
        number = photo_numbers(md5s)
        first_slot = np.full(int(number.max()) + 1 if len(number) else 0, len(number), np.int64)
        np.minimum.at(first_slot, number, np.arange(len(number)))
        return cls(
            catalogs,
            md5s,
            number,
            owner,
            (np.arange(len(owner)) - first[owner] + 1).astype(np.int8),
            np.concatenate([catalog.product_ids for catalog in catalogs]),
            np.concatenate([catalog.category_ids for catalog in catalogs]),
            np.repeat(np.arange(len(catalogs), dtype=np.int8), [len(catalog) for catalog in catalogs]),
            first_slot,
        )

    def read(self, slot: int) -> bytes:
        """One encoded photo."""
        product, rank = int(self.owner[slot]), int(self.rank[slot])
        for catalog in self.catalogs:
            if product < len(catalog):
                return catalog[product].images[rank - 1]
            product -= len(catalog)
        raise IndexError(slot)


@dataclass(frozen=True)
class PhotoHashes:
    """Photos that look alike: those of one look have equal hashes and colours, two near looks nearly equal ones.

    Attributes:
        of_photo: `(n_photos,)` int64 look of each photo, -1 where it has none (plain, unreadable).
        pairs: `(E, 2)` int64 looks within the distance; distance: `(E,)` uint8.
        n_looks: how many there are. n_plain: photos that show nothing (white, one colour): they are like no other.
        problems: photos that could not be decoded.
    """

    of_photo: NDArray[np.int64]
    pairs: NDArray[np.int64]
    distance: NDArray[np.uint8]
    n_looks: int
    n_plain: int
    problems: ProblemLog

    @classmethod
    def of(
        cls, photos: CatalogPhotos, radius: int, progress: Progress | None = None, n_workers: int | None = None
    ) -> PhotoHashes:
        """Hash every distinct photo (kept in sidecars) and search the near ones.

        Raises:
            ValueError: `radius` out of range, or near everything to everything.
        """
        problems = ProblemLog()
        known = np.zeros(len(photos.first_slot), HASH)
        start = 0
        for catalog in photos.catalogs:
            hashes = photo_hashes(catalog, progress, n_workers)
            own = photo_numbers(catalog.md5s())
            known[photos.number[start : start + len(own)]] = hashes[own]
            problems.merge(unreadable(catalog, own, hashes))
            start += len(own)
        hashed = known["state"] == State.HASHED
        # in the order of the bits, then of the colours, so that the looks of equal bits are neighbours
        colour = known["blue"].astype(np.int64) << 8 | known["red"]
        order = np.flatnonzero(hashed)[np.lexsort((colour[hashed], known["bits"][hashed]))]
        bits, colour = known["bits"][order], colour[order]
        new = np.append(True, (bits[1:] != bits[:-1]) | (colour[1:] != colour[:-1]))[: len(order)]
        of_photo = np.full(len(known), -1, np.int64)
        of_photo[order] = np.cumsum(new) - 1
        pairs, distance = near_looks(known[order[new]], radius)
        n_plain = int((known["state"] == State.PLAIN).sum())
        return cls(of_photo, pairs, distance, int(new.sum()), n_plain, problems)


def near_looks(looks: NDArray[np.void], radius: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Pairs of looks whose hashes differ in at most `radius` bits and whose mean colours lie within `COLOUR`.

    Args:
        looks: `(N,)` of dtype `HASH`, sorted by bits, none twice.

    Returns:
        `(E, 2)` int64 places in `looks`, the smaller first, each pair once, and their `(E,)` uint8 distance in bits.
    """
    bits, start, n = np.unique(looks["bits"], return_index=True, return_counts=True)
    pairs, distance = near_pairs(bits, radius)
    several = np.flatnonzero(n > 1)
    a, b = np.concatenate([pairs, np.stack([several, several], axis=1)]).T
    distance = np.append(distance, np.zeros(len(several), np.uint8))
    n_pairs = n[a] * n[b]
    if int(n_pairs.sum()) > MAX_PAIRS:
        raise ValueError(f"over {MAX_PAIRS} near pairs at a distance of {radius} bits: give a smaller --distance")
    of_pair = np.repeat(np.arange(len(a)), n_pairs)
    within = np.arange(len(of_pair)) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
    left = start[a[of_pair]] + within // n[b[of_pair]]
    right = start[b[of_pair]] + within % n[b[of_pair]]
    good = left < right
    for channel in ("blue", "red"):
        own = looks[channel].astype(np.int64)
        good &= np.abs(own[left] - own[right]) <= COLOUR
    return np.stack([left, right], axis=1)[good], distance[of_pair][good]
