"""From any kind of catalogue to any other: the same products, nothing dropped without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.ids.shop_id import ShopId
from catalog.sources import sinks
from catalog.sources.table.reading import columns_of
from curation.cli import main
from curation.convert import convert
from tests.support.command_line import output_of
from tests.support.mongo_server import uri_of
from tests.support.photo_files import put
from tests.support.products import make_photo, make_product

call = partial(output_of, main)


def products(address) -> list[tuple[ShopId, ShopId | None, tuple[bytes, ...]]]:
    return [(p.product_id, p.category_id, p.images) for p in Catalog(address)]


PICTURES = st.binary(max_size=6) | st.sampled_from(
    [b"\xff\xd8\xff1", b"\x89PNG\r\n\x1a\n2", b"RIFF....WEBP", b"GIF89a"]
)
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {"_id": st.integers(-(2**63), 2**63 - 1), "imgs": st.lists(PICTURES.map(lambda p: {"picture": p}), max_size=6)},
        optional={"category_id": st.integers(0, 2**40)},
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda document: document["_id"],
).filter(lambda documents: any(document["imgs"] for document in documents))


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENTS)
def test_there_and_back_again(tmp_path_factory, documents):
    folder = tmp_path_factory.mktemp("round")
    source = folder / "a.bson"
    source.write_bytes(b"".join(map(bson.encode, documents)))
    wanted = products(source)
    before = source
    for name in ("b.csv", "c.parquet", "d.bson", "e.CSV"):
        assert convert(before, folder / name).n_products == len(documents)
        assert products(folder / name) == wanted
        before = folder / name
    # a folder has an order of its own
    convert(before, folder / "f")
    convert(folder / "f", folder / "g.bson")
    assert sorted(products(folder / "f")) == sorted(products(folder / "g.bson")) == sorted(wanted)
    assert products(folder / "f") == products(folder / "g.bson")
    # photos behind the fourth are kept, too
    assert {d["_id"]: d["imgs"] for d in bson.decode_all((folder / "g.bson").read_bytes())} == {
        d["_id"]: d["imgs"] for d in documents
    }


def test_bson_to_bson_is_byte_for_byte_and_tells_what_it_leaves_out(write_bson, tmp_path):
    good = [bson.encode({**make_product(i, 11), "title": "é", "n": bson.Int64(3)}) for i in range(3)]
    path = write_bson(good[0], b"????", good[1], good[0], {"_id": 2.5}, good[2])
    written = convert(path, tmp_path / "copy.bson")
    assert (tmp_path / "copy.bson").read_bytes() == b"".join(good)
    assert "3 documents, rows or folders were no products of their own and are left out" in written.summary()
    assert {kind.name: n for kind, n in written.problems.counts.items()} == {
        "GARBAGE": 1, "REPEATED_ID": 1, "BAD_DOCUMENT": 1,
    }  # fmt: skip


TITLES = [
    {"title": 'Mug, 30 cl; \u00e9maill\u00e9 "Breton"', "description": "=1+1 &amp; more"},
    {"title": "'00123"},
    {"description": "|a|b|"},
    {},
    {"title": "nan", "description": "\U0001f600"},
]


def titles(address) -> list[str]:
    return list(Catalog(address).titles())


def test_titles_go_through_every_kind_but_folders(write_bson, tmp_path, mongo):
    source = write_bson(*[{**make_product(i, 11), **texts} for i, texts in enumerate(TITLES)])
    wanted, before = titles(source), source
    assert any(wanted)
    for name in ("b.csv", "c.parquet", "d.bson", "e.csv", "f.bson"):
        assert not len(convert(before, tmp_path / name).problems)
        assert titles(tmp_path / name) == wanted
        assert [product.text for product in Catalog(tmp_path / name)] == wanted
        before = tmp_path / name
    again = {d.pop("_id"): d for d in bson.decode_all(before.read_bytes())}
    assert {number: {**fields, "imgs": 0, "category_id": 0} for number, fields in again.items()} == {
        number: {**texts, "imgs": 0, "category_id": 0} for number, texts in enumerate(TITLES)
    }
    assert before.read_bytes() == (tmp_path / "d.bson").read_bytes()
    convert(before, uri_of(mongo))
    assert titles(uri_of(mongo)) == wanted
    assert [product.text for product in Catalog(uri_of(mongo))] == wanted
    lost = convert(before, tmp_path / "folder").problems
    assert [(p.kind.name, p.product_id, p.detail) for p in lost.named] == [
        ("LOST_FIELD", 0, "description, title"),
        ("LOST_FIELD", 1, "title"),
        ("LOST_FIELD", 2, "description"),
        ("LOST_FIELD", 4, "description, title"),
    ]
    assert not Catalog(tmp_path / "folder").titles().any


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_table_of_products_without_titles_has_no_columns_for_them(write_bson, tmp_path, name):
    convert(write_bson(make_product(1, 11), {**make_product(2), "title": " "}), tmp_path / name)
    columns = columns_of(tmp_path / name)
    assert columns.in_order == ("product_id", None, None, "category_id", "photos")


def test_a_title_that_a_table_cannot_hold_as_it_is_is_told(write_bson, tmp_path):
    path = write_bson({**make_product(1), "title": "x" * 2000}, {**make_product(2), "title": {"en": "Mug"}})
    told = convert(path, tmp_path / "out.csv").problems
    assert [(p.kind.name, p.product_id) for p in told.named] == [("LONG_TEXT", 1), ("BAD_TEXT", 2)]
    assert titles(tmp_path / "out.csv") == ["x" * 1000, ""]


@pytest.mark.parametrize("name", ["out", "out.csv", "out.parquet"])
def test_fields_that_files_cannot_hold_are_named(write_bson, tmp_path, name):
    path = write_bson({**make_product(1, 11), "price": "x"}, {"_id": 2, "imgs": [{"picture": b"p", "url": "u"}]})
    log = convert(path, tmp_path / name).problems
    assert [(p.kind.name, p.product_id, p.detail) for p in log.named] == [
        ("LOST_FIELD", 1, "price"),
        ("LOST_FIELD", 2, "imgs.url"),
    ]


def test_a_date_that_python_cannot_hold_costs_no_product(write_bson, tmp_path):
    path = write_bson({**make_product(1, 11), "until": bson.DatetimeMS(10**15)}, make_product(2, 12))
    assert [p[0] for p in products(path)] == [1, 2]
    convert(path, tmp_path / "copy.bson")
    assert (tmp_path / "copy.bson").read_bytes() == path.read_bytes()
    convert(path, tmp_path / "shop")
    assert sorted(products(tmp_path / "shop")) == products(path)


def test_a_folder_with_names_can_be_read_by_people_and_back(write_bson, tmp_path, tree_csv):
    tree_csv.write_text(tree_csv.read_text() + "41,PC / MAC,.HIDDEN,..\n")
    path = write_bson(make_product(1, 11, 2), make_product(2, 41), make_product(3, 4711), make_product(4))
    written = convert(path, tmp_path / "shop", tree=tree_csv)
    assert (tmp_path / "shop" / "LIBRAIRIE" / "LITTERATURE" / "ROMAN" / "11" / "1" / "2.jpg").is_file()
    assert (tmp_path / "shop" / "PC - MAC" / "_.HIDDEN" / "_.." / "41" / "2" / "1.jpg").is_file()
    assert sorted(products(tmp_path / "shop")) == sorted(products(path))
    assert not len(written.problems)
    assert not len(Catalog(tmp_path / "shop").problems)


def test_a_tree_reads_a_folder_that_has_none(tmp_path, tree_csv):
    put(tmp_path / "shop" / "MUSIQUE" / "CD" / "JAZZ" / "7" / "1.jpg")
    convert(tmp_path / "shop", tmp_path / "with.bson", tree=tree_csv)
    convert(tmp_path / "shop", tmp_path / "without.bson")
    assert [products(tmp_path / name)[0][1] for name in ("with.bson", "without.bson")] == [21, "MUSIQUE > CD > JAZZ"]
    # the index of one reading is not taken for the other's
    convert(tmp_path / "shop", tmp_path / "again.bson", tree=tree_csv)
    assert products(tmp_path / "again.bson")[0][1] == 21


def test_names_of_products_are_not_lost(tmp_path):
    put(tmp_path / "shop" / "7" / "mug bleu" / "1.jpg")
    convert(tmp_path / "shop", tmp_path / "shop.bson")
    assert bson.decode((tmp_path / "shop.bson").read_bytes())["_id"] == "mug bleu"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "shop", "shop.bson", "shop.ids", "shop.index", "shop.manifest",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["out.bson", "out", "out.csv", "out.parquet"])
def test_nothing_is_replaced_unasked_and_a_failure_leaves_what_was_there(write_bson, tmp_path, monkeypatch, name):
    path = write_bson(make_product(1, 11), make_product(2, 12))
    convert(path, tmp_path / name)
    with pytest.raises(FileExistsError, match="--overwrite"):
        convert(path, tmp_path / name)
    other = write_bson(*[make_product(i, 21) for i in range(5, 9)], name="other.bson")
    before, listing = products(tmp_path / name), sorted(os.listdir(tmp_path))
    source = type(Catalog(other).source)
    with monkeypatch.context() as patch:
        good = source.raw

        def fail(self, rows):
            yield next(good(self, rows))
            raise OSError("the disk is gone")

        patch.setattr(source, "raw", fail)
        with pytest.raises(OSError, match="disk is gone"):
            convert(other, tmp_path / name, overwrite=True)
    assert products(tmp_path / name) == before
    assert sorted(os.listdir(tmp_path)) == sorted([*listing, "other.bson.index"])
    convert(other, tmp_path / name, overwrite=True)
    assert products(tmp_path / name) == products(other)


KILLED = """
import os, sys
from catalog.sources.bson.file import BsonFile
from curation.convert import convert
good = BsonFile.raw
def raw(self, rows):
    yield next(good(self, rows))
    os.kill(os.getpid(), 9)
BsonFile.raw = raw
convert(*sys.argv[1:])
"""


@pytest.mark.parametrize("name", ["out.bson", "out", "out.csv", "out.parquet"])
def test_a_kill_leaves_nothing_under_the_name_and_the_same_command_starts_again(write_bson, tmp_path, name):
    path = write_bson(make_product(1, 11), make_product(2, 12))
    (tmp_path / "dst").mkdir()
    run = subprocess.run([sys.executable, "-c", KILLED, path, tmp_path / "dst" / name], check=False)
    assert run.returncode == -9
    left = os.listdir(tmp_path / "dst")
    assert left
    assert all(n.startswith(".") and n.endswith(".tmp") for n in left)
    convert(path, tmp_path / "dst" / name)
    assert products(tmp_path / "dst" / name) == products(path)
    assert not [n for n in os.listdir(tmp_path / "dst") if n.endswith(".tmp")]


@pytest.mark.parametrize(
    ("source", "destination", "message"),
    [
        ("a.bson", "a.bson", "lie in one another"),
        ("shop", "shop/out.bson", "lie in one another"),
        ("shop", "shop", "lie in one another"),
        ("a.bson", "out.json", "cannot write .json"),
        ("a.bson", "shop", "has not written"),
        ("none.bson", "out.bson", "none.bson does not exist"),
        ("a.bson", "a.csv", "is a folder: choose another name"),
        ("a.bson", "file", "is a file: choose another name"),
    ],
)
def test_wrong_calls_get_one_plain_message(write_bson, tmp_path, source, destination, message):
    write_bson(make_product(1, 11), name="a.bson")
    photo = put(tmp_path / "shop" / "7" / "1" / "1.jpg")
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "file").write_bytes(b"mine")
    assert message in call("convert", tmp_path / source, tmp_path / destination, "--overwrite", code=1)
    assert (tmp_path / "shop" / "7" / "1" / "1.jpg").read_bytes() == photo
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_tree_without_use_is_refused(write_bson, tmp_path, tree_csv):
    path = write_bson(make_product(1, 11))
    said = call("convert", path, tmp_path / "b.bson", "--tree", tree_csv, code=1)
    assert "neither SOURCE nor DESTINATION is a folder" in said


def test_an_old_table_never_names_new_photos(write_bson, tmp_path, monkeypatch):
    table = tmp_path / "t.csv"
    convert(write_bson(make_product(1, 11)), table)
    replace = os.replace

    def stop_at_the_table(source, target) -> None:
        if target == table:
            raise KeyboardInterrupt
        replace(source, target)

    other = write_bson(make_product(1, 12), make_product(2, 12), name="other.bson")
    monkeypatch.setattr("catalog.files.atomic.os.replace", stop_at_the_table)
    with pytest.raises(KeyboardInterrupt):
        convert(other, table, overwrite=True)
    assert not table.exists()
    monkeypatch.undo()
    convert(other, table)
    assert products(table) == products(other)


def test_folders_written_here_are_marked(write_bson, tmp_path):
    path = write_bson(make_product(1, 11))
    convert(path, tmp_path / "a.csv")
    assert (tmp_path / "a.csv.photos" / sinks.MARK).is_file()
    # photos that a killed conversion left without their table are replaced unasked, for it asked for them itself
    (tmp_path / "a.csv").unlink()
    convert(path, tmp_path / "a.csv")
    assert products(tmp_path / "a.csv") == products(path)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("GIF", ".gif"), ("AVIF", ".avif"), ("BMP", ".bmp"),
        ("TIFF", ".tif"), ("HEIC", ".heic"), ("nothing", ".jpg"), ("text", ".jpg"),
    ],
)  # fmt: skip
def test_from_a_folder_and_back_every_byte_is_kept_under_an_ending_that_fits(tmp_path, kind, ending):
    no_photo = {"HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "nothing": b"", "text": b"text"}
    photo = no_photo[kind] if kind in no_photo else make_photo(1, kind=kind)
    # a name that says nothing where the first bytes do
    put(tmp_path / "shop" / "11" / "1" / ("1.jpe" if kind in ("nothing", "text") else "photo"), photo)
    for source, destination in (("shop", "a.bson"), ("a.bson", "again"), ("again", "a.csv"), ("a.csv", "b.bson")):
        convert(tmp_path / source, tmp_path / destination)
    written = tmp_path / "again" / "11" / "1" / f"1{ending}"
    assert written.read_bytes() == photo
    assert (tmp_path / "a.csv.photos" / "001" / f"1-1{ending}").read_bytes() == photo
    assert (tmp_path / "a.bson").read_bytes() == (tmp_path / "b.bson").read_bytes()
    for name in ("shop", "a.bson", "again", "a.csv"):
        assert products(tmp_path / name) == [(1, 11, (photo,))]


def test_every_command_reads_every_kind(tiny_catalog, tree_csv, tmp_path):
    shown = call("info", tiny_catalog.address, "--tree", tree_csv).splitlines()[1:]
    for name in ("shop", "shop.csv", "shop.parquet"):
        assert "60 products" in call("convert", tiny_catalog.address, tmp_path / name)
        assert call("info", tmp_path / name, "--tree", tree_csv).splitlines()[1:] == shown
        said = call("split", tmp_path / name, "--tree", tree_csv, "--workspace", tmp_path / f"runs-{name}")
        assert "60 products" in said
