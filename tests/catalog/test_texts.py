"""What a shop wrote of its products: kept in one form, beside the catalogue, and found again by position."""

from __future__ import annotations

import pickle
import unicodedata
from dataclasses import replace
from typing import NoReturn

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.sidecar import read_sidecar, sidecar_path, write_sidecar
from catalog.ids.id_names import IdNames
from catalog.product import ProblemKind, Product
from catalog.product_text import MAX_DESCRIPTION, MAX_TITLE, ShopText, cleaned, joined, parted
from catalog.sources.bson.file import BsonFile
from catalog.sources.source import ROW
from catalog.texts import BATCH, Texts, collect_texts
from tests.support.products import make_photo

PHOTO = make_photo(1, (8, 8), "PNG")


def document(number: int, **fields: object) -> dict:
    return {"_id": number, **fields, "imgs": [{"picture": PHOTO}]}


def test_titles_are_read_beside_the_photos(write_bson):
    path = write_bson(
        document(1, category_id=5, title="Mug, 300 ml", description="White.\nDishwasher-safe."),
        document(2, title="Cafe\u0301"),
        document(3, description="without a title"),
        document(4),
    )
    catalog = Catalog(path)
    texts = catalog.titles()
    expected = ["Mug, 300 ml\nWhite. Dishwasher-safe.", "Caf\u00e9", "\nwithout a title", ""]
    assert (len(texts), list(texts), texts.any) == (4, expected, True)
    assert texts.take([3, 0, 0]) == [expected[3], expected[0], expected[0]]
    assert [texts[position] for position in (0, 1, -1)] == [expected[0], expected[1], expected[3]]
    assert (texts.n_titles, texts.n_descriptions) == (2, 2)
    assert [(p.title, p.description) for p in catalog.take([2, 0])] == [
        ("", "without a title"), ("Mug, 300 ml", "White. Dishwasher-safe."),
    ]  # fmt: skip
    assert Chunk.of(list(catalog), 8).titles == expected
    with pytest.raises(IndexError, match="texts of 4 products"):
        texts[4]


def test_a_catalogue_without_titles_keeps_no_texts(write_bson):
    path = write_bson(document(1), document(2, category_id=5))
    texts = Catalog(path).titles()
    assert (len(texts), texts.any, texts[1], texts.take([0, 1])) == (2, False, "", ["", ""])
    assert not sidecar_path(path, ".texts").exists()


WRITTEN = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WRITTEN)
def test_any_text_comes_back_at_its_position(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("texts") / "shop.bson"
    documents = [document(number, title=title, description=more) for number, (title, more) in enumerate(written)]
    path.write_bytes(b"".join(map(bson.encode, documents)))
    expected = [joined(cleaned(title, MAX_TITLE), cleaned(more, MAX_DESCRIPTION)) for title, more in written]
    made = Catalog(path).titles()
    kept = Catalog(path).titles()
    for texts in (made, kept):
        assert list(texts) == texts.take(range(len(written))) == [texts[i] for i in range(len(written))] == expected
        assert (texts.any, texts.digest) == (any(expected), made.digest)
    assert [product.text for product in Catalog(path)] == expected


@given(st.text(max_size=40), st.integers(1, 30))
def test_a_text_is_kept_in_one_form(text, limit):
    once = cleaned(text, limit)
    assert cleaned(once, limit) == once
    assert len(once) <= limit
    assert once == once.strip()
    assert not any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in once)
    assert unicodedata.is_normalized("NFC", once)
    assert parted(joined(once, once)) == (once, once)


@pytest.mark.parametrize(
    ("value", "title", "fault"),
    [
        ("", "", ""),
        (" \t\u00a0\n", "", ""),
        ("a\0b\x07c\r\nd\u2028e", "a b c  d e", ""),
        ("Salt &amp; Pepper &#233;", "Salt &amp; Pepper &#233;", ""),
        (None, "", ""),
        (1984, "1984", ""),
        (bson.Int64(2**40), str(2**40), ""),
        (1984.0, "1984", ""),
        (0.5, "0.5", ""),
        (float("nan"), "", ""),
        (bson.Decimal128("9.90"), "9.90", ""),
        (["Mug", None, "", 12], "Mug 12", ""),
        ([], "", ""),
        ({"en": "Mug"}, "", "title is dict, expected a text"),
        (["Mug", {"fr": "Tasse"}], "", "title is a list with dict, expected a text"),
        (True, "", "title is bool, expected a text"),
        (b"Mug", "", "title is bytes, expected a text"),
        (bson.ObjectId(bytes(12)), "", "title is ObjectId, expected a text"),
    ],
)
def test_what_a_title_may_be(write_bson, value, title, fault):
    path = write_bson(document(1, title=value), document(2, title="plain"))
    catalog = Catalog(path)
    texts = catalog.titles()
    assert (texts[0], catalog[0].title, len(catalog)) == (title, title, 2)
    told = [(p.kind, p.product_id, p.detail) for p in texts.problems.named]
    assert told == ([(ProblemKind.BAD_TEXT, 1, fault)] if fault else [])


def test_titles_that_are_none_are_named_by_the_shops_own_id(write_bson):
    catalog = Catalog(write_bson(document("A-1", title={"en": "Mug"}), document("A-2", title="x" * 2000)))
    assert [problem.product_id for problem in catalog.titles().problems.named] == ["A-1", "A-2"]


def test_a_document_with_nothing_but_a_title_that_is_none_is_told(write_bson):
    texts = Catalog(write_bson(document(1, title={"en": "Mug"}))).titles()
    assert (texts.any, len(texts), texts.take([0])) == (False, 1, [""])
    assert str(texts.problems.named[0]).startswith("product 1: title or description that is no text (left out)")


def latin_1(fields: dict) -> bytes:
    """A document whose e with an accent is one byte, as no UTF-8 has it."""
    return bson.encode(fields).replace("\u00e9".encode(), b"\xe9x")


@pytest.mark.parametrize("product_id", [1, "MH01-gray"])
def test_a_title_in_another_encoding_is_left_out_and_named_and_all_else_is_kept(write_bson, product_id):
    fields = document(product_id, category_id=7, title="Caf\u00e9", description="White", note="\u00e9")
    listed = document(2, title=["Mug", "th\u00e9"])
    catalog = Catalog(write_bson(latin_1(fields), latin_1(listed), document(3, title="Caf\u00e9")))
    texts = catalog.titles()
    assert list(texts) == ["\nWhite", "", "Caf\u00e9"]
    assert [product.text for product in catalog] == list(texts)
    assert (catalog.category_ids.tolist(), catalog.n_images.tolist()) == ([7, -1, -1], [1, 1, 1])
    assert not len(catalog.problems)
    assert [(p.kind, p.product_id, p.detail) for p in texts.problems.named] == [
        (ProblemKind.BAD_TEXT, product_id, "title is text in another encoding than UTF-8, expected a text"),
        (ProblemKind.BAD_TEXT, 2, "title is a list with text in another encoding than UTF-8, expected a text"),
    ]
    # what is written elsewhere is the document as it was
    assert list(catalog.raw([0])) == [latin_1(fields)]


def test_a_title_of_a_megabyte_is_cut_and_told(write_bson):
    path = write_bson(
        document(7, title="x" * 10**6, description="y" * MAX_DESCRIPTION), document(8, title="e\u0301" * 1000)
    )
    catalog = Catalog(path)
    texts = catalog.titles()
    assert texts[0] == "x" * MAX_TITLE + "\n" + "y" * MAX_DESCRIPTION
    assert texts[1] == "\u00e9" * MAX_TITLE
    assert [(p.kind, p.product_id, p.detail) for p in texts.problems.named] == [
        (ProblemKind.LONG_TEXT, 7, "title of 1,000,000 characters, the first 1,000 are used")
    ]
    assert catalog[0].title == "x" * MAX_TITLE


def test_a_kept_file_of_another_state_or_damaged_is_made_anew(write_bson, tmp_path):
    path = write_bson(document(1, title="one"), document(2, title="two"))
    Catalog(path).titles()
    place = sidecar_path(path, ".texts")
    good = place.read_bytes()
    for damage in (b"", good[:-1], good[:40], b"x" + good[1:], good[:-8] + (2**40).to_bytes(8, "little")):
        place.write_bytes(damage)
        assert list(Catalog(path).titles()) == ["one", "two"]
        assert place.read_bytes() == good
    # places that go backwards
    places = good.index(b"onetwo") + 6
    place.write_bytes(good[: places + 8] + (2**50).to_bytes(8, "little") + good[places + 16 :])
    assert list(Catalog(path).titles()) == ["one", "two"]
    path.write_bytes(path.read_bytes() + bson.encode(document(3, title="three")))
    assert list(Catalog(path).titles()) == ["one", "two", "three"]


def test_an_index_of_an_earlier_version_stays_and_its_texts_are_found(write_bson, monkeypatch):
    path = write_bson(document(1, title="one"), document(2))
    place = sidecar_path(path, ".index")
    Catalog(path)
    header, rows = read_sidecar(place, Catalog(path).stamp, ROW)
    del header["has_texts"]
    write_sidecar(place, header, rows)
    kept = place.read_bytes()
    monkeypatch.setattr(BsonFile, "index", None)
    assert list(Catalog(path).titles()) == ["one", ""]
    assert place.read_bytes() == kept


def test_an_index_of_an_earlier_version_that_left_out_products_is_made_anew(write_bson):
    path = write_bson(document("A-1", title="text"), document(2, title="number"), {"_id": True})
    catalog = Catalog(path)
    header, rows = read_sidecar(sidecar_path(path, ".index"), catalog.stamp, ROW)
    # as it was written when an id was an integer, with the photos' MD5s beside it
    del header["any_ids"], header["n_ids"]
    header |= {"n_rows": 1, "problems": {"counts": {"BAD_DOCUMENT": 2}, "named": []}}
    write_sidecar(sidecar_path(path, ".index"), header, rows[1:])
    write_sidecar(sidecar_path(path, ".md5"), {"stamp": catalog.stamp, "n_rows": 1}, catalog.md5s()[1:])
    again = Catalog(path)
    assert again.shop_ids() == ["A-1", 2]
    assert list(again.titles()) == ["text", "number"]
    assert len(again.md5s()) == 2
    # a document that is still none is no reason to look again
    kept = sidecar_path(path, ".index").read_bytes()
    assert Catalog(path).shop_ids() == ["A-1", 2]
    assert sidecar_path(path, ".index").read_bytes() == kept


def test_texts_that_cannot_be_kept_are_there_all_the_same(write_bson, monkeypatch, caplog):
    path = write_bson(document(1, title="one"))
    catalog = Catalog(path)

    def full(path: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catalog.texts.atomic_path", full)
    assert list(catalog.titles()) == ["one"]
    assert not sidecar_path(path, ".texts").exists()
    assert "cannot be kept" in caplog.text


def test_titles_belong_to_a_product_through_pickling_and_copies():
    product = Product(3, (PHOTO,), 5, "Mug", "White")
    again = pickle.loads(pickle.dumps(product))
    assert (again, again.text) == (product, "Mug\nWhite")
    assert replace(product, product_id=4).title == "Mug"
    assert Product(3, (PHOTO,), 5).text == ""


def test_a_source_is_asked_in_batches_and_its_file_holds_them_all(tmp_path):
    rows = np.zeros(3 * BATCH + 1, ROW)
    rows["product_id"] = np.arange(len(rows))
    asked: list[int] = []

    class Endless:
        def texts(self, some):
            asked.append(len(some))
            return (ShopText(f"product {number}") for number in some["product_id"])

    place = tmp_path / "endless.texts"
    texts = collect_texts(Endless(), rows, IdNames.none(), place, {"size": 1})
    assert asked == [BATCH, BATCH, BATCH, 1]
    assert texts[2 * BATCH] == f"product {2 * BATCH}"
    assert Texts.read(place, {"size": 1}, len(rows)).take([0, -1]) == ["product 0", f"product {3 * BATCH}"]
    assert Texts.read(place, {"size": 1}, len(rows) + 1) is None
    assert Texts.read(place, {"size": 2}, len(rows)) is None
