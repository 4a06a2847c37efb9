"""Groups of products that share photos, exactly or nearly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.photos.photo_index import Ints
from catalog.sources.source import NO_CATEGORY
from catalog.split.copies import link_products
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.photos import CatalogPhotos, PhotoHashes

EXACT, NEAR, COMMON = "exact", "near", "common"
KINDS = (EXACT, NEAR, COMMON)
SAME, UNKNOWN_LEVEL = 0, -1
"""Of a group's categories: all the same; fewer than two products with a category of the tree."""
DIFFERENT = 3
"""Of a group's categories: not all the same, where there is no tree to say at which level they part."""


@dataclass(frozen=True)
class NearLinks:
    """Which photos link as near copies.

    Attributes:
        alike: `(E, 2)` int64 photos linked; bits: `(E,)` uint8 how far they are apart.
        nearest: `(n_photos,)` uint8 bits to the nearest other photo, 255 without one.
        n_common: looks of too many products, which link nothing.
    """

    alike: Ints
    bits: NDArray[np.uint8]
    nearest: NDArray[np.uint8]
    n_common: int


@dataclass(frozen=True)
class Groups:
    """G groups: by exact copies, then by near ones, then the photos too common to link, each a group; largest first.

    Those by exact copies are the same whether near copies are searched or not. A group by near copies has the products
    of photos that look alike, unless exact copies link all of them already: a product may stand in one of each kind.

    Attributes:
        slot: `(R,)` int64 places in `CatalogPhotos` of the shared photos, sorted by group.
        group: `(R,)` int64 group of each.
        distance: `(R,)` uint8 bits to the nearest other photo of a group by near copies; 0 for exact copies.
        product: `(M,)` int64 products sorted by group, each once per group; member_group: `(M,)`.
        group_kind: `(G,)` uint8 index in `KINDS`.
        parts_at: `(G,)` int8 highest level of the tree at which its categories part (1 Cat I ... D leaf), 0 where all
            are the same, -1 where fewer than two are known. Without a tree: `DIFFERENT` where they differ.
        near: which photos link as near copies, None where they were not searched.
        n_common_products: products that carry a photo too common to link.
        n_within: groups of near copies left out, as exact copies link their products already.
    """

    slot: Ints
    group: Ints
    distance: NDArray[np.uint8]
    product: Ints
    member_group: Ints
    group_kind: NDArray[np.uint8]
    parts_at: NDArray[np.int8]
    near: NearLinks | None
    n_common_products: int
    n_within: int

    @cached_property
    def start(self) -> Ints:
        """`(G + 1,)` first member of each group in `product`."""
        return np.searchsorted(self.member_group, np.arange(len(self.group_kind) + 1))

    @property
    def size(self) -> Ints:
        """`(G,)` products of each group."""
        return np.diff(self.start)

    @property
    def n_added(self) -> int:
        """Products that near copies alone link to any other."""
        kind = self.group_kind[self.member_group]
        exact, near = (self.product[kind == KINDS.index(wanted)] for wanted in (EXACT, NEAR))
        return len(np.setdiff1d(near, exact))

    def where(self, chosen: NDArray[np.bool_]) -> Groups:
        """These groups alone, `(G,)` bool, numbered anew in their order."""
        number = np.cumsum(chosen) - 1
        rows, members = chosen[self.group], chosen[self.member_group]
        return replace(
            self, slot=self.slot[rows], group=number[self.group[rows]], distance=self.distance[rows],
            product=self.product[members], member_group=number[self.member_group[members]],
            group_kind=self.group_kind[chosen], parts_at=self.parts_at[chosen],
        )  # fmt: skip


def near_links(n_owners: Ints, looks: PhotoHashes, max_copies: int) -> NearLinks:
    """Link photos of one look or of near looks, unless they and all that are near them lie on too many products.

    `n_owners`: `(D,)` products that carry each distinct photo; one of none links nothing.
    """
    shown = np.flatnonzero((looks.of_photo >= 0) & (n_owners > 0) & (n_owners <= max_copies))
    look = looks.of_photo[shown]
    n_of_look = np.bincount(look, n_owners[shown], looks.n_looks)
    a, b = looks.pairs.T
    around = n_of_look + np.bincount(a, n_of_look[b], looks.n_looks) + np.bincount(b, n_of_look[a], looks.n_looks)
    common = around > max_copies
    n_common = int((common & (n_of_look > 0)).sum())
    kept = ~common[look]
    shown, look = shown[kept], look[kept]
    order = np.argsort(look, kind="stable")
    shown, look = shown[order], look[order]
    equal = look[1:] == look[:-1]
    within = np.stack([shown[:-1][equal], shown[1:][equal]], axis=1)
    nearest = np.full(len(n_owners), 255, np.uint8)
    # one photo stands for its look; -1 where it links nothing
    standing = np.full(looks.n_looks, -1, np.int64)
    standing[look] = shown
    between = standing[looks.pairs]
    good = (between >= 0).all(axis=1)
    nearest_look = np.full(looks.n_looks, 255, np.uint8)
    for side in (a, b):
        np.minimum.at(nearest_look, side[good], looks.distance[good])
    nearest[shown] = nearest_look[look]
    nearest[within.ravel()] = 0
    bits = np.concatenate([np.zeros(len(within), np.uint8), looks.distance[good]])
    return NearLinks(np.concatenate([within, between[good]]), bits, nearest, n_common)


def find_groups(
    photos: CatalogPhotos, max_copies: int, looks: PhotoHashes | None = None, tree: Taxonomy | None = None
) -> Groups:
    """Group the products by exact copies; `looks`: and by near copies what those do not link."""
    n_products = len(photos.product_ids)
    exact = link_products(photos, max_copies)
    shared, common = (
        np.flatnonzero(chosen[photos.number]) for chosen in ((photos.n_products > 1) & ~exact.common, exact.common)
    )
    near, alike, near_key, n_within = None, np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    if looks is not None:
        near = near_links(photos.n_products, looks, max_copies)
        alike, near_key, n_within = _near_rows(photos, near, exact.product, max_copies)
    slots = np.concatenate([shared, alike, common])
    kind = np.repeat(np.arange(len(KINDS)), [len(shared), len(alike), len(common)])
    # numbers of linked groups, and of photos, are below this
    base = n_products + photos.n_distinct
    key = np.concatenate([exact.product[photos.owner[shared]], near_key, photos.number[common]])
    keys, group = np.unique(key + kind * base, return_inverse=True)
    group_kind = (keys // max(1, base)).astype(np.uint8)
    members = np.unique(group * max(1, n_products) + photos.owner[slots])
    member_group, product = members // max(1, n_products), members % max(1, n_products)
    rank = np.empty(len(keys), np.int64)
    order = np.lexsort((-np.bincount(member_group, minlength=len(keys)), group_kind))
    rank[order] = np.arange(len(keys))
    group, member_group = rank[group], rank[member_group]
    row_order, member_order = np.lexsort((slots, group)), np.lexsort((product, member_group))
    product, member_group = product[member_order], member_group[member_order]
    # of a row by near copies alone: a photo may be an exact copy in another group
    distance = np.zeros(len(slots), np.uint8)
    if near is not None:
        distance[len(shared) : len(shared) + len(alike)] = near.nearest[photos.number[alike]]
    start = np.searchsorted(member_group, np.arange(len(keys)))
    parts_at = parting_level(photos.nodes(tree)[product], start, tree)
    return Groups(
        slots[row_order], group[row_order], distance[row_order], product, member_group, group_kind[order], parts_at,
        near, int(photos.carry(exact.common).sum()), n_within,
    )  # fmt: skip


def _near_rows(photos: CatalogPhotos, near: NearLinks, exact_group: Ints, max_copies: int) -> tuple[Ints, Ints, int]:
    """Places of the photos that link as near copies, the number of their group, and how many groups were left out.

    `exact_group`: `(N,)` linked group of each product by exact copies; groups within one of these add nothing.
    """
    slots = np.flatnonzero((near.nearest < 255)[photos.number])
    owner = photos.owner[slots]
    links = link_products(photos, max_copies, among=near.nearest < 255, alike=near.alike)
    key = links.product[owner]
    n_groups = int(key.max(initial=-1)) + 1
    apart = []
    # a group of one product is no group: one that shows itself from two sides
    for number in (exact_group[owner], owner):
        low, high = np.full(n_groups, np.iinfo(np.int64).max), np.full(n_groups, -1)
        np.minimum.at(low, key, number)
        np.maximum.at(high, key, number)
        apart.append(low < high)
    adds, several = apart
    kept = adds[key]
    return slots[kept], key[kept], int((several & ~adds).sum())


def parting_level(node: Ints, start: Ints, tree: Taxonomy | None) -> NDArray[np.int8]:
    """`(G,)` int8 of members sorted by group, see `Groups.parts_at`; `node`: `(M,)`, see `CatalogPhotos.nodes`."""
    if not len(start):
        return np.zeros(0, np.int8)
    known = node != (NO_CATEGORY if tree is None else UNKNOWN)
    level = np.full(len(start), SAME, np.int8)
    levels = tree.levels if tree is not None else (DIFFERENT,)
    for depth in sorted(levels, reverse=True):
        # below everything and above everything, so that the unknown change neither smallest nor largest
        at = node if tree is None else tree.ancestor(depth)[node]
        low = np.minimum.reduceat(np.where(known, at, np.iinfo(np.int64).max), start)
        high = np.maximum.reduceat(np.where(known, at, np.iinfo(np.int64).min), start)
        level[low < high] = depth
    level[np.add.reduceat(known.astype(np.int64), start) < 2] = UNKNOWN_LEVEL
    return level
