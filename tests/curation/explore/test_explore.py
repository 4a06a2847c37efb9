"""The whole of `catalog explore`: the page says what the JSON says, and any catalogue gets a page."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.photos.formats import format_of
from catalog.probabilities import Probabilities
from catalog.product import ProblemKind
from catalog.reports.page import Card, Page
from catalog.runs.run import Run
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main
from curation.convert import convert
from curation.explore.drawings import picture_sizes
from curation.explore.explore import explore, write_exploration
from curation.explore.photos import FORMATS, check_decoding, read_headers
from tests.support.command_line import output_of
from tests.support.forged_photos import bomb
from tests.support.mongo_server import uri_of
from tests.support.pages import check_fetches_nothing, read_page, text_of
from tests.support.photo_kinds import photo_of
from tests.support.products import make_photo, make_product

Write = Callable[..., Path]


call = partial(output_of, main)


def half_of(photo: bytes) -> bytes:
    return photo[: len(photo) // 2]


@pytest.fixture
def shop(write_bson: Write) -> Catalog:
    """Products of every kind: copies within and across leaves, other formats, broken photos, labels off the tree."""
    leaves = [11, 11, 11, 12, 13, 21, 22, 31, 31, 31]
    documents = [make_product(i, leaf, 1 + i % 3) for i, leaf in enumerate(leaves)]
    shared = {"picture": make_photo(999)}
    for i in (0, 3, 5):
        documents[i]["imgs"].append(shared)
    documents[0]["imgs"].append(shared)
    documents[1]["imgs"].append({"picture": make_photo(50, (90, 30), "PNG")})
    documents[2]["imgs"] = [{"picture": b"no picture"}]
    documents[4]["imgs"][0] = {"picture": half_of(make_photo(77, (200, 200)))}
    documents += [make_product(20), make_product(21, 4711), {"_id": 22, "category_id": 32, "imgs": []}]
    return Catalog(write_bson(*documents, b"\x01garbage"))


@pytest.fixture
def tree(tree_csv: Path) -> Taxonomy:
    return Taxonomy.from_csv(tree_csv)


def test_titles_are_counted_where_there_are_any(write_bson, shop):
    assert "Titles" not in [card.what for card in explore(shop, decode="none").cards]
    titled = write_bson(
        {**make_product(1), "title": "Mug", "description": "White"}, {**make_product(2), "title": b"Cup"}, name="t.bson"
    )
    page = explore(Catalog(titled), decode="none")
    assert Card("Titles", "1", "50.0 %; 1 description") in page.cards
    assert "title is bytes, expected a text" in str(page.to_json()["problems"])


def test_the_figures_of_a_small_shop(shop, tree):
    figures = explore(shop, tree, decode="all").to_json()
    photos = [photo for product in shop for photo in product.images]
    assert figures["products"]["products"] == 13
    assert (figures["products"]["labelled"], figures["products"]["in_tree"]) == (12, 11)
    assert figures["products"]["photos"] == len(photos)
    by_photos = [row["products"] for row in figures["products"]["by_photos"]]
    assert by_photos == [sum(len(product.images) == n for product in shop) for n in range(5)]
    leaves = figures["tree"]["levels"]["Cat III"]
    assert (leaves["nodes"], leaves["names"], leaves["used"], leaves["held"]) == (8, 7, 7, 11)
    in_tree = [p for p in shop if p.category_id in tree.leaf_ids]
    assert leaves["photos"] == sum(len(p.images) for p in in_tree)
    assert [h["paths"] for h in figures["tree"]["homonyms"]] == [["MUSIQUE > CD > JAZZ", "MUSIQUE > VINYLE > JAZZ"]]
    spread = figures["spread"]["levels"]
    assert [spread[level]["used"] for level in ("Cat I", "Cat II", "Cat III")] == [3, 5, 7]
    assert {spread[level]["held"] for level in spread} == {11}
    copies = figures["copies"]
    assert (copies["photos"], copies["distinct"]) == (len(photos), len(set(photos)))
    assert copies["distribution"] == [[1, len(set(photos)) - 1], [4, 1]]
    assert (copies["products_sharing"], copies["repeated_in_product"]) == (3, 1)
    assert copies["across"] == {"photos": 1, "products": 3, "by_level": {"Cat I": 1, "Cat II": 0, "Cat III": 0}}
    assert copies["most_copied"] == copies["worst"]
    assert (copies["worst"][0]["copies"], copies["worst"][0]["leaves"]) == (4, 3)
    assert copies["worst"][0]["where"][0] == ["LIBRAIRIE > LITTERATURE > ROMAN", 2]
    assert copies["worst"][0]["parts_at"] == "Cat I"
    files = figures["photos"]
    assert {f["format"]: f["photos"] for f in files["formats"]} == {"JPEG": len(photos) - 2, "PNG": 1, "no picture": 1}
    assert sum(f["bytes"] for f in files["formats"]) == files["bytes"]["total"] == sum(map(len, photos))
    assert {(s["width"], s["height"]): s["photos"] for s in files["sizes"]} == {
        (48, 48): len(photos) - 3, (90, 30): 1, (200, 200): 1,
    }  # fmt: skip
    for own in files["bytes"]["histogram"]:
        assert own["photos"] == sum(own["low"] <= len(photo) <= own["high"] for photo in photos)
    assert sum(own["photos"] for own in files["bytes"]["histogram"]) == len(photos)
    broken = files["broken"]
    assert (broken["photos"], broken["no_picture"], broken["failed"], broken["all_decoded"]) == (2, 1, 1, True)
    assert broken["decoded"] == len(set(photos)) - 1
    assert figures["problems"]["counts"] == {"UNREADABLE_PHOTO": 2, "GARBAGE": 1, "NO_PHOTO": 1, "UNKNOWN_CATEGORY": 1}
    named = {(p["kind"], p["product_id"]) for p in figures["problems"]["named"]}
    assert {("UNREADABLE_PHOTO", 2), ("UNREADABLE_PHOTO", 4), ("NO_PHOTO", 22), ("UNKNOWN_CATEGORY", 21)} <= named
    shown = figures["samples"]["categories"]
    assert [own["products"] for own in shown] == [3, 3, 1, 1, 1, 1, 1]
    assert {i for own in shown for i in own["shown"]} == set(range(10))


@pytest.mark.slow
def test_the_page_says_what_the_json_says(shop, tree, tmp_path):
    path = write_exploration(explore(shop, tree), tmp_path / "new" / "folder")
    page = read_page(path)
    figures = json.loads((path.parent / "explore.json").read_text(encoding="utf-8"))
    check_fetches_nothing(page)
    assert set(re.findall(r'href="#(\w+)"', page)) >= set(figures) - {"title", "facts"}
    assert page.count("<svg") == 5
    text = text_of(path)
    for level, own in figures["tree"]["levels"].items():
        assert f"{level} {own['nodes']} {own['names']} {own['used']} {own['held']} {own['photos']}" in text
    for level, own in figures["spread"]["levels"].items():
        shares = [*own["largest_hold"].values(), *own["least_hold"].values()]
        row = " ".join("–" if share is None else f"{100 * share:.1f}" for share in shares)
        assert f"{level} {own['used']} {row} {own['half_held_by']}" in text
        assert own["largest_categories"]
    for name, n in figures["spread"]["levels"]["Cat III"]["largest_categories"]:
        assert f"{name} {n}" in text
    for row in figures["products"]["by_photos"]:
        assert f"{row['photos']} {row['products']} {100 * row['share']:.1f}" in text
    for own in figures["photos"]["formats"]:
        assert f"{own['format']} {own['photos']}" in text
    for own in figures["photos"]["sizes"]:
        assert f"{own['width']} x {own['height']} {own['photos']}" in text
    for own in figures["copies"]["most_copied"]:
        assert f"{own['copies']} times, in {own['products']} products, on {own['leaves']} leaves" in text
    for problem in figures["problems"]["named"]:
        assert problem["where"] in text
        assert problem["detail"] in text
    for own in figures["samples"]["categories"]:
        assert own["category"] in text
        assert all(f" {i} " in text for i in own["shown"])


@pytest.mark.slow
def test_names_that_are_markup_stay_text(write_bson, tmp_path):
    evil = '<script>alert("1")</script> $x^{$ & \u0152'
    tree = Taxonomy([(1, (evil, evil, evil)), (2, (evil, "b", evil)), (3, ("c", "c", "<i>c</i>"))])
    photo = make_product(1, 1)["imgs"]
    path = write_bson({"_id": 1, "category_id": 1, "imgs": photo}, {"_id": 2, "category_id": 3, "imgs": photo})
    page = read_page(write_exploration(explore(Catalog(path), tree), tmp_path))
    assert "<script" not in page
    assert "<i>c" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;i&gt;c&lt;/i&gt;" in page


ODD: dict[str, list[dict]] = {
    "no labels": [make_product(i, n=1 + i % 2) for i in range(4)],
    "no photos": [{"_id": i, "category_id": 11, "imgs": []} for i in range(3)],
    "one product": [make_product(1, 11)],
    "one without anything": [{"_id": 1}],
    "one category": [make_product(i, 11) for i in range(5)],
    "off the tree": [make_product(i, 4711) for i in range(3)],
    "only broken photos": [{"_id": i, "category_id": 11, "imgs": [{"picture": b""}]} for i in range(2)],
    "large ids": [make_product(i, c) for i, c in ((2**62, 2**62), (2**62 + 1, 2**33))],
}


@pytest.mark.slow
@pytest.mark.parametrize("with_tree", [True, False])
@pytest.mark.parametrize("kind", ODD)
def test_any_catalogue_gets_a_page(kind, with_tree, write_bson, tree, tmp_path):
    found = explore(Catalog(write_bson(*ODD[kind])), tree if with_tree else None)
    assert isinstance(found, Page)
    text = text_of(write_exploration(found, tmp_path / "out"))
    assert text
    figures = json.loads((tmp_path / "out" / "explore.json").read_text())
    assert figures["products"]["products"] == len(ODD[kind])
    assert ("tree" in figures) == with_tree
    assert "nan" not in text.lower().split()


def test_without_a_tree_categories_go_by_their_id(write_bson, tmp_path):
    shared = make_product(1)["imgs"]
    path = write_bson(*({"_id": i, "category_id": 7 + i % 2, "imgs": shared} for i in range(3)))
    figures = explore(Catalog(path)).to_json()
    assert list(figures["spread"]["levels"]) == ["Cat III"]
    assert figures["spread"]["levels"]["Cat III"]["largest_categories"] == [["category 7", 2], ["category 8", 1]]
    assert figures["copies"]["across"] == {"photos": 1, "products": 3, "by_level": {"Cat III": 1}}


def test_headers_are_kept_and_read_again_when_the_file_changes(shop, write_bson):
    first = read_headers(shop)
    calls: list[int] = []
    assert (read_headers(shop, lambda done, total: calls.append(done)) == first).all()
    assert not calls
    for photo, header in zip((p for product in shop for p in product.images), first, strict=True):
        assert header["bytes"] == len(photo)
        expected = (0, 0, "")
        if format_of(photo):
            with Image.open(io.BytesIO(photo)) as picture:
                expected = (*picture.size, picture.format)
        assert (header["width"], header["height"], FORMATS[header["format"]]) == expected
    again = Catalog(write_bson(make_product(1, 11, 3)))
    assert len(read_headers(again, lambda done, total: calls.append(done))) == 3
    assert calls == [1]


def test_headers_of_a_file_that_changed_while_it_was_open_are_not_taken_for_those_of_the_new_one(write_bson):
    opened = Catalog(write_bson(*(make_product(i, 11) for i in range(3))))
    assert len(opened[0].images) == 1
    again = write_bson(*(make_product(i, 11) for i in range(5)))
    read_headers(opened)
    assert len(read_headers(Catalog(again))) == 5


def test_headers_are_kept_beside_a_table_that_has_its_photos_beside_it_too(write_bson, tmp_path, caplog):
    convert(write_bson(*(make_product(i, 11) for i in range(3))), tmp_path / "shop.csv")
    catalog = Catalog(tmp_path / "shop.csv")
    first = read_headers(catalog)
    calls: list[int] = []
    assert (read_headers(catalog, lambda done, total: calls.append(done)) == first).all()
    assert not calls
    assert not caplog.records


@pytest.mark.parametrize(("how", "n"), [("all", 40), ("sample", 15), ("none", 0)])
def test_each_distinct_photo_is_decoded_once_or_a_sample(how, n, write_bson, monkeypatch):
    documents = [make_product(i, 11) for i in range(40)]
    documents += [{"_id": 100 + i, "imgs": documents[0]["imgs"]} for i in range(5)]
    documents[7]["imgs"][0]["picture"] = half_of(make_photo(7, (99, 99)))
    catalog = Catalog(write_bson(*documents))
    monkeypatch.setattr("curation.explore.photos.N_SAMPLED", 15)
    copies = catalog.photo_index()
    found = check_decoding(catalog, copies, read_headers(catalog), how)
    assert len(found.checked) == len(set(copies.number[found.checked].tolist())) == n
    assert set(found.broken) == {7} & set(found.checked.tolist())
    assert all("breaks off" in reason for reason in found.broken.values())
    assert not found.damaged
    assert found.all_of_them == (how == "all")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_sizes_are_those_of_the_upright_photo(kind, write_bson):
    photos = [photo_of(kind, "RGB", (90, 30), orientation) for orientation in range(1, 9)]
    catalog = Catalog(write_bson(*({"_id": i, "imgs": [{"picture": photo}]} for i, photo in enumerate(photos))))
    headers = read_headers(catalog)
    assert {FORMATS[number] for number in headers["format"]} == {kind}
    assert list(zip(headers["width"], headers["height"], strict=True)) == [(90, 30)] * 4 + [(30, 90)] * 4


def test_headers_are_read_again_when_another_format_can_be_read(write_bson, monkeypatch):
    catalog = Catalog(write_bson({"_id": 1, "imgs": [{"picture": HEIC_START}]}))
    monkeypatch.setattr("catalog.photos.headers.read.find_spec", lambda name: None)
    first = explore(catalog).to_json()
    assert "pip install 'rayonnage[heic]'" in first["problems"]["named"][0]["detail"]
    assert [f["format"] for f in first["photos"]["formats"]] == ["HEIC"]
    monkeypatch.setattr("catalog.photos.headers.read.find_spec", lambda name: True)
    assert "no size" in explore(catalog).to_json()["problems"]["named"][0]["detail"]


HEIC_START = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_broken_photos_of_a_format_and_damaged_ones_that_are_used_are_counted_and_named_apart(write_bson):
    """Three that are no photo, of a broken header, cut in its last row; each once more as a copy."""
    # noise that is sound up to its end mark, then a PNG whose second part is longer than the file
    cut, bad = make_photo(1)[:-2], make_photo(2, kind="PNG")[:60]
    products = [[make_photo(0), cut], [bad, b"%PDF-1.7"], [cut, bad], [b""]]
    documents = [{"_id": i, "imgs": [{"picture": photo} for photo in own]} for i, own in enumerate(products)]
    page = explore(Catalog(write_bson(*documents)))
    figures = page.to_json()
    broken = figures["photos"]["broken"]
    assert (broken["photos"], broken["no_picture"], broken["bad_header"]) == (4, 2, 2)
    assert (broken["damaged_but_used"], broken["decoded"], broken["failed"]) == (2, 2, 0)
    assert {f["format"]: f["photos"] for f in figures["photos"]["formats"]} == {"JPEG": 3, "PNG": 2, "no picture": 2}
    assert [(s["width"], s["photos"]) for s in figures["photos"]["sizes"]] == [(48, 3)]
    named = {(p["kind"], p["where"]): p["detail"] for p in figures["problems"]["named"]}
    assert named[("DAMAGED_PHOTO", "row 0, photo 2")] == "the end mark of the JPEG is missing"
    assert ("DAMAGED_PHOTO", "row 2, photo 1") in named
    assert "PNG breaks off" in named[("UNREADABLE_PHOTO", "row 1, photo 1")]
    assert named[("UNREADABLE_PHOTO", "row 1, photo 1")] == named[("UNREADABLE_PHOTO", "row 2, photo 2")]
    assert named[("UNREADABLE_PHOTO", "row 1, photo 2")] == "this is a PDF document"
    assert named[("UNREADABLE_PHOTO", "row 3, photo 1")] == "this is an empty file"
    assert len(named) == figures["problems"]["total"] == 6
    text = page.text()
    assert "2 photos are no picture. 2 photos begin as a picture that cannot be read." in text
    assert "2 photos are damaged and used as far as possible." in text


def test_a_width_beyond_31_bits_stays_positive(write_bson):
    photo = bomb("tiff-2-31")
    figures = explore(Catalog(write_bson({"_id": 1, "imgs": [{"picture": photo}]})), decode="none").to_json()
    assert figures["photos"]["sizes"] == [{"width": 2**31, "height": 1, "photos": 1}]


def test_every_copy_of_a_broken_photo_is_broken(write_bson):
    bad = [{"picture": half_of(make_photo(3, (99, 99)))}]
    catalog = Catalog(write_bson(*({"_id": i, "category_id": 11, "imgs": bad} for i in range(3)), make_product(9, 11)))
    figures = explore(catalog).to_json()
    assert figures["photos"]["broken"]["photos"] == 3
    assert (figures["photos"]["broken"]["failed"], figures["photos"]["broken"]["decoded"]) == (1, 2)
    assert [p["where"] for p in figures["problems"]["named"]] == [f"row {i}, photo 1" for i in range(3)]


@pytest.fixture
def probabilities(tiny_catalog: Catalog, tree: Taxonomy, tmp_path: Path) -> Path:
    n = len(tiny_catalog)
    dense = np.random.default_rng(1).dirichlet(np.ones(len(tree)), n)
    path = tmp_path / "heldout.safetensors"
    Probabilities.from_dense(
        "mosaic", tiny_catalog.product_ids, tiny_catalog.n_images, dense, np.zeros(n, np.uint8),
        support=np.arange(len(tree), dtype=np.int32), frequency=np.full(len(tree), 1 / len(tree)), k=8,
        taxonomy=tree.fingerprint,
    ).save(path)  # fmt: skip
    return path


def test_hard_and_easy_products_are_shown_with_what_was_predicted(tiny_catalog, tree, probabilities, tmp_path):
    said = Probabilities.load(probabilities)
    page = explore(tiny_catalog, tree, probabilities=said)
    own = page.to_json()["hardness"]
    truth = tree.leaf_index(tiny_catalog.category_ids)
    dense = said.dense(np.arange(len(said)), len(tree))
    p = dense[np.arange(len(said)), truth]
    assert own["judged"] == len(said)
    assert own["right"] == pytest.approx((dense.argmax(axis=1) == truth).mean())
    assert own["hard"][0]["p_truth"] == pytest.approx(p.min())
    assert own["easy"][0]["p_truth"] == pytest.approx(p.max())
    assert own["hard"][0]["product_id"] == tiny_catalog.product_ids[p.argmin()]
    assert sum(own["histogram"]["right"]) + sum(own["histogram"]["wrong"]) == len(said)
    means = {i: p[truth == i].mean() for i in range(len(tree))}
    assert own["hardest_categories"][0]["p_truth"] == pytest.approx(min(means.values()))
    text = text_of(write_exploration(page, tmp_path))
    for group in ("hard", "easy"):
        for row in own[group]:
            assert f"{row['product_id']}: labelled {row['category']}" in text
            if row["put_on"] != row["category"]:
                assert f"put on {row['put_on']} ({100 * row['p_put']:.1f}%)" in text


@pytest.mark.slow
def test_the_command_writes_both_files_and_says_the_main_figures(tiny_catalog, tree_csv, probabilities, tmp_path):
    out = tmp_path / "found"
    said = call(
        "explore", tiny_catalog.address, "--tree", tree_csv, "--probabilities", probabilities, "--output", out,
        "--categories", 3, "--decode", "none",
    )  # fmt: skip
    assert "60 products with" in said
    assert str(out / "explore.html") in said
    assert len(json.loads((out / "explore.json").read_text())["samples"]["categories"]) == 3
    assert "--decode none" in text_of(out / "explore.html")
    assert said.splitlines()[-1] == f"next: catalog duplicates {tiny_catalog} --tree {tree_csv}"
    (tmp_path / "counts.csv").write_text("ROMAN,3\nJAZZ,2\n")
    call("explore", "--tree", tree_csv, "--counts", tmp_path / "counts.csv", "--output", tmp_path / "two")
    assert json.loads((tmp_path / "two" / "explore.json").read_text())["spread"]["unit"] == "products"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give either a catalogue FILE, or --counts"),
        (("x.bson", "--counts", "y.csv"), 2, "give either a catalogue FILE, or --counts"),
        (("--counts", "y.csv"), 2, "--counts needs the category tree (--tree)"),
        (("x.bson",), 1, "x.bson does not exist"),
        (("x.bson", "--tree", "y.csv"), 1, "y.csv does not exist"),
        (("x.bson", "--probabilities", "p.safetensors"), 1, "p.safetensors does not exist"),
        (("x.bson", "--decode", "some"), 2, "'sample', 'all', 'none'"),
    ],
)
def test_wrong_calls_get_one_plain_message(arguments, code, message, tmp_path):
    assert message in call("explore", *arguments, "--output", tmp_path / "out", code=code)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["explore", "duplicates"])
def test_an_output_that_cannot_be_written_is_told_before_the_work(command, tiny_catalog, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("mine")
    monkeypatch.setattr("curation.indexing.open_indexed", lambda *_: pytest.fail("the work has begun"))
    said = call(command, tiny_catalog.address, "--output", tmp_path / "taken", code=1)
    assert "taken is no folder" in said
    (tmp_path / "out" / f"{command}.html").mkdir(parents=True)
    assert "is a folder" in call(command, tiny_catalog.address, "--output", tmp_path / "out", code=1)


@pytest.mark.slow
def test_the_tree_of_another_catalogue_is_said_before_any_figure(write_bson, tree_csv, tmp_path):
    path = write_bson(*(make_product(i, 4711 + i) for i in range(3)), make_product(9, 11))
    said = call("explore", path, "--tree", tree_csv, "--output", tmp_path)
    assert said.startswith("Warning: 3 of 4 labelled products have a category_id that is not in the tree")
    text = text_of(tmp_path / "explore.html")
    assert text.index("3 of 4 labelled products") < text.index("Products by number")
    assert "all labelled, 3 of them not in the tree" in text
    assert json.loads((tmp_path / "explore.json").read_text())["warnings"]
    half = write_bson(*(make_product(i, 4711 if i % 2 else 11) for i in range(4)), name="half.bson")
    assert "Warning" not in call("explore", half, "--tree", tree_csv, "--output", tmp_path / "half")


def test_every_kind_of_problem_is_named_in_the_terminal(shop, tree):
    text = explore(shop, tree, decode="all").text()
    assert "5 problems: 2 x photo that cannot be decoded" in text
    assert all(f"1 x {kind.value}" in text for kind in (ProblemKind.GARBAGE, ProblemKind.NO_PHOTO))


def test_a_tree_in_another_language_names_its_homonyms_in_it(write_bson, tmp_path):
    tree = Taxonomy([(1, ("A", "B", "jazz")), (2, ("A", "C", "jazz")), (3, ("A", "C", "blues"))])
    turned = copy.copy(tree)
    turned.shown = tuple((*path[:2], {"jazz": "Jazz music"}.get(path[2], path[2])) for path in tree.paths)
    path = write_bson(*(make_product(i, 1 + i) for i in range(3)))
    (table,) = [
        part for part in explore(Catalog(path), turned).section("tree").parts if part.title.startswith("Names that")
    ]
    assert "own language" in table.note
    assert [row[:3] for row in table.rows] == [
        ["Cat III", "Jazz music", "A > B > Jazz music"],
        ["", "", "A > C > Jazz music"],
    ]


def test_one_huge_photo_keeps_its_size(write_bson, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    product = make_product(1, 11)
    product["imgs"].append({"picture": make_photo(1, (900, 500), "PNG")})
    figures = explore(Catalog(write_bson(product, make_product(2, 11))), decode="none").to_json()
    assert {(s["width"], s["height"]) for s in figures["photos"]["sizes"]} == {(48, 48), (900, 500)}
    assert {f["format"] for f in figures["photos"]["formats"]} == {"JPEG", "PNG"}


def test_one_huge_photo_does_not_push_the_others_into_a_corner():
    usual = [[180 + i, 180, 5] for i in range(20)]
    plain, with_huge = (picture_sizes(np.array(sizes)) for sizes in (usual, [*usual, [16000, 16000, 1]]))
    # between 0 and 16000, only a logarithmic axis has a tick at 1000
    assert "<!-- 150 -->" in plain
    assert "<!-- 1k -->" in with_huge


def test_probabilities_need_the_tree(tiny_catalog, probabilities, tmp_path):
    said = call("explore", tiny_catalog.address, "--probabilities", probabilities, "--output", tmp_path / "out", code=1)
    assert "--tree" in said


def test_a_run_folder_stands_for_its_held_out_probabilities(tiny_catalog, tree_csv, probabilities, tmp_path):
    run = tmp_path / "mosaic-run"
    run.mkdir()
    at = ("explore", tiny_catalog.address, "--tree", tree_csv, "--output", tmp_path / "out", "--decode", "none")
    assert "holds no heldout.safetensors" in call(*at, "--probabilities", run, code=1)
    probabilities.rename(run / "heldout.safetensors")
    call(*at, "--probabilities", run)
    (run / "heldout.safetensors").rename(run / "crossfit.safetensors")
    Run(run, "fusion", "plan", "data", details={"held_out_scores": "crossfit.safetensors"}).save()
    for given in (run, run / "crossfit.safetensors"):
        assert "is of a fusion run" in call(*at, "--probabilities", given, code=1)


def test_the_real_example(shared_data, tmp_path):
    """82 products with 110 photos, of which one stands twice, on 36 leaves; Kaggle's own file."""
    folder = shared_data / "cdiscount"
    tree = Taxonomy.from_csv(folder / "category_names.csv")
    page = explore(Catalog(folder / "train_example.bson"), tree)
    figures = page.to_json()
    assert [row["products"] for row in figures["products"]["by_photos"]] == [0, 67, 7, 3, 5]
    assert (figures["copies"]["photos"], figures["copies"]["distinct"]) == (110, 109)
    assert figures["spread"]["levels"]["Cat III"]["used"] == 36
    assert figures["photos"]["sizes"] == [{"width": 180, "height": 180, "photos": 110}]
    assert figures["problems"]["total"] == 0
    assert write_exploration(page, tmp_path).stat().st_size < 8_000_000


@pytest.mark.slow
def test_every_source_gives_the_same_figures(write_bson, tree, mongo, tmp_path):
    documents = [make_product(i, [11, 12, 21, 31][i % 4], 1 + i % 3) for i in range(1, 13)]
    documents[3]["imgs"] = documents[0]["imgs"]
    mongo.insert_many(documents)
    for document in documents:
        folder = tmp_path / "photos" / str(document["category_id"]) / str(document["_id"])
        folder.mkdir(parents=True)
        for rank, entry in enumerate(document["imgs"], start=1):
            (folder / f"{rank}.jpg").write_bytes(entry["picture"])
    expected = explore(Catalog(write_bson(*documents)), tree).to_json()
    assert expected["copies"]["across"]["photos"] == 2
    for address in (tmp_path / "photos", uri_of(mongo)):
        found = explore(Catalog(address), tree).to_json()
        for key in ("products", "tree", "spread", "photos", "problems"):
            assert found[key] == expected[key]
        assert found["copies"]["distribution"] == expected["copies"]["distribution"]
        assert found["copies"]["across"] == expected["copies"]["across"]
        shown = [
            [(own["category"], sorted(own["shown"])) for own in figures["samples"]["categories"]]
            for figures in (expected, found)
        ]
        assert shown[0] == shown[1]
