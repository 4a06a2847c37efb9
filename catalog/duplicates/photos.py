"""The photos of one or two catalogues in one list: whose they are, which are copies, what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.duplicates.hamming import near_pairs
from catalog.duplicates.photo_hash import State, photo_hashes, unreadable
from catalog.photo_copies import photo_numbers, photo_owners
from catalog.product import ProblemLog
from catalog.sources.source import Progress


@dataclass(frozen=True)
class Photos:
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
    def of(cls, catalogs: Sequence[Catalog]) -> Photos:
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
class Looks:
    """Photos that look alike: those of one look have equal hashes, two near looks nearly equal ones.

    Attributes:
        of_photo: `(n_photos,)` int64 look of each photo, -1 where it has none (plain, unreadable).
        pairs: `(E, 2)` int64 looks within the distance; distance: `(E,)` uint8, at least 1.
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
    def of(cls, photos: Photos, radius: int, progress: Progress | None = None, n_workers: int | None = None) -> Looks:
        """Hash every distinct photo (kept in sidecars) and search the near ones.

        Raises:
            ValueError: `radius` out of range, or near everything to everything.
        """
        problems = ProblemLog()
        bits = np.zeros(len(photos.first_slot), np.uint64)
        state = np.full(len(photos.first_slot), State.UNREADABLE, np.uint8)
        start = 0
        for catalog in photos.catalogs:
            hashes = photo_hashes(catalog, progress, n_workers)
            own = photo_numbers(catalog.md5s())
            number = photos.number[start : start + len(own)]
            bits[number], state[number] = hashes["bits"][own], hashes["state"][own]
            problems.merge(unreadable(catalog, own, hashes))
            start += len(own)
        hashed = state == State.HASHED
        values, look = np.unique(bits[hashed], return_inverse=True)
        of_photo = np.full(len(bits), -1, np.int64)
        of_photo[hashed] = look
        pairs, distance = near_pairs(values, radius)
        return cls(of_photo, pairs, distance, len(values), int((state == State.PLAIN).sum()), problems)
