"""The photos of one or two catalogues in one list: whose they are, which are copies, what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.cores import n_cores
from catalog.files.progress import Progress
from catalog.ids.shop_id import ShopId
from catalog.photos.photo_index import Ints, PhotoIndex
from catalog.product import ProblemLog
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.hamming import MAX_PAIRS, near_pairs
from curation.duplicates.photo_hash import HASH, State, photo_hashes, unreadable
from curation.shown_titles import titles_at

COLOUR = 10
"""Of 255: by how much the mean chroma of near copies may differ."""


class CatalogPhotos(PhotoIndex):
    """The photos of one or two catalogues; products of a second one follow those of the first.

    Attributes:
        catalogs: one or two.
        product_ids, category_ids: `(N,)` int64; side: `(N,)` int8 which catalogue.
    """

    def __init__(self, catalogs: Sequence[Catalog]) -> None:
        """The MD5s are read from the sidecars."""
        md5s = [catalog.md5s() for catalog in catalogs]
        super().__init__(
            np.concatenate([catalog.n_images for catalog in catalogs]),
            # of one catalogue they stay where they lie, mapped from the sidecar
            np.concatenate(md5s) if len(md5s) > 1 else md5s[0],
        )
        self.catalogs = catalogs
        self.product_ids = np.concatenate([catalog.product_ids for catalog in catalogs])
        self.category_ids = np.concatenate([catalog.category_ids for catalog in catalogs])
        self.side = np.repeat(np.arange(len(catalogs), dtype=np.int8), [len(catalog) for catalog in catalogs])

    @property
    def has_text_ids(self) -> bool:
        """Whether any id of them is no integer."""
        return any(len(catalog.ids) for catalog in self.catalogs)

    @cached_property
    def has_texts(self) -> bool:
        """Whether any product has a title or a description."""
        return any(catalog.titles().any for catalog in self.catalogs)

    def shop_ids(self, products: Ints) -> list[ShopId]:
        """The product_id of `(n,)` products, as their shops have them."""
        return self._shown(self.product_ids, products)

    def shop_categories(self, products: Ints) -> list[ShopId]:
        """The category_id of `(n,)` labelled products, as their shops have them."""
        return self._shown(self.category_ids, products)

    def nodes(self, tree: Taxonomy | None) -> Ints:
        """`(N,)` int64 leaf of each product, -1 where the tree lacks it; without a tree the category_ids themselves."""
        if tree is None:
            return self.category_ids
        return np.concatenate([catalog.leaves(tree) for catalog in self.catalogs])

    def category_id(self, number: int) -> ShopId:
        """The category_id that a number stands for."""
        shown = (catalog.ids.shown(number) for catalog in self.catalogs)
        return next((shop_id for shop_id in shown if isinstance(shop_id, str)), number)

    def _shown(self, numbers: Ints, products: Ints) -> list[ShopId]:
        shown = np.empty(len(products), object)
        for side, catalog in enumerate(self.catalogs):
            of_side = self.side[products] == side
            shown[of_side] = catalog.ids.take(numbers[products[of_side]])
        ids: list[ShopId] = shown.tolist()
        return ids

    def titles(self, products: Ints) -> list[str]:
        """The titles of `(n,)` products, "" where there is none."""
        shown = np.full(len(products), "", object)
        for side, catalog in enumerate(self.catalogs if self.has_texts else ()):
            of_side = self.side[products] == side
            first = len(self.catalogs[0]) if side else 0
            shown[of_side] = titles_at(catalog.titles(), products[of_side] - first)
        titles: list[str] = shown.tolist()
        return titles

    def read(self, photo: int) -> bytes:
        """One encoded photo, `photo` in 0..P-1."""
        product = int(self.owner[photo])
        side = self.side[product]
        row = product - len(self.catalogs[0]) if side else product
        return self.catalogs[side][row].images[self.position[photo]]


@dataclass(frozen=True)
class PhotoHashes:
    """Photos that look alike: those of one look have equal hashes and colours, two near looks nearly equal ones.

    Attributes:
        of_photo: `(n_photos,)` int64 look of each photo, -1 where it has none (plain, unreadable).
        pairs: `(E, 2)` int64 looks within the distance; distance: `(E,)` uint8.
        n_looks: how many there are. n_plain: photos that show nothing (white, one colour): they are like no other.
        problems: photos that could not be decoded.
    """

    of_photo: Ints
    pairs: Ints
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
        known = np.zeros(photos.n_distinct, HASH)
        start = 0
        for catalog in photos.catalogs:
            index = catalog.photo_index(n_workers=n_workers or n_cores())
            hashes = photo_hashes(catalog, index, progress, n_workers)
            known[photos.number[start + index.first]] = hashes
            problems.merge(unreadable(catalog, index, hashes))
            start += len(index)
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


def near_looks(looks: NDArray[np.void], radius: int) -> tuple[Ints, NDArray[np.uint8]]:
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
        chroma = looks[channel].astype(np.int64)
        good &= np.abs(chroma[left] - chroma[right]) <= COLOUR
    return np.stack([left, right], axis=1)[good], distance[of_pair][good]
