"""The index of photos against plain dictionaries."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.photos.photo_index import PhotoIndex

# equal first halves, equal second halves, and the order of bytes above 127
PHOTOS = np.array([[*[a] * 8, *[b] * 8] for a, b in ((200, 1), (7, 255), (7, 3), (0, 255), (128, 128))], np.uint8)
products = st.lists(st.lists(st.integers(0, len(PHOTOS) - 1), max_size=4), min_size=1, max_size=12)


def index_of(catalogue: list[list[int]]) -> PhotoIndex:
    md5s = PHOTOS[[photo for photos in catalogue for photo in photos]].reshape(-1, 16)
    return PhotoIndex(np.array([len(photos) for photos in catalogue], np.int8), md5s)


@given(products)
def test_every_table_is_what_a_dictionary_says(catalogue):
    photos = index_of(catalogue)
    listed = [
        (PHOTOS[photo].tobytes(), owner, position)
        for owner, own in enumerate(catalogue)
        for position, photo in enumerate(own)
    ]
    places, carriers = defaultdict(list), defaultdict(set)
    for place, (md5, owner, _) in enumerate(listed):
        places[md5].append(place)
        carriers[md5].add(owner)
    distinct = sorted(places)
    assert len(photos) == len(listed)
    assert photos.n_distinct == len(distinct)
    assert photos.owner.tolist() == [owner for _, owner, _ in listed]
    assert photos.position.tolist() == [position for *_, position in listed]
    assert photos.number.tolist() == [distinct.index(md5) for md5, *_ in listed]
    assert photos.first.tolist() == [places[md5][0] for md5 in distinct]
    assert photos.n_copies.tolist() == [len(places[md5]) for md5 in distinct]
    assert photos.n_products.tolist() == [len(carriers[md5]) for md5 in distinct]
    assert [photos.md5(i) for i in range(len(distinct))] == [md5.hex() for md5 in distinct]
    assert [photos.products_of(i).tolist() for i in range(len(distinct))] == [sorted(carriers[m]) for m in distinct]
    pairs = [(i, owner) for i, md5 in enumerate(distinct) for owner in sorted(carriers[md5])]
    assert list(zip(*(column.tolist() for column in photos.carriers), strict=True)) == pairs
    for start, end, own in zip(photos.start[:-1], photos.start[1:], catalogue, strict=True):
        assert photos.md5s[start:end].tolist() == PHOTOS[own].tolist()


@given(products, st.data())
def test_a_part_of_the_products_or_of_the_photos(catalogue, data):
    photos = index_of(catalogue)
    some = np.array(data.draw(st.lists(st.booleans(), min_size=photos.n_distinct, max_size=photos.n_distinct)), bool)
    carry = [any(some[number] for number in photos.number[photos.owner == i]) for i in range(len(catalogue))]
    assert photos.carry(some).tolist() == carry
    kept = [own if keeps else [] for own, keeps in zip(catalogue, carry, strict=True)]
    within, alone = photos.within(np.array(carry, bool)), index_of(kept)
    for name in ("owner", "position", "number", "first", "n_products"):
        np.testing.assert_array_equal(getattr(within, name), getattr(alone, name))


@given(products)
def test_sums_are_equal_where_the_photos_are_the_same_in_any_order(catalogue):
    distinct_halves = np.random.default_rng(0).integers(0, 256, PHOTOS.shape, dtype=np.uint8)
    md5s = distinct_halves[[photo for photos in catalogue for photo in photos]].reshape(-1, 16)
    sums = PhotoIndex(np.array([len(photos) for photos in catalogue], np.int8), md5s).sums
    assert sums.shape == (len(catalogue),)
    for one, mine in zip(catalogue, sums, strict=True):
        for other, theirs in zip(catalogue, sums, strict=True):
            assert (mine == theirs) == (sorted(one) == sorted(other))


def test_md5s_of_other_photos_are_refused():
    with pytest.raises(ValueError, match="5 MD5s of 3 photos"):
        PhotoIndex(np.array([1, 2], np.int8), PHOTOS)
