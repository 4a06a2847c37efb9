"""Ids of any kind through every kind of catalogue: letter for letter, and never out of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import bson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.files.csv_rows import id_in
from catalog.ids.shop_id import ShopId, id_number
from catalog.sources import sinks
from catalog.sources.folder.id_folders import MAX_BYTES, IdFolders, read_name
from curation.convert import convert
from tests.support.ids import HOSTILE, IDS
from tests.support.mongo_server import uri_of
from tests.support.photo_files import put

PHOTO = b"\xff\xd8\xff1"


def products(address) -> list[tuple[ShopId, ShopId | None, tuple[bytes, ...]]]:
    return [(p.product_id, p.category_id, p.images) for p in Catalog(address)]


def table_of(folder: Path, ids: list[tuple[ShopId, ShopId | None]]) -> Path:
    """A BSON file of products with these ids and categories, a photo each that tells which it is."""
    documents = [
        {"_id": one, **({} if category is None else {"category_id": category}), "imgs": [{"picture": b"%d" % n}]}
        for n, (one, category) in enumerate(ids)
    ]
    (folder / "a.bson").write_bytes(b"".join(map(bson.encode, documents)))
    return folder / "a.bson"


def in_the_folder(path: Path, allowed: set[str]) -> bool:
    """Whether nothing lies beside what was written and what belongs to it."""
    return {name.name.partition(".")[0] for name in path.iterdir()} <= allowed


def is_category(one: ShopId) -> bool:
    """Whether a text as a document's category is read as itself: `12.0` is 12 there, and -1 is none."""
    return one != -1 and id_in(str(one)) == one


def fits_a_name(pair: tuple[ShopId | None, ...]) -> bool:
    return all(len(str(one).encode()) * 3 <= MAX_BYTES for one in pair)


CATEGORIES = IDS.filter(is_category)
PAIRS = st.lists(
    st.tuples(IDS, st.none() | CATEGORIES), min_size=1, max_size=8, unique_by=lambda pair: id_number(pair[0])
).filter(lambda pairs: len({id_number(c) for _, c in pairs if c is not None}) == len({c for _, c in pairs} - {None}))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS)
@example([(one, None) for one in HOSTILE if fits_a_name((one,))])
@example([(n, one) for n, one in enumerate(HOSTILE) if is_category(one) and fits_a_name((one,))])
def test_there_and_back_again(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("round")
    source = table_of(folder, pairs)
    wanted = products(source)
    assert [product[:2] for product in wanted] == pairs
    before = source
    for name in ("b.csv", "c.parquet", "d.bson"):
        assert {kind.name for kind in convert(before, folder / name).problems.counts} <= {"ALIKE_IDS"}
        assert products(folder / name) == wanted
        before = folder / name
    written = convert(before, folder / "f")
    convert(folder / "f", folder / "g.bson")
    if all(map(fits_a_name, pairs)):
        assert sorted(products(folder / "f"), key=str) == sorted(wanted, key=str)
        assert products(folder / "f") == products(folder / "g.bson")
    else:
        assert written.problems.counts.total()
    assert sorted(p.images for p in Catalog(folder / "f")) == sorted(images for *_, images in wanted)
    assert in_the_folder(folder, set("abcdfg"))


def test_what_a_folder_cannot_be_called_is_told_and_read_back(tmp_path):
    ids = [
        "../x",
        "a/b",
        "CON",
        "MH01",
        "mh01",
        "mH01",
        ".hidden",
        "end.",
        "unlabelled",
        "50%2F",
        "@eaDir",
        "ok",
        "x" * 500,
    ]
    source = table_of(tmp_path, [(one, "A/B > C") for one in ids])
    written = convert(source, tmp_path / "shop")
    renamed = {p.product_id: p.where for p in written.problems.named if p.kind.name == "RENAMED"}
    assert renamed == {
        None: "A%2FB/C", "../x": "%2E.%2Fx", "a/b": "a%2Fb", "CON": "%43ON", "mh01": "%6Dh01", "mH01": "%6D%4801",
        ".hidden": "%2Ehidden", "end.": "end%2E", "unlabelled": "%75nlabelled", "50%2F": "50%252F",
        "@eaDir": "%40eaDir",
    }  # fmt: skip
    assert "a%2Fb, product a/b: id that not every system" in written.problems.summary(limit=20)
    cut = [p for p in written.problems.named if p.kind.name == "CUT_ID"]
    assert [(p.product_id, p.detail) for p in cut] == [("x" * 500, f"_id {'x' * 40}...")]
    assert len({name.casefold() for name in map(str, (tmp_path / "shop" / "A%2FB" / "C").iterdir())}) == len(ids)
    again = {product_id: category for product_id, category, _ in products(tmp_path / "shop")}
    assert set(again) - set(ids) == {f"{'x' * (MAX_BYTES - 17)}~{id_number('x' * 500):016x}"}
    assert set(again.values()) == {"A/B > C"}
    assert not (tmp_path / "x").exists()


@given(st.lists(IDS, max_size=20, unique_by=id_number))
@example([*HOSTILE])
@example(["ab", "Ab", "aB", "AB", "aß", "ASS", "ass"])
def test_names_of_folders_are_safe_apart_and_read_back(ids):
    folders = IdFolders()
    names = [folders.name_of(one) for one in ids]
    assert len({name.casefold() for name in names}) == len(ids)
    for one, name in zip(ids, names, strict=True):
        assert not set('/\\:*?"<>|\0') & set(name)
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
        assert 0 < len(name.encode()) <= MAX_BYTES
        if isinstance(one, int) or len(one.encode()) * 3 <= MAX_BYTES:
            assert read_name(name) == one


def test_a_path_is_a_folder_for_each_of_its_names(tmp_path):
    labels = ["Men > Tops", "Men", "men > Tops", "Men > Tops ", "Men >  > Tops", "unlabelled", "unlabelled > x", None]
    ids = ["a", "Tops", "c", "d", "e", "f", "g", "h"]
    source = table_of(tmp_path, list(zip(ids, labels, strict=True)))
    convert(source, tmp_path / "shop")
    assert (tmp_path / "shop" / "Men" / "Tops" / "a" / "1.jpg").is_file()
    # beside the category of that name
    assert (tmp_path / "shop" / "Men" / "%54ops" / "1.jpg").is_file()
    assert (tmp_path / "shop" / "unlabelled" / "h" / "1.jpg").is_file()
    assert sorted(products(tmp_path / "shop"), key=str) == sorted(products(source), key=str)
    # whoever copies it without the hidden file has the same categories
    (tmp_path / "shop" / sinks.MARK).unlink()
    copied = {product_id: category for product_id, category, _ in products(tmp_path / "shop")}
    assert (copied["a"], copied["h"]) == ("Men > Tops", None)


def test_columns_of_parquet_are_of_the_type_that_ids_have(tmp_path):
    def types(pairs) -> list[str]:
        convert(table_of(tmp_path, pairs), tmp_path / "t.parquet", overwrite=True)
        return [str(kind) for kind in pq.read_schema(tmp_path / "t.parquet").types]

    assert types([(1, 2), (3, None)]) == ["int64", "int64", "list<element: string>"]
    assert types([(1, "A > B")]) == ["int64", "string", "list<element: string>"]
    assert types([("007", 5), (8, None)]) == ["string", "int64", "list<element: string>"]
    assert pq.read_table(tmp_path / "t.parquet").column("product_id").to_pylist() == ["007", "8"]


def test_a_folder_of_integers_is_marked_as_ever(tmp_path):
    convert(table_of(tmp_path, [(1, 2)]), tmp_path / "shop")
    assert json.loads((tmp_path / "shop" / sinks.MARK).read_text()) == {"written_by": "catalog convert"}


@pytest.mark.parametrize("mark", ["", "[]", "{", '{"written_by": "catalog convert", "folders": 3}', "x" * 10**6])
def test_a_mark_that_says_nothing_changes_nothing(tmp_path, mark):
    put(tmp_path / "shop" / "7" / "a%2Fb" / "1.jpg")
    (tmp_path / "shop" / sinks.MARK).write_text(mark)
    assert Catalog(tmp_path / "shop").shop_ids() == ["a%2Fb"]


def test_from_names_to_a_tree_and_back(tmp_path, tree_csv):
    tree_csv.write_text("category_id,category_level1,category_level2\nA/B,Men,Tops\nC-2,Men,Hats\n")
    source = table_of(tmp_path, [("x", "A/B"), ("y", "C-2"), ("z", None)])
    convert(source, tmp_path / "shop", tree=tree_csv)
    assert (tmp_path / "shop" / "Men" / "Tops" / "A%2FB" / "x" / "1.jpg").is_file()
    assert sorted(products(tmp_path / "shop")) == sorted(products(source))


def test_a_collection_has_them_too(tmp_path, mongo):
    ids = [one for one in HOSTILE if fits_a_name((one,)) and one != -1]
    source = table_of(tmp_path, [(one, one if is_category(one) else None) for one in ids])
    convert(source, uri_of(mongo))
    # in the order of their ids
    assert sorted(products(uri_of(mongo)), key=str) == sorted(products(source), key=str)
    convert(uri_of(mongo), tmp_path / "back.csv")
    assert products(tmp_path / "back.csv") == products(uri_of(mongo))
