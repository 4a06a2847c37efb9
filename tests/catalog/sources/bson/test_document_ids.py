"""Ids in BSON documents: numbers, texts, ObjectIds and UUIDs, which come out as they went in."""

from __future__ import annotations

import pickle

import bson

from catalog.catalog import Catalog
from tests.support.photo_files import kinds, said

DATABASE_IDS = {
    "MH01-gray": "MH01-gray",
    "../x": "../x",
    "=1+1": "=1+1",
    "0012": "0012",
    "12": 12,
    7: 7,
    bson.Int64(2**40): 2**40,
    8.0: 8,
    bson.ObjectId("65a1b2c3d4e5f60718293a4b"): "65a1b2c3d4e5f60718293a4b",
    bson.Binary(bytes(range(16)), 4): "00010203-0405-0607-0809-0a0b0c0d0e0f",
}


def test_ids_of_all_kinds_in_one_file_come_out_to_the_letter(write_bson, tmp_path):
    documents = [
        {"_id": written, "category_id": category_id, "title": f"title {shown}", "imgs": [{"picture": b"%d" % n}]}
        for n, ((written, shown), category_id) in enumerate(
            zip(DATABASE_IDS.items(), reversed(DATABASE_IDS), strict=True)
        )
    ]
    catalog = Catalog(write_bson(*documents))
    shown = list(DATABASE_IDS.values())
    for opened in (catalog, Catalog(catalog.source.path), pickle.loads(pickle.dumps(catalog))):
        assert opened.shop_ids() == shown
        assert opened.ids.take(opened.category_ids) == shown[::-1]
        assert [(product.product_id, product.category_id) for product in opened] == list(
            zip(shown, shown[::-1], strict=True)
        )
        assert list(opened.titles()) == [f"title {one}" for one in shown]
        # of products and of categories, 12 and 0012
        assert kinds(opened) == {"ALIKE_IDS": 2}
    assert list(catalog.raw(range(len(catalog)))) == list(map(bson.encode, documents))


def test_a_number_and_the_text_of_it_are_one_product_and_the_other_is_named(write_bson):
    documents = [{"_id": one, "imgs": [{"picture": b"x"}]} for one in (12, "12", "\u00e9", "e\u0301", "A", "B")]
    catalog = Catalog(write_bson(*documents))
    assert catalog.shop_ids() == [12, "\u00e9", "A", "B"]
    assert [problem.split(":")[0].split(", ")[1] for problem in said(catalog)] == [
        "product 12", "product \u00e9"
    ]  # fmt: skip
    assert kinds(catalog) == {"REPEATED_ID": 2}
