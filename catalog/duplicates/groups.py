"""Groups of products that share photos, exactly or nearly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.duplicates.photos import Looks, Photos
from catalog.photo_copies import link_products
from catalog.sources.source import NO_CATEGORY
from catalog.taxonomy import LEVELS, UNKNOWN, Taxonomy

EXACT, NEAR, COMMON = "exact", "near", "common"
KINDS = (EXACT, NEAR, COMMON)
SAME, UNKNOWN_LEVEL = 0, -1
"""Of a group's categories: all the same; fewer than two products with a category of the tree."""


@dataclass(frozen=True)
class Groups:
    """G groups, the largest first, then the photos too common to link, each with its products as a group of its own.

    Attributes:
        slot: `(R,)` int64 places in `Photos` of the shared photos, sorted by group.
        group: `(R,)` int64 group of each; kind: `(R,)` uint8 index in `KINDS`.
        distance: `(R,)` uint8 bits to the nearest other photo of the group; 0 for exact copies.
        product: `(M,)` int64 products sorted by group, each once per group; member_group: `(M,)`.
        group_kind: `(G,)` uint8: exact where exact copies alone link all of its products.
        parts_at: `(G,)` int8 highest level of the tree at which its categories part (1 Cat I ... 3 leaf), 0 where all
            are the same, -1 where fewer than two are known. Without a tree: 3 where they differ.
        n_common_products: products that carry a photo too common to link; n_common_looks: looks too common.
    """

    slot: NDArray[np.int64]
    group: NDArray[np.int64]
    kind: NDArray[np.uint8]
    distance: NDArray[np.uint8]
    product: NDArray[np.int64]
    member_group: NDArray[np.int64]
    group_kind: NDArray[np.uint8]
    parts_at: NDArray[np.int8]
    n_common_products: int
    n_common_looks: int

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """`(G + 1,)` first member of each group in `product`."""
        return np.searchsorted(self.member_group, np.arange(len(self.group_kind) + 1))

    @property
    def size(self) -> NDArray[np.int64]:
        """`(G,)` products of each group."""
        return np.diff(self.start)

    def where(self, chosen: NDArray[np.bool_]) -> Groups:
        """These groups alone, `(G,)` bool, numbered anew in their order."""
        number = np.cumsum(chosen) - 1
        rows, members = chosen[self.group], chosen[self.member_group]
        return replace(
            self,
            slot=self.slot[rows],
            group=number[self.group[rows]],
            kind=self.kind[rows],
            distance=self.distance[rows],
            product=self.product[members],
            member_group=number[self.member_group[members]],
            group_kind=self.group_kind[chosen],
            parts_at=self.parts_at[chosen],
        )


@dataclass(frozen=True)
class NearLinks:
    """Which photos link as near copies.

    Attributes:
        alike: `(E, 2)` int64 photos linked.
        nearest: `(n_photos,)` uint8 bits to the nearest other photo, 255 without one.
        n_common: looks of too many products, which link nothing.
    """

    alike: NDArray[np.int64]
    nearest: NDArray[np.uint8]
    n_common: int


def near_links(photos: Photos, looks: Looks, n_owners: NDArray[np.int64], max_copies: int) -> NearLinks:
    """Link photos of one look or of near looks, unless they and all that are near them lie on too many products."""
    shown = np.flatnonzero((looks.of_photo >= 0) & (n_owners <= max_copies))
    look = looks.of_photo[shown]
    own = np.bincount(look, n_owners[shown], looks.n_looks)
    a, b = looks.pairs.T
    around = own + np.bincount(a, own[b], looks.n_looks) + np.bincount(b, own[a], looks.n_looks)
    common = around > max_copies
    n_common = int((common & (own > 0)).sum())
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
    return NearLinks(np.concatenate([within, between[good]]), nearest, n_common)


def find_groups(photos: Photos, max_copies: int, looks: Looks | None = None, tree: Taxonomy | None = None) -> Groups:
    """Group the products; `looks`: near copies link as well."""
    n_products = len(photos.product_ids)
    exact = link_products(photos.number, photos.owner, n_products, max_copies)
    links, near, n_common_looks = exact, None, 0
    shared = (exact.n_owners > 1) & ~exact.common
    if looks is not None:
        near = near_links(photos, looks, exact.n_owners, max_copies)
        links = link_products(photos.number, photos.owner, n_products, max_copies, near.alike)
        n_common_looks = near.n_common
    listed = shared if near is None else shared | (near.nearest < 255)
    # a group has two products or more; a product that repeats its own photo is none
    size = np.bincount(links.product, minlength=int(links.product.max(initial=0)) + 1)
    slots = np.flatnonzero(listed[photos.number])
    slots = slots[size[links.product[photos.owner[slots]]] > 1]
    key = links.product[photos.owner[slots]]
    common = np.flatnonzero(exact.common[photos.number])
    # common photos come after all groups, each under a number of its own
    keys = np.concatenate([key, photos.number[common] + len(size)])
    slots = np.concatenate([slots, common])
    found, group = np.unique(keys, return_inverse=True)
    members = np.unique(group * max(1, n_products) + photos.owner[slots])
    member_group, product = members // max(1, n_products), members % max(1, n_products)
    n_members = np.bincount(member_group, minlength=len(found))
    rank = np.empty(len(found), np.int64)
    rank[np.lexsort((-n_members, found >= len(size)))] = np.arange(len(found))
    group, member_group = rank[group], rank[member_group]
    order, member_order = np.lexsort((slots, group)), np.lexsort((product, member_group))
    slots, group, product, member_group = slots[order], group[order], product[member_order], member_group[member_order]
    number = photos.number[slots]
    kind = np.where(exact.common[number], KINDS.index(COMMON), np.where(shared[number], 0, KINDS.index(NEAR)))
    distance = np.zeros(len(slots), np.uint8)
    if near is not None:
        distance = np.where(kind == KINDS.index(NEAR), near.nearest[number], 0).astype(np.uint8)
    start = np.searchsorted(member_group, np.arange(len(found)))
    return Groups(
        slots,
        group,
        kind.astype(np.uint8),
        distance,
        product,
        member_group,
        _group_kind(exact.product[product], start, found >= len(size), rank),
        parting_level(photos.category_ids[product], start, tree),
        len(np.unique(photos.owner[common])),
        n_common_looks,
    )


def _group_kind(
    exact_group: NDArray[np.int64], start: NDArray[np.int64], common: NDArray[np.bool_], rank: NDArray[np.int64]
) -> NDArray[np.uint8]:
    if not len(start):
        return np.zeros(0, np.uint8)
    one = np.minimum.reduceat(exact_group, start) == np.maximum.reduceat(exact_group, start)
    is_common = np.empty(len(common), bool)
    is_common[rank] = common
    return np.where(is_common, KINDS.index(COMMON), np.where(one, 0, KINDS.index(NEAR))).astype(np.uint8)


def parting_level(category_ids: NDArray[np.int64], start: NDArray[np.int64], tree: Taxonomy | None) -> NDArray[np.int8]:
    """`(G,)` int8 of members sorted by group: see `Groups.parts_at`."""
    if not len(start):
        return np.zeros(0, np.int8)
    node = category_ids if tree is None else tree.leaf_index(category_ids)
    known = node != (NO_CATEGORY if tree is None else UNKNOWN)
    level = np.full(len(start), SAME, np.int8)
    levels = LEVELS if tree is not None else (3,)
    for depth in sorted(levels, reverse=True):
        # below everything and above everything, so that the unknown change neither smallest nor largest
        at = node if tree is None else tree.ancestor(depth)[node]
        low = np.minimum.reduceat(np.where(known, at, np.iinfo(np.int64).max), start)
        high = np.maximum.reduceat(np.where(known, at, np.iinfo(np.int64).min), start)
        level[low < high] = depth
    level[np.add.reduceat(known.astype(np.int64), start) < 2] = UNKNOWN_LEVEL
    return level
