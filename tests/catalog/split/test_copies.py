"""Products with the same photos are told by a sum, as by comparing the photos one by one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.split.copies import photo_sums

PHOTOS = np.random.default_rng(0).integers(0, 256, (4, 16), dtype=np.uint8)


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=12))
def test_sums_are_equal_where_the_photos_are_the_same_in_any_order(products):
    n_images = np.array([len(photos) for photos in products], np.int8)
    md5s = PHOTOS[[photo for photos in products for photo in photos]]
    sums = photo_sums(SimpleNamespace(n_images=n_images, md5s=lambda progress: md5s))
    assert sums.shape == (len(products),)
    for one, mine in zip(products, sums, strict=True):
        for other, theirs in zip(products, sums, strict=True):
            assert (mine == theirs) == (sorted(one) == sorted(other))
