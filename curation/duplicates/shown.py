"""A group as the page shows it: each distinct photo once with the products that carry it, near ones in pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.photos.thumbnails import strip
from catalog.reports.page import data_uri
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import path_text
from curation.duplicates.groups import KINDS, NEAR

if TYPE_CHECKING:
    from curation.duplicates.findings import Findings

SHOWN_PHOTOS = 8
SHOWN_PAIRS = 6
SHOWN_PRODUCTS = 6
SHOWN_CATEGORIES = 3
WEIGHED_PAIRS = 1000
"""Links of a group, those furthest apart, among which the page chooses."""
HEIGHT = 110


@dataclass(frozen=True)
class ShownPhoto:
    """A photo as a data URI, how many products carry it, their ids, and their categories."""

    picture: str
    times: str
    products: str
    categories: list[str]


@dataclass(frozen=True)
class ShownPair:
    """Two photos that link as near copies, and how many bits they are apart."""

    left: ShownPhoto
    right: ShownPhoto
    bits: int


@dataclass(frozen=True)
class GroupExample:
    """A group on the page: photos, or pairs of them; `more`: how many the page has no room for, and of what."""

    number: int
    title: str
    photos: list[ShownPhoto]
    pairs: list[ShownPair]
    more: str


def shown_group(found: Findings, group: int) -> GroupExample:
    """One group; photos of several categories come first, then those of most products."""
    return _GroupPhotos(found, group).shown()


class _GroupPhotos:
    """The distinct photos of a group: where each stands first, and the products that carry it, by its number."""

    def __init__(self, found: Findings, group: int) -> None:
        self.found, self.group = found, group
        self.is_near = int(found.groups.group_kind[group]) == KINDS.index(NEAR)
        low, high = np.searchsorted(found.groups.group, [group, group + 1])
        slots = found.groups.slot[low:high]
        self.number = np.unique(found.photos.number[slots])
        self.owners = {number: found.photos.products_of(number) for number in self.number.tolist()}

    def shown(self) -> GroupExample:
        photos, pairs, n, of_what = [], [], 0, ""
        if self.is_near:
            links, bits = self._links()
            chosen = zip(links[:SHOWN_PAIRS].tolist(), bits[:SHOWN_PAIRS].tolist(), strict=True)
            pairs = [ShownPair(self._photo(a), self._photo(b), own) for (a, b), own in chosen]
            n, of_what = len(links) - len(pairs), "pair"
        else:
            order = sorted(self.owners, key=lambda at: (-len(self._categories(at)), -len(self.owners[at])))
            photos = [self._photo(at) for at in order[:SHOWN_PHOTOS]]
            n, of_what = len(order) - len(photos), "shared photo"
        more = f"and {n:,} more {of_what}{'s' if n > 1 else ''} in this group" if n > 0 else ""
        return GroupExample(self.group + 1, self._title(), photos, pairs, more)

    def _links(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Pairs of photos that link products, those of different categories first, then those furthest apart."""
        near = self.found.groups.near
        assert near is not None, "a group by near copies"
        own = np.flatnonzero(np.isin(near.alike[:, 0], self.number))
        own = own[np.argsort(-near.bits[own].astype(np.int64), kind="stable")]
        # a product that shows itself from two sides is linked to nothing by that
        links = [
            at for at in own.tolist() if len(np.union1d(*(self.owners[photo] for photo in near.alike[at].tolist()))) > 1
        ]
        weighed = sorted(links[:WEIGHED_PAIRS], key=lambda at: not self._parts(*near.alike[at].tolist()))
        order = weighed + links[WEIGHED_PAIRS:]
        return near.alike[order], near.bits[order]

    def _parts(self, a: int, b: int) -> bool:
        """Whether two photos, or one of them by itself, lie on different categories."""
        return len({*self._categories(a), *self._categories(b)}) > 1

    def _categories(self, photo: int) -> Counter[int]:
        """Labelled products of a photo by category_id."""
        categories = self.found.photos.category_ids[self.owners[photo]]
        return Counter(categories[categories != NO_CATEGORY].tolist())

    def _title(self) -> str:
        found = self.found
        own = found.groups.product[found.groups.start[self.group] : found.groups.start[self.group + 1]]
        ids = found.photos.category_ids[own]
        n = len(np.unique(ids[ids != NO_CATEGORY]))
        said = f"{len(own):,} products, " + (
            "no category" if not n else "one category" if n == 1 else f"{n} categories"
        )
        level = int(found.groups.parts_at[self.group])
        parting = f", parting at Cat {'I' * level}" if n > 1 and level > 0 and found.tree is not None else ""
        return f"{said}{parting} ({KINDS[found.groups.group_kind[self.group]]} copies)"

    def _photo(self, photo: int) -> ShownPhoto:
        found, owners = self.found, self.owners[photo]
        categories = self._categories(photo)
        lines = [f"{n:,} x {self._name(category)}" for category, n in categories.most_common(SHOWN_CATEGORIES)]
        if (left := len(categories) - SHOWN_CATEGORIES) > 0:
            lines.append(f"and {left:,} more categor{'ies' if left > 1 else 'y'}")
        if not_labelled := len(owners) - categories.total():
            lines.append(f"{not_labelled:,} x not labelled")
        return ShownPhoto(
            data_uri(strip([found.photos.read(int(found.photos.first[photo]))], HEIGHT)),
            f"{len(owners):,} product{'s' if len(owners) > 1 else ''}",
            self._ids(owners),
            lines,
        )

    def _ids(self, owners: NDArray[np.int64]) -> str:
        photos = self.found.photos
        said = []
        for side, catalog in enumerate(photos.catalogs):
            ids = photos.product_ids[owners[photos.side[owners] == side]].tolist()
            if ids:
                more = [f"{len(ids) - SHOWN_PRODUCTS:,} more"] if len(ids) > SHOWN_PRODUCTS else []
                of = f"{catalog.name}: " if len(photos.catalogs) > 1 else ""
                said.append(of + ", ".join([*map(str, ids[:SHOWN_PRODUCTS]), *more]))
        return "; ".join(said)

    def _name(self, category: int) -> str:
        tree = self.found.tree
        leaf = UNKNOWN if tree is None else int(tree.leaf_index(category))
        if tree is None:
            return f"category {category}"
        return path_text(tree.shown[leaf]) if leaf != UNKNOWN else f"{category}, not in the tree"
