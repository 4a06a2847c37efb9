"""What an index knows of its products, against a dictionary of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ids.id_names import IdNames
from search.indexing.record import OUTSIDE, IndexedProducts
from search.indexing.signatures import signatures_of

NOTHING = IndexedProducts(
    np.zeros(0, np.int64),
    np.zeros(0, np.uint64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int16),
    ("a",),
    IdNames.none(),
    True,
)
IDS = st.integers(-3, 6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.dictionaries(IDS, st.tuples(st.integers(0, 9), st.integers(-1, 3))),
                  st.integers(0, 2)),
        st.tuples(st.just("forget"), st.sets(IDS), st.none()),
    ),
    max_size=6,
)  # fmt: skip


@given(STEPS)
def test_products_are_taken_in_and_forgotten_as_in_a_dictionary(steps):
    known, model = replace(NOTHING, addresses=("a", "b", "c")), {}
    for kind, products, source in steps:
        ids = np.array(sorted(products, reverse=True), np.int64)
        if kind == "forget":
            known = known.without(ids)
            model = {one: row for one, row in model.items() if one not in products}
        else:
            signatures = np.array([products[one][0] for one in ids.tolist()], np.uint64)
            categories = np.array([products[one][1] for one in ids.tolist()], np.int64)
            known = known.taking(ids, signatures, categories, source)
            model |= {one: (*products[one], source) for one in products}
    rows = zip(known.signatures.tolist(), known.category_ids.tolist(), known.sources.tolist(), strict=True)
    assert dict(zip(known.product_ids.tolist(), rows, strict=True)) == model
    assert known.product_ids.tolist() == sorted(model)
    asked = np.arange(-4, 8)
    assert known.source_of(asked).tolist() == [model[one][2] if one in model else OUTSIDE for one in asked.tolist()]


def test_it_is_read_back_to_the_letter(tmp_path):
    path = tmp_path / "products.safetensors"
    known = replace(
        NOTHING, addresses=("mongodb://h/d.c", "/a b/é.bson"), labels=IdNames.of(["é > b", "7a"]), is_trained=False
    )
    known = known.taking(np.array([7, -2]), np.array([2**64 - 1, 0], np.uint64), np.array([5, -1]), 1)
    known.save(path)
    back = IndexedProducts.load(path)
    assert (back.addresses, back.is_trained) == (known.addresses, False)
    assert set(back.labels.take(back.labels.numbers)) == {"é > b", "7a"}
    for name in ("product_ids", "signatures", "category_ids", "sources"):
        assert getattr(back, name).tolist() == getattr(known, name).tolist()
    whole = path.read_bytes()
    for damaged in (whole[:-3], whole[:4], b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"products.safetensors holds no products of an index .*--overwrite"):
            IndexedProducts.load(path)


def test_a_bit_that_the_disk_has_flipped_is_seen(tmp_path):
    path = tmp_path / "products.safetensors"
    replace(NOTHING, labels=IdNames.of(["é > b", "7a"])).taking(
        np.arange(9), np.arange(9, dtype=np.uint64), np.arange(9), 0
    ).save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"products.safetensors .*--overwrite"):
            IndexedProducts.load(path)


@given(st.lists(st.lists(st.binary(min_size=16, max_size=16), max_size=4), max_size=6))
def test_signatures_tell_other_photos_and_another_order_apart(products):
    n_images = np.array([len(photos) for photos in products], np.int8)
    md5s = np.frombuffer(b"".join(one for photos in products for one in photos), np.uint8).reshape(-1, 16)
    slow = [int.from_bytes(hashlib.blake2b(b"".join(photos), digest_size=8).digest(), "little") for photos in products]
    assert signatures_of(n_images, md5s).tolist() == slow
