"""Ids that are texts, letter for letter, in all that the `catalog` commands say and write; titles beside them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import bson
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.files.sheet_ids import id_of_cell
from curation.cli import main
from curation.duplicates import writing
from tests.support.command_line import output_of
from tests.support.pages import text_of
from tests.support.text_shop import HOSTILE, TextProduct, sheet_rows, write_shop

call = partial(output_of, main)
PATHS = ("Men > Tops > Tees", "Men > Pants", "Women > Tops > Tees")


def products() -> list[TextProduct]:
    """Each has the photo of the one before it, three one title; the fourth is labelled otherwise than its like."""
    return [
        TextProduct(shop_id, PATHS[i // 6 if i != 3 else 2], f"Article {i // 3}", "", (i, i + 1))
        for i, shop_id in enumerate(HOSTILE)
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"), products())


def numbers_in(shop: Path) -> list[str]:
    """What must never be seen."""
    catalog = Catalog(shop)
    return [str(n) for n in {*catalog.product_ids.tolist(), *catalog.category_ids.tolist()}]


def ids_of(path: Path) -> list[object]:
    """Of a BSON file's documents."""
    return [document["_id"] for document in bson.decode_all(path.read_bytes())]


def no_numbers(shop: Path, *said: str) -> None:
    assert not [number for number in numbers_in(shop) for text in said if number in text]


def test_info_shows_an_id_and_its_title(shop):
    said = call("info", shop)
    assert "for example   MH01-gray: Article 0" in said
    assert "Cat III" in said
    no_numbers(shop, said)


def test_info_names_products_of_unknown_categories(shop, tmp_path):
    (tmp_path / "tree.csv").write_text("category_id,category_level1,category_level2\na,Men,Pants\n")
    said = call("info", shop, "--tree", tmp_path / "tree.csv")
    assert "product MH01-gray" in said
    no_numbers(shop, said)


def test_explore_shows_ids_and_titles(shop, tmp_path):
    said = call("explore", shop, "--output", tmp_path)
    page, figures = (tmp_path / "explore.html").read_text(), (tmp_path / "explore.json").read_text()
    no_numbers(shop, said, page, figures)
    shown = {one for category in json.loads(figures)["samples"]["categories"] for one in category["shown"]}
    assert shown == set(HOSTILE)
    assert "“Article 0”" in text_of(tmp_path / "explore.html")
    assert "<b>bold</b>" not in page


@pytest.mark.parametrize("as_parquet", [False, True])
def test_duplicates_write_ids_to_the_letter(shop, tmp_path, monkeypatch, as_parquet):
    if as_parquet:
        monkeypatch.setattr(writing, "MAX_CSV_ROWS", 0)
    said = call("duplicates", shop, "--output", tmp_path)
    if as_parquet:
        rows = pq.read_table(tmp_path / "duplicates.parquet").to_pylist()
        ids, categories = ({row[name] for row in rows} for name in ("product_id", "category_id"))
    else:
        rows = sheet_rows(tmp_path / "duplicates.csv")
        ids, categories = ({id_of_cell(row[name]) for row in rows} for name in ("product_id", "category_id"))
    assert ids == set(HOSTILE)
    assert categories == set(PATHS)
    assert {row["title"] for row in rows} == {f"Article {i // 3}" for i in range(len(HOSTILE))}
    assert "titles: 14 products have one, 5 distinct; 5 stand on several products (14), 1 of these" in said
    page = text_of(tmp_path / "duplicates.html")
    assert "“Article 1”: 3 products, 2 categories, parting at Cat I" in page
    no_numbers(shop, said, page, (tmp_path / "duplicates.json").read_text())


def test_photos_that_cannot_be_decoded_are_named_by_the_shop_s_ids(shop, tmp_path):
    broken = write_shop(tmp_path / "broken", products())
    for seed in (0, 2):
        (broken.parent / f"{seed}.jpg").write_bytes(b"no picture")
    said = call("duplicates", broken, "--near", "--output", tmp_path / "d")
    assert "product MH01-gray: photo that cannot be decoded" in said
    said += call("explore", broken, "--output", tmp_path / "e")
    named = {
        one["product_id"] for one in json.loads((tmp_path / "e" / "explore.json").read_text())["problems"]["named"]
    }
    assert named == {"MH01-gray", "00123", "=1+1"}
    no_numbers(broken, said, (tmp_path / "e" / "explore.html").read_text())


def test_titles_give_a_test_set_away(shop, tmp_path):
    rest = [
        TextProduct("new-1", PATHS[0], "ARTICLE  0", "", (100,)),
        TextProduct("new-2", PATHS[1], "article 0", "", (101,)),
        TextProduct("new-3", PATHS[1], "another one", "", (102,)),
    ]
    other = write_shop(tmp_path / "test", rest, "test.csv")
    said = call("duplicates", shop, "--against", other, "--output", tmp_path / "out")
    assert "2 products (66.7%) have the title of a product of" in said
    assert "50.0% of 2 labelled ones have its category" in said
    leak = json.loads((tmp_path / "out" / "duplicates.json").read_text())["titles"]["leak"]
    assert (leak["products"], leak["labelled"], leak["category_agrees"]) == (2, 2, 0.5)


def test_samples_and_subsets_keep_ids(shop, tmp_path):
    said = call("sample", shop, tmp_path / "s.bson", "--products", 5, "--balanced", "--max-copies", 1)
    record = json.loads((tmp_path / "s.bson.json").read_text())
    assert set(record["left_out"]["not drawn"]["first"]) | set(ids_of(tmp_path / "s.bson")) == set(HOSTILE)
    no_numbers(shop, said, json.dumps(record))


def test_a_list_of_ids_is_read_as_a_sheet_has_them(shop, tmp_path):
    call("duplicates", shop, "--output", tmp_path / "d")
    listed = tmp_path / "d" / "duplicates.csv"
    said = call("subset", shop, tmp_path / "all.bson", "--products", listed)
    assert "14 of 14 products" in said
    (tmp_path / "ids.csv").write_text("product_id\nMH01-gray\n00123\nnot there\n", encoding="utf-8")
    said = call("subset", shop, tmp_path / "two.bson", "--products", tmp_path / "ids.csv")
    assert "2 of 14 products" in said
    assert "1 product (not there)" in said
    record = json.loads((tmp_path / "two.bson.json").read_text())
    assert record["not_in_the_source"] == {"products": 1, "first": ["not there"]}
    assert ids_of(tmp_path / "two.bson") == ["MH01-gray", "00123"]


def test_a_category_is_chosen_by_its_text(shop, tmp_path):
    said = call("subset", shop, tmp_path / "w.bson", "--shelf", "Women", "--tree-out", tmp_path / "w.csv")
    assert "3 of 14 products" in said
    assert "Women > Tops > Tees,Women,Tops,Tees" in (tmp_path / "w.csv").read_text()
    no_numbers(shop, said, (tmp_path / "w.bson.json").read_text())


def test_diff_by_ids_categories_and_titles(shop, tmp_path):
    changed = products()
    changed[0] = TextProduct(changed[0].product_id, PATHS[1], "Renamed", "and described", changed[0].photos)
    changed[2] = TextProduct("new=1", *(getattr(changed[2], name) for name in ("category", "title")), "", (50,))
    new = write_shop(tmp_path / "new", changed, "new.csv")
    said = call("diff", shop, new, "--output", tmp_path / "d")
    assert "added" in said
    assert "moved: Cat II 1" in said
    assert "title of MH01-gray: Article 0 -> Renamed" in said
    rows = {(id_of_cell(row["product_id"]), row["change"]): row for row in sheet_rows(tmp_path / "d" / "diff.csv")}
    assert set(rows) == {
        ("new=1", "added"), ("=1+1", "removed"), ("MH01-gray", "moved"), ("MH01-gray", "title changed"),
        ("MH01-gray", "description changed"),
    }  # fmt: skip
    described = rows["MH01-gray", "description changed"]
    assert [described[name] for name in ("old_title", "new_title", "old_description", "new_description")] == [
        "Article 0", "Renamed", "", "and described"
    ]  # fmt: skip
    numbers = json.loads((tmp_path / "d" / "diff.json").read_text())
    assert numbers["products"]["title changed"] == numbers["products"]["description changed"] == 1
    assert numbers["titles"] == [{"product_id": "MH01-gray", "old": "Article 0", "new": "Renamed"}]
    assert numbers["moves"][0]["old"] == PATHS[0]
    no_numbers(shop, said, json.dumps(numbers))


def test_split_names_products_by_their_ids(shop, tmp_path):
    said = call("split", shop, "--workspace", tmp_path / "runs", "--parts", tmp_path / "parts", "--max-copies", 1)
    no_numbers(shop, said, (tmp_path / "parts" / "parts.json").read_text())
