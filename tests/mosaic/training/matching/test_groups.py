"""Photos that show one product: those of a product, and of products that share one."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.photos.photo_index import PhotoIndex
from mosaic.training.matching.groups import ALONE, PhotoGroups, numbered

PRODUCTS = st.lists(st.lists(st.integers(0, 8), max_size=3), min_size=1, max_size=8)


class _Catalog:
    """As much of a catalogue as groups are made of; photos are numbers."""

    def __init__(self, products: list[list[int]]) -> None:
        md5s = np.zeros((sum(map(len, products)), 16), np.uint8)
        md5s[:, 0] = list(itertools.chain(*products))
        self._photos = PhotoIndex(np.array([len(photos) for photos in products], np.int8), md5s)
        self.products = products

    def __len__(self) -> int:
        return len(self.products)

    def photo_index(self) -> PhotoIndex:
        return self._photos


def slow_groups(products: list[list[int]], max_copies: int) -> set[frozenset[int]]:
    """The sets of different photos that show one product, those of two or more."""
    carriers = {photo: sum(photo in photos for photos in products) for photo in itertools.chain(*products)}
    sets = [{photo for photo in photos if carriers[photo] <= max_copies} for photos in products]
    merged = True
    while merged:
        merged = False
        for a, b in itertools.combinations(range(len(sets)), 2):
            if sets[a] & sets[b]:
                sets[a] |= sets.pop(b)
                merged = True
                break
    return {frozenset(photos) for photos in sets if len(photos) > 1}


@settings(deadline=None)
@given(PRODUCTS, st.integers(1, 4))
def test_groups_are_what_products_and_shared_photos_link(products, max_copies):
    groups = PhotoGroups.of(_Catalog(products), np.arange(len(products)), max_copies)
    shown = [products[i][place] for i, place in zip(groups.positions, groups.places, strict=True)]
    assert (np.diff(groups.positions) >= 0).all()
    found = {
        frozenset(photo for photo, own in zip(shown, groups.group, strict=True) if own == group)
        for group in range(groups.n_groups)
    }
    assert found == slow_groups(products, max_copies)
    # each photo once, and none that too many products have
    usable = {p for p in itertools.chain(*products) if sum(p in photos for photos in products) <= max_copies}
    assert sorted(shown) == sorted(usable)


def test_products_that_are_not_asked_for_link_nothing():
    groups = PhotoGroups.of(_Catalog([[1, 2], [2, 3], [3, 4]]), np.array([0, 2]), 20)
    assert groups.positions.tolist() == [0, 0, 2, 2]
    assert groups.group.tolist() == [0, 0, 1, 1]


def test_a_leaf_that_is_one_product_is_one_group():
    groups = PhotoGroups.of(_Catalog([[1, 2], [3], [4, 5], [6]]), np.arange(4), 20)
    assert groups.group.tolist() == [0, 0, ALONE, 1, 1, ALONE]
    joined = groups.joined(np.array([5, 5, 5, -1, -1, -1]))
    assert joined.together.tolist() == [True] * 5 + [False]
    assert len(set(joined.group[:3])) == 1
    assert joined.group[3] == joined.group[4] != joined.group[0]


@given(st.lists(st.integers(0, 5), max_size=12))
def test_numbers_are_given_to_what_stands_there_twice(values):
    got = numbered(np.array(values, np.int64)).tolist()
    several = sorted({value for value in values if values.count(value) > 1})
    assert got == [several.index(value) if value in several else ALONE for value in values]
