"""Ids of all kinds of catalogue: what is one, what is none and how to get one, and no two texts that become one."""

from __future__ import annotations

import base64
import shutil

import bson
import pytest

from catalog.catalog import Catalog
from tests.conftest import SHARED
from tests.support.photo_files import kinds, put, said
from tests.support.products import make_photo

TEXT = base64.b64encode(make_photo(1)).decode()
ANY_ID = "an id is an integer or a text (an article number, a UUID)"


@pytest.fixture
def case(tmp_path):
    """A copy of a real case by its path; the test is skipped where it is not there."""

    def copied(name):
        source = SHARED / "cases" / name
        if not source.exists():
            pytest.skip(f"{source} is not there")
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / source.name)
        return tmp_path / source.name

    return copied


def test_an_id_that_is_a_whole_double_is_an_id(write_bson):
    documents = [{"_id": float(n), "imgs": [{"picture": b"%d" % n}]} for n in range(3)]
    catalog = Catalog(write_bson(*documents, {"_id": 2, "imgs": []}, {"_id": 2.5}, {"_id": float("nan")}))
    assert catalog.product_ids.tolist() == [0, 1, 2]
    assert [product.product_id for product in catalog] == [0, 1, 2]
    assert kinds(catalog) == {"REPEATED_ID": 1, "NO_PHOTO": 1, "BAD_DOCUMENT": 2}
    # converted, it is what it was
    assert [bson.decode(raw)["_id"] for raw in catalog.raw([1])] == [1.0]


def test_real_documents_with_ids_as_doubles(case):
    catalog = Catalog(case("ids/id_double.bson"))
    assert catalog.product_ids.tolist() == [1, 2, 3, 4, 5]
    assert catalog.n_images.tolist() == [1] * 5
    assert not kinds(catalog)


@pytest.mark.parametrize("written", ["12", " 12 ", "12.0", "'12"])
def test_a_category_of_digits_in_text_is_one(write_bson, written):
    catalog = Catalog(write_bson({"_id": 1, "category_id": written, "imgs": [{"picture": b"x"}]}))
    assert (catalog.category_ids.tolist(), kinds(catalog)) == ([12], {})


@pytest.mark.parametrize(
    ("written", "shown"), [("shoes", "shoes"), ("00012", "00012"), ("12.5", "12.5"), ("", -1), ("  ", -1)]
)
def test_other_text_is_a_category_to_the_letter(write_bson, written, shown):
    catalog = Catalog(write_bson({"_id": 1, "category_id": written, "imgs": [{"picture": b"x"}]}))
    assert (catalog.ids.take(catalog.category_ids), len(catalog.problems)) == ([shown], 0)


def test_real_documents_with_categories_as_text(case):
    catalog = Catalog(case("ids/cat_string.bson"))
    assert catalog.category_ids.tolist() == [1000010653] * 5
    assert not kinds(catalog)


@pytest.mark.parametrize("product_id", [None, True, 2.5, 2.0**60, {"sku": "a"}, "", "a\0b", "x" * 1001])
def test_an_id_of_a_document_that_cannot_be_used_names_its_way_out(write_bson, product_id):
    with pytest.raises(ValueError, match="no usable product") as refused:
        Catalog(write_bson({"_id": product_id, "imgs": [{"picture": b"x"}]}))
    assert '{$set: {_id: "$FIELD"}}' in str(refused.value)
    assert ANY_ID in str(refused.value)
    partly = Catalog(write_bson({"_id": product_id}, {"_id": "a", "imgs": [{"picture": b"x"}]}))
    assert (partly.shop_ids(), kinds(partly)) == (["a"], {"BAD_DOCUMENT": 1})
    assert partly.problems.summary().count(ANY_ID) == 1


def test_real_documents_with_object_ids(case):
    catalog = Catalog(case("ids/id_objectid.bson"))
    assert [str(bson.decode(raw)["_id"]) for raw in catalog.raw(range(len(catalog)))] == catalog.shop_ids()
    assert all(len(shop_id) == 24 for shop_id in catalog.shop_ids())
    assert not kinds(catalog)


def test_a_real_table_with_ids_of_text(case, tmp_path):
    path = case("ids/strid.csv")
    for name in "123":
        put(tmp_path / f"{name}.jpg")
    catalog = Catalog(path)
    ids = [f"train_12922521{n}" for n in "234"]
    assert catalog.shop_ids() == [product.product_id for product in catalog] == ids
    # opened again, from what is kept
    assert Catalog(path).shop_ids() == [bson.decode(raw)["_id"] for raw in Catalog(path).raw([0, 1, 2])] == ids
    assert not kinds(catalog)


def test_an_id_of_a_row_that_cannot_be_used_names_its_way_out(tmp_path):
    put(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("product_id,photos\n1.5E+10,a.jpg\n1,a.jpg\n")
    text = Catalog(tmp_path / "t.csv").problems.summary()
    assert "call that one product_id" in text
    assert ANY_ID in text


@pytest.mark.parametrize("column", ["photos", "photo1"])
def test_zeros_before_a_number_make_another_product(tmp_path, column):
    for name in "abc":
        put(tmp_path / f"{name}.jpg")
    (tmp_path / "t.csv").write_text(f"product_id,{column}\n0012,a.jpg\n12,b.jpg\n012,c.jpg\n")
    catalog = Catalog(tmp_path / "t.csv")
    assert catalog.shop_ids() == ["0012", 12, "012"]
    assert [product.images[0] for product in catalog] == [(tmp_path / f"{name}.jpg").read_bytes() for name in "abc"]


def test_one_text_throughout_is_one_product(tmp_path):
    for name in "abcd":
        put(tmp_path / f"{name}.jpg")
    (tmp_path / "t.csv").write_text(
        "product_id,photo\n0012,a.jpg\n'0012,b.jpg\ncaf\u00e9,c.jpg\ncafe\u0301,d.jpg\n", encoding="utf-8"
    )
    catalog = Catalog(tmp_path / "t.csv")
    assert (catalog.shop_ids(), catalog.n_images.tolist(), kinds(catalog)) == (["0012", "caf\u00e9"], [2, 2], {})


def test_ids_that_have_the_same_number_are_refused(tmp_path, monkeypatch):
    put(tmp_path / "a.jpg")
    monkeypatch.setattr("catalog.sources.table.spool.id_number", lambda product_id: 7)
    (tmp_path / "t.csv").write_text("product_id,photo\nx,a.jpg\ny,a.jpg\n")
    with pytest.raises(ValueError, match="the ids 'x' and 'y' have the same number here: change one of them"):
        Catalog(tmp_path / "t.csv")


def test_folders_with_and_without_zeros_are_products_of_their_own(tmp_path):
    for name in ("0012", "12", "00012"):
        put(tmp_path / "shop" / "7" / name / "1.jpg")
    catalog = Catalog(tmp_path / "shop")
    assert sorted(map(str, catalog.shop_ids())) == ["00012", "0012", "12"]
    assert kinds(catalog) == {"ALIKE_IDS": 1}


def test_real_article_numbers_with_and_without_zeros(case):
    folder = case("gtin")
    catalog = Catalog(folder)
    ids = ["00012345", "012345", "03086120001234", 3086120001234]
    assert sorted(catalog.shop_ids(), key=str) == ids
    assert catalog.n_images.tolist() == [1] * 4
    assert kinds(catalog)["ALIKE_IDS"] == 2
    table = Catalog(folder / "lead.csv")
    assert (table.n_images.tolist(), kinds(table)) == ([1, 1], {"ALIKE_IDS": 1})


def test_a_row_without_photos_never_wins_over_its_twin(tmp_path):
    put(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("product_id,photo1,photo2\n1,,\n1,a.jpg,\n1,,a.jpg\n")
    catalog = Catalog(tmp_path / "t.csv")
    assert catalog.n_images.tolist() == [1]
    assert [text.split(",")[0] for text in said(catalog)] == ["row 2", "row 4"]


def test_photos_as_base64_text_are_refused_as_that(write_bson):
    document = {"_id": 1, "imgs": [{"picture": TEXT}]}
    with pytest.raises(ValueError, match="no picture that is bytes") as refused:
        Catalog(write_bson(document, {"_id": 2}))
    assert "photo given as text, in base64 perhaps, not as bytes (photo 1)" in str(refused.value)
    assert "base64.b64decode(text)" in str(refused.value)
    partly = Catalog(write_bson(document, {"_id": 2, "imgs": [{"picture": b"x"}]}))
    assert kinds(partly) == {"TEXT_PHOTO": 1, "NO_PHOTO": 1}


def test_real_photos_as_base64_text(case):
    with pytest.raises(ValueError, match="no picture that is bytes"):
        Catalog(case("ids/pic_base64.bson"))


@pytest.mark.parametrize("cell", [TEXT, f"data:image/jpeg;base64,{TEXT}", base64.b64encode(make_photo(1, kind="PNG"))])
def test_photos_as_base64_text_in_a_table_are_refused_as_that(tmp_path, cell):
    cell = cell if isinstance(cell, str) else cell.decode()
    (tmp_path / "t.csv").write_text(f'product_id,photo\n1,"{cell}"\n')
    with pytest.raises(ValueError, match="photo given as text, in base64 perhaps") as refused:
        Catalog(tmp_path / "t.csv")
    assert "a CSV has the paths of files" in str(refused.value)
    assert len(str(refused.value)) < 1000
    (tmp_path / "t.csv").write_text(f'product_id,photo\n1,"{cell * 60}"\n')
    with pytest.raises(ValueError, match=r"a photo stands there as text|photo given as text"):
        Catalog(tmp_path / "t.csv")
