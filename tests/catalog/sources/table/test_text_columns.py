"""Titles and descriptions in a table: which columns they stand in, and what may stand there."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rayonnage
from catalog.catalog import Catalog
from catalog.sources.table.table import PhotoTable
from curation.cli import main
from tests.support.command_line import invoke, output_of
from tests.support.photo_files import kinds, put, said
from tests.support.products import make_photo

call = partial(output_of, main)


@pytest.fixture
def shop(tmp_path):
    """Writes a CSV beside the photos a.jpg, b.jpg and c.jpg."""
    for name in "abc":
        put(tmp_path / f"{name}.jpg")

    def write(text: str):
        (tmp_path / "shop.csv").write_text(text, encoding="utf-8", newline="")
        return tmp_path / "shop.csv"

    return write


def titles(path) -> list[str]:
    return list(Catalog(path).titles())


@pytest.mark.parametrize("columns", ["title,description", "Title, DESCRIPTION "])
def test_titles_are_columns_in_any_case(shop, columns):
    path = shop(f'product_id,{columns},photos\n1,"Mug, blue","30 cl\nsafe",a.jpg\n2,,,b.jpg\n3, \t ,Bowl,c.jpg\n')
    catalog = Catalog(path)
    assert list(catalog.titles()) == ["Mug, blue\n30 cl safe", "", "\nBowl"]
    assert [product.text for product in catalog] == list(catalog.titles())
    # from what is kept
    assert titles(path) == list(catalog.titles())
    assert not kinds(catalog)


def test_a_product_of_several_rows_has_the_first_texts_among_them(shop):
    path = shop("product_id,photo,title\n1,a.jpg,\n2,b.jpg,Bowl\n1,c.jpg,Mug\n1,b.jpg,Other\n")
    assert titles(path) == ["Mug", "Bowl"]


def test_photos_that_are_missing_do_no_harm_to_titles(shop):
    path = shop("product_id,title,photos\n1,Mug,a.jpg|gone.jpg\n2,Bowl,gone.jpg\n3,Cup,b.jpg\n")
    catalog = Catalog(path)
    assert (list(catalog.titles()), [len(p.images) for p in catalog]) == (["Mug", "Bowl", "Cup"], [1, 0, 1])
    assert kinds(catalog)["MISSING_PHOTO"] == 2
    # and the look at what was listed finds them again
    put(path.parent / "gone.jpg")
    assert [len(p.images) for p in Catalog(path)] == [2, 1, 1]


def test_a_title_of_a_parquet_table_may_be_no_text(tmp_path):
    put(tmp_path / "a.jpg")
    table = pa.table({
        "_id": [1, 2],
        "title": pa.array([["Mug", "blue"], None]),
        "description": pa.array([{"en": "safe"}, None]),
        "photo": ["a.jpg", "a.jpg"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "shop.parquet")
    catalog = Catalog(tmp_path / "shop.parquet")
    assert list(catalog.titles()) == ["Mug blue", ""]
    assert said(catalog) == [
        "row 1, product 1: title or description that is no text (left out) (description is dict, expected a text)"
    ]
    numbers = table.set_column(1, "title", pa.array([1984, None])).drop_columns(["description"])
    pq.write_table(numbers, tmp_path / "numbers.parquet")
    assert titles(tmp_path / "numbers.parquet") == ["1984", ""]


def test_titles_beside_photos_in_the_cells_of_a_parquet_table(tmp_path):
    photos = [make_photo(1, (8, 8)), make_photo(2, (8, 8))]
    pq.write_table(pa.table({"_id": [1, 2], "title": ["Mug", "Bowl"], "image": photos}), tmp_path / "shop.parquet")
    catalog = Catalog(tmp_path / "shop.parquet")
    assert list(catalog.titles()) == ["Mug", "Bowl"]
    assert [p.images for p in catalog] == [(photo,) for photo in photos]


def test_a_long_title_is_cut_and_told(shop):
    catalog = Catalog(shop(f"product_id,title,photos\n5,{'x' * 2000},a.jpg\n"))
    assert list(catalog.titles()) == ["x" * 1000]
    assert said(catalog) == [
        "row 2, product 5: title or description that is too long (cut) (title of 2,000 characters, the first 1,000 are "
        "used)"
    ]


def test_a_cell_of_ten_megabytes_costs_no_product(shop):
    catalog = Catalog(shop(f"product_id,title,photos\n5,{'x' * 10 * 2**20},a.jpg\n6,Mug,b.jpg\n"))
    assert list(catalog.titles()) == ["x" * 1000, "Mug"]
    assert ["10,485,760 characters" in one for one in said(catalog)] == [True]


def test_a_quote_that_is_left_open_ends_before_the_memory_does(shop):
    path = shop(f'product_id,title,photos\n5,"Mug,a.jpg\n{"6,Bowl,b.jpg" * 2**21}\n')
    with pytest.raises(ValueError, match=r"field larger than field limit.*A quote may be left open in line 2$"):
        Catalog(path)


def test_titles_in_another_encoding_name_the_way_out(shop):
    path = shop("")
    path.write_bytes("product_id,title,photos\n1,Théière,a.jpg\n".encode("cp1252"))
    with pytest.raises(ValueError, match="is not UTF-8 text, perhaps WINDOWS-1252: save it as"):
        Catalog(path)


def test_a_column_named_twice_is_refused(shop, tmp_path):
    with pytest.raises(ValueError, match="has the column title twice: leave one of them"):
        Catalog(shop("product_id,title,title,photos\n1,Mug,Cup,a.jpg\n"))
    for name in ("title", "_id", "category_path", "photo"):
        columns = {"_id": "1", "title": "a", "category_path": "b", "photo": "a.jpg"}
        table = pa.Table.from_arrays([pa.array([cell]) for cell in (*columns.values(), "c")], [*columns, name])
        pq.write_table(table, tmp_path / "twice.parquet")
        with pytest.raises(ValueError, match=f"has the column {name} twice: leave one of them"):
            Catalog(tmp_path / "twice.parquet")


NAMED = "product_id,title,name,long text,photos\n1,Old,Mug,Blue,a.jpg\n2,Old,Bowl,,b.jpg\n"


def test_columns_that_are_named_once_are_remembered(shop):
    path = shop(NAMED)
    assert titles(path) == ["Old", "Old"]
    call("index", path, "--text-columns", "name, Long Text")
    assert titles(path) == ["Mug\nBlue", "Bowl"]
    assert "titles                   2   descriptions 1" in call("info", path)
    call("index", path, "--text-columns", "name")
    assert titles(path) == ["Mug", "Bowl"]
    # what was named says nothing of its content
    assert Catalog(path).fingerprint == Catalog(shop(NAMED)).fingerprint
    call("index", path, "--text-columns", "")
    assert titles(path) == ["Old", "Old"]
    assert not list(path.parent.glob("*.text_columns"))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("nmae", "has no column nmae, it has product_id, title, name, long text, photos: name those of the title"),
        ("name,gone", "has no column gone, it has"),
        ("name,title,photos", "3 columns of texts (name, title, photos): give one of titles, and perhaps one of"),
    ],
)
def test_columns_that_are_not_there_are_refused_and_not_remembered(shop, named, message):
    path = shop(NAMED)
    assert message in invoke(main, "index", path, "--text-columns", named, code=1).output
    assert titles(path) == ["Old", "Old"]


def test_for_other_titles_no_photo_is_read_again(shop, monkeypatch):
    path = shop(NAMED)
    md5s = Catalog(path).md5s().tolist()
    PhotoTable(path).keep_text_columns(["name"])
    monkeypatch.setattr(Catalog, "take", None)
    catalog = Catalog(path)
    assert (catalog.md5s().tolist(), list(catalog.titles())) == (md5s, ["Mug", "Bowl"])


def test_columns_may_be_named_from_python(shop):
    path = shop(NAMED)
    assert list(rayonnage.open_catalog(path, text_columns=["name"]).titles()) == ["Mug", "Bowl"]
    assert titles(path) == ["Mug", "Bowl"]


def test_a_named_column_that_has_gone_says_how_to_go_on(shop):
    path = shop(NAMED)
    PhotoTable(path).keep_text_columns(["name"])
    assert titles(path) == ["Mug", "Bowl"]
    shop("product_id,title,photos\n1,Mug,a.jpg\n")
    with pytest.raises(ValueError, match=r"has no column name, .* or give --text-columns '' where they are called"):
        Catalog(path)
    call("index", path, "--text-columns", "")
    assert titles(path) == ["Mug"]


def test_what_is_no_table_has_no_columns(write_bson, tmp_path):
    put(tmp_path / "shop" / "5" / "7" / "1.jpg")
    for address in (write_bson({"_id": 1, "imgs": [{"picture": b"x"}]}), tmp_path / "shop"):
        said_of_it = invoke(main, "index", address, "--text-columns", "name", code=1).output
        assert "is no table: leave out --text-columns" in said_of_it
