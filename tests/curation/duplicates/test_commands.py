"""`catalog index` and `catalog duplicates` as a user calls them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.files.sidecar import sidecar_path
from curation.cli import main
from curation.duplicates import writing
from curation.duplicates.groups import find_groups
from curation.duplicates.photos import CatalogPhotos
from rayonnage.demo.sample import write_sample
from tests.support.command_line import invoke, output_of
from tests.support.pages import read_page, text_of
from tests.support.products import make_photo, make_product

run = partial(output_of, main)


def noise(number: int, quality: int) -> bytes:
    """A photo of soft spots that survive being encoded anew."""
    spots = np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(spots).resize((96, 96), Image.Resampling.BICUBIC).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def files(write_bson):
    """Six products in train, three in test; photo 0 of product 0 stands in products 1 and 100, too."""
    train, test = [make_product(i, 11 + i % 2, 2) for i in range(6)], [make_product(100 + i, 11, 1) for i in range(3)]
    for other in (train[1], test[0]):
        other["imgs"][0]["picture"] = train[0]["imgs"][0]["picture"]
    test[1]["imgs"][0]["picture"] = b"broken"
    return write_bson(*train, name="train.bson"), write_bson(*test, name="test.bson")


def test_index_makes_both_sidecars(files):
    assert "6 products, 12 photos" in run("index", files[0])
    assert all(sidecar_path(files[0], suffix).is_file() for suffix in (".index", ".md5"))


def test_one_catalogue(files, tree_csv, tmp_path):
    said = run("duplicates", files[0], "--tree", tree_csv, "--output", tmp_path / "out")
    assert "exact copies: 1 groups, 2 products, the largest 2 (1 another Cat III)" in said
    with (tmp_path / "out" / "duplicates.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    md5 = hashlib.md5(make_photo(0)).hexdigest()
    columns = ("group", "kind", "product_id", "photo", "category_id", "category", "md5")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("1", "exact", "0", "1", "11", "LIBRAIRIE > LITTERATURE > ROMAN", md5),
        ("1", "exact", "1", "1", "12", "LIBRAIRIE > LITTERATURE > POESIE", md5),
    ]
    page = read_page(tmp_path / "out" / "duplicates.html")
    # one photo, once across categories and once among the largest groups
    assert page.count("data:image/jpeg") == 2
    assert page.index("Copies across categories") < page.index("The largest groups")
    text = text_of(tmp_path / "out" / "duplicates.html")
    assert "2 products, 2 categories, parting at Cat III (exact copies)" in text
    assert "2 products 0, 1 1 x LIBRAIRIE > LITTERATURE > ROMAN 1 x LIBRAIRIE > LITTERATURE > POESIE" in text
    # of each table the one row that counts something
    assert "By size products exact 2 1 By where the categories part exact another Cat III 1" in text


def test_a_catalogue_without_copies_says_so(write_bson, tmp_path):
    said = run("duplicates", write_bson(*(make_product(i, 11) for i in range(3))), "--output", tmp_path)
    assert "exact copies: none\n" in said
    text = text_of(tmp_path / "duplicates.html")
    assert "No group was found." in text
    assert "By size" not in text


def test_near_copies_add_to_the_exact_ones_and_show_both_photos(write_bson, tree_csv, tmp_path):
    """0 and 1 share a photo; 2 shows that of 1 encoded anew, 3 and 4 one photo in two encodings."""
    products = [make_product(i, (11, 12, 21, 31, 31)[i]) for i in range(5)]
    for i, (number, quality) in enumerate(((1, 95), (1, 95), (1, 60), (2, 95), (2, 60))):
        products[i]["imgs"] = [{"picture": noise(number, quality)}]
    path = write_bson(*products)
    alone = run("duplicates", path, "--tree", tree_csv, "--output", tmp_path / "exact")
    said = run("duplicates", path, "--tree", tree_csv, "--near", "--output", tmp_path / "near")
    assert "exact copies: 1 groups, 2 products" in alone
    assert "exact copies: 1 groups, 2 products" in said
    assert "near copies: 2 groups, 5 products, 3 of them in no group by exact copies" in said
    written = [(tmp_path / kind / "duplicates.csv").read_text(encoding="utf-8-sig") for kind in ("exact", "near")]
    tables = [list(csv.DictReader(io.StringIO(text))) for text in written]
    assert [row for row in tables[1] if row["kind"] == "exact"] == tables[0]
    near = {(row["group"], row["product_id"]) for row in tables[1] if row["kind"] == "near"}
    assert near == {("2", "0"), ("2", "1"), ("2", "2"), ("3", "3"), ("3", "4")}
    text = text_of(tmp_path / "near" / "duplicates.html")
    three = ("2 products 0, 1 1 x LIBRAIRIE > LITTERATURE > ROMAN 1 x LIBRAIRIE > LITTERATURE > POESIE",
             "1 product 2 1 x MUSIQUE > CD > JAZZ")  # fmt: skip
    assert f"apart {three[0]} {three[1]}" in text or f"apart {three[1]} {three[0]}" in text
    assert "apart 1 product 3" in text or "apart 1 product 4" in text


def test_two_catalogues(files, tmp_path):
    said = run("duplicates", files[0], "--against", files[1], "--near", "--output", tmp_path / "out")
    shares = f"{files[1]}: 1 of 3 products (33.3%) have an exact copy in {files[0]}; 50.0% of 2 labelled pairs agree"
    assert shares in said
    assert "near copies: none in both catalogues\n" in said
    assert "photo that cannot be decoded" in said
    text = text_of(tmp_path / "out" / "duplicates.html")
    assert "33.3 % of 3 products: 1 by exact copies, 0 by near ones alone" in text
    summary = json.loads((tmp_path / "out" / "duplicates.json").read_text(encoding="utf-8"))
    assert summary["leak"]["exact"]["products"] == 1
    assert summary["near"]["unreadable_photos"] == 1
    assert {r.split(",")[2] for r in (tmp_path / "out" / "duplicates.csv").read_text().splitlines()[1:]} == {
        '"train"',
        '"test"',
    }


def test_strict_fails_on_a_broken_photo_but_not_before_what_was_found_is_written(files, tree_csv, tmp_path):
    arguments = ["duplicates", files[1], "--near", "--tree", tree_csv, "--output", tmp_path / "out", "--strict"]
    result = invoke(main, *arguments, code=1)
    assert "1 problem, and --strict was given" in result.output
    assert result.output.count("photo that cannot be decoded\n    ") == 1
    assert f"next: rayonnage fit {files[1]} --tree {tree_csv}, which keeps copies together" in result.output
    assert (tmp_path / "out" / "duplicates.html").is_file()


def test_many_rows_are_parquet_and_the_other_table_goes(files, tmp_path, monkeypatch):
    run("duplicates", files[0], "--output", tmp_path / "out")
    monkeypatch.setattr(writing, "MAX_CSV_ROWS", 1)
    run("duplicates", files[0], "--output", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "duplicates.html",
        "duplicates.json",
        "duplicates.parquet",
    ]
    assert pq.read_table(tmp_path / "out" / "duplicates.parquet").column("product_id").to_pylist() == [0, 1]


def test_nothing_to_compare_is_said_plainly(files, write_bson):
    for arguments, message in (
        ((files[0], "--against", files[0]), "the same catalogue"),
        ((write_bson({"_id": 1, "imgs": []}, name="none.bson"),), "not one photo"),
    ):
        result = invoke(main, "duplicates", *arguments, code=1)
        assert message in result.output
        assert "Traceback" not in result.output


@pytest.mark.slow
def test_the_copies_planted_in_the_demo_are_found(tmp_path):
    """As many shared photos of each product as `truth.csv` says, and none beside."""
    write_sample(tmp_path, n_train=200, n_test=60, seed=3)
    photos = CatalogPhotos([Catalog(tmp_path / "train.bson"), Catalog(tmp_path / "test.bson")])
    groups = find_groups(photos, max_copies=20)
    found = Counter(photos.product_ids[photos.owner[groups.slot]].tolist())
    with (tmp_path / "truth.csv").open(encoding="utf-8") as file:
        planted = {int(row["product_id"]): int(row["copied_photos"]) for row in csv.DictReader(file)}
    assert sum(planted.values()) > 50
    assert found == Counter({product: n for product, n in planted.items() if n})
