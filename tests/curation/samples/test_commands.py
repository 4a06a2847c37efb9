"""`catalog sample | subset | split --parts`: exact bytes, records, and one plain message for what cannot be done."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import bson
import numpy as np
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main
from curation.samples.parts import write_parts
from curation.samples.subset import Filters, subset
from tests.support.command_line import output_of
from tests.support.embeddings import write_embeddings
from tests.support.mongo_server import uri_of
from tests.support.products import make_photo, make_product
from text.title_encoder import TitleEncoder

LEAVES = (11, 12, 13, 21, 22, 31, 32, 33)


call = partial(output_of, main)


def documents(path: Path) -> list[bytes]:
    return [document.raw for document in bson.decode_all(path.read_bytes(), RAW)]


RAW = CodecOptions(document_class=RawBSONDocument)


@pytest.fixture
def shop(write_bson) -> Path:
    """80 products: leaves of rising size, pairs that share a photo, fields that no one asked for, ids over 32 bits."""
    pieces = []
    for i in range(80):
        leaf = LEAVES[min(i // 4, 3) if i < 16 else 4 + min((i - 16) // 12, 3)]
        product = make_product(2**41 + 7 * i, leaf, 1 + i % 3)
        if i % 10 == 9:
            product["imgs"][0] = pieces[i - 1]["imgs"][0]
        pieces.append(product | {"seller": f"é{i}"})
    return write_bson(*pieces, make_product(5), {"_id": 6, "category_id": 11, "imgs": []}, name="shop.bson")


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "new" / "small.bson"


def record(path: Path) -> dict:
    return json.loads((path.parent / (path.name + ".json")).read_text(encoding="utf-8"))


def test_a_sample_is_a_part_of_the_file_byte_for_byte(shop, tree_csv, out):
    said = call("sample", shop, out, "--tree", tree_csv, "--products", 30, "--balanced")
    whole, part = documents(shop), documents(out)
    assert len(part) == 30
    assert [d for d in whole if d in set(part)] == part
    assert f"{out}: 30 of 82 products" in said
    assert said.splitlines()[-1] == f"next: rayonnage fit {out} --tree {tree_csv}"
    done = record(out)
    assert done["source"]["fingerprint"] == Catalog(shop).fingerprint
    assert done["left_out"]["without a category of the tree"] == {"products": 1, "first": [5]}
    assert (done["before"]["products"], done["after"]["products"], done["options"]["products"]) == (82, 30, 30)
    assert sum(node["after"] for node in done["levels"]["Cat III"]) == 30
    assert done["copies"]["groups"] == 8
    assert done["copies"]["groups_cut"] == 0
    kept = set(Catalog(out).product_ids.tolist())
    for i in range(9, 80, 10):
        assert (2**41 + 7 * i in kept) == (2**41 + 7 * (i - 1) in kept)


def test_the_seed_decides_and_nothing_is_replaced_unasked(shop, tree_csv, out):
    call("sample", shop, out, "--products", 20, "--seed", 4)
    first = out.read_bytes()
    assert "exists already" in call("sample", shop, out, "--products", 20, "--seed", 5, code=1)
    assert out.read_bytes() == first
    call("sample", shop, out, "--products", 20, "--seed", 4, "--overwrite")
    assert out.read_bytes() == first
    call("sample", shop, out, "--products", 20, "--seed", 5, "--overwrite")
    assert out.read_bytes() != first
    assert record(out)["tree"] is None
    assert "is the catalogue that is read" in call("sample", shop, shop, "--products", 2, "--overwrite", code=1)


def test_a_failure_leaves_nothing_behind(shop, out, monkeypatch):
    def fails(self, rows):
        yield b"half"
        raise OSError("disk gone")

    catalog = Catalog(shop)
    catalog.md5s()
    monkeypatch.setattr("catalog.sources.bson.file.BsonFile.raw", fails)
    assert "disk gone" in call("sample", shop, out, "--products", 20, code=1)
    assert list(out.parent.iterdir()) == []


def test_a_spread_sample_shows_every_look(write_bson, tree_csv, tmp_path, out):
    shop = write_bson(*[make_product(i, LEAVES[i % 2]) for i in range(60)])
    looks = np.zeros((60, 3), np.float32)
    looks[:, 0] = 1
    looks[[7, 20]] = [[0, 1, 0], [0, 0, 1]]
    write_embeddings(tmp_path, looks, range(60))
    for more in ((), ("--tree", tree_csv, "--balanced")):
        call("sample", shop, out, "--products", 4, "--spread", tmp_path, "--overwrite", *more)
        assert {7, 20} <= set(Catalog(out).product_ids.tolist())
    write_embeddings(tmp_path, looks, range(100, 160))
    said = call("sample", shop, out, "--products", 4, "--spread", tmp_path, "--overwrite", code=1)
    assert "vectors of other products: 60 of 60" in said


@pytest.fixture
def titled(tmp_path) -> Path:
    """20 mugs of one name and four other names, 3 bowls, of which one has no title; the photos say nothing."""
    (tmp_path / "1.jpg").write_bytes(make_photo(1))
    names = ["Grand mug bleu"] * 16 + ["Clavier mécanique", "Roman policier", "Vélo de course", "Robe rouge"]
    rows = [(f"M{i}", 31, name) for i, name in enumerate(names)]
    rows += [("B1", 32, "Bol"), ("B2", 32, "Bol"), ("B3", 32, "")]
    lines = [f"{one},{category},{name},1.jpg" for one, category, name in rows]
    path = tmp_path / "titled.csv"
    path.write_text("\n".join(["product_id,category_id,title,photos", *lines]), encoding="utf-8")
    return path


@pytest.mark.slow
def test_titles_that_differ_are_drawn_and_encoded_once(titled, tree_csv, out, monkeypatch):
    encoded = []
    vectors = TitleEncoder.vectors
    monkeypatch.setattr(TitleEncoder, "vectors", lambda self, some: encoded.extend(some) or vectors(self, some))
    arguments = ("sample", titled, out, "--tree", tree_csv, "--max-copies", 1, "--spread", "titles", "--overwrite")
    said = call(*arguments, "--clip", 5)
    others = {"M16", "M17", "M18", "M19"}
    drawn = set(map(str, Catalog(out).shop_ids()))
    assert others | {"B1", "B2", "B3"} <= drawn
    assert len(drawn) == 5 + 3
    assert "left out: 15 beyond 5 of a category" in said
    assert record(out)["options"]["without_a_vector"] == 1
    assert sorted(title.plain for title in encoded) == sorted(["", "Bol", "Grand mug bleu", *(
        "Clavier mécanique", "Roman policier", "Vélo de course", "Robe rouge")])  # fmt: skip
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]
    # one quota for all, and both together
    call(*arguments, "--products", 6)
    assert others <= set(map(str, Catalog(out).shop_ids()))
    said = call(*arguments, "--products", 4, "--clip", 6, "--balanced")
    assert "beyond 6 of a category, 5 not drawn" in said
    assert sorted(str(one)[0] for one in Catalog(out).shop_ids()) == ["B", "B", "M", "M"]


@pytest.mark.slow
def test_titles_encoded_before_a_failure_are_not_encoded_again(titled, tree_csv, out, monkeypatch):
    arguments = ("sample", titled, out, "--tree", tree_csv, "--max-copies", 1, "--spread", "titles")
    call(*arguments, "--products", 5, "--min-per-leaf", 9, code=1)
    assert [path for path in out.parent.iterdir() if path.name.startswith(".")]
    monkeypatch.setattr(TitleEncoder, "vectors", None)
    call(*arguments, "--products", 5)
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


def test_clipped_leaves(shop, tree_csv, out):
    said = call("sample", shop, out, "--tree", tree_csv, "--clip", 5)
    leaves = Catalog(out).category_ids
    whole = Catalog(shop).category_ids
    assert sorted(set(leaves.tolist())) == sorted(set(whole[whole > 0].tolist()))
    assert np.unique(leaves, return_counts=True)[1].max() <= 5
    assert "beyond 5 of a category" in said
    # copies are kept or left together
    kept = set(Catalog(out).product_ids.tolist())
    for i in range(9, 80, 10):
        assert (2**41 + 7 * i in kept) == (2**41 + 7 * (i - 1) in kept)
    assert record(out)["options"]["clip"] == 5


def slow_filter(rows: list[tuple[int, int | None, int]], f: Filters, ids: set[int] | None) -> list[int]:
    """`rows`: (id, category, photos), one product after the other."""
    below = {"LIBRAIRIE": {11, 12, 13}, "MUSIQUE > CD": {21}, "CUISINE > TASSES": {31, 32}}
    kept = []
    for i, category, n in rows:
        known = category in LEAVES
        if (f.n_images and n not in f.n_images) or (ids is not None and i not in ids):
            continue
        if (f.labelled or f.shelves) and not known:
            continue
        if f.shelves and not any(category in below[s] for s in f.shelves):
            continue
        if known and any(category in below[s] for s in f.without):
            continue
        kept.append((i, category, known))
    size = {leaf: sum(c == leaf for _, c, _ in kept) for leaf in LEAVES}
    return [i for i, c, known in kept if not known or size[c] >= f.min_leaf_size]


SHELVES = st.lists(st.sampled_from(["LIBRAIRIE", "MUSIQUE > CD", "CUISINE > TASSES"]), max_size=2).map(tuple)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    SHELVES, SHELVES, st.lists(st.integers(0, 4), max_size=2).map(tuple), st.booleans(), st.integers(0, 4),
    st.none() | st.sets(st.integers(0, 29), min_size=1), st.integers(0, 99),
)  # fmt: skip
def test_filters_against_one_product_after_the_other(
    write_bson, tree_csv, tmp_path, shelves, without, n_images, labelled, least, ids, seed
):
    rng = np.random.default_rng(seed)
    rows = [(i, rng.choice([*LEAVES, 4711, None]), int(rng.integers(0, 4))) for i in range(30)]
    photos = [make_photo(k, (8, 8)) for k in range(3)]
    catalog = Catalog(write_bson(*[
        {"_id": i, **({} if c is None else {"category_id": int(c)}), "imgs": [{"picture": p} for p in photos[:n]]}
        for i, c, n in rows
    ]))  # fmt: skip
    listed = None
    if ids is not None:
        listed = str(tmp_path / "ids.csv")
        Path(listed).write_text("\ufeffname;product_id\n" + "".join(f"x;{i}\n" for i in ids), encoding="utf-8")
    filters = Filters(shelves, without, n_images, labelled, listed, least)
    tree = Taxonomy.from_csv(tree_csv)
    out, tree_out = tmp_path / "part.bson", tmp_path / "part.csv"
    wanted = slow_filter(rows, filters, ids)
    if filters == Filters() or not wanted:
        with pytest.raises(ValueError, match=r"nothing to leave out|is left"):
            subset(catalog, out, filters, tree, overwrite=True)
        return
    subset(catalog, out, filters, tree, tree_out=tree_out, overwrite=True, max_copies=1)
    part = Catalog(out)
    assert part.product_ids.tolist() == wanted
    present = {int(c) for c in part.category_ids if c in LEAVES}
    if present:
        assert set(Taxonomy.from_csv(tree_out).leaf_ids.tolist()) == present


def test_a_subset_brings_its_tree_and_can_be_split(shop, tree_csv, out, tmp_path):
    said = call(
        "subset", shop, out, "--tree", tree_csv, "--shelf", "CUISINE", "--shelf", "MUSIQUE", "--min-leaf-size", 5
    )
    smaller = out.with_name("small.tree.csv")
    assert said.splitlines()[-1] == f"next: rayonnage fit {out} --tree {smaller}"
    assert sorted(Taxonomy.from_csv(smaller).leaf_ids.tolist()) == [22, 31, 32, 33]
    assert set(Catalog(out).category_ids.tolist()) == {22, 31, 32, 33}
    assert record(out)["left_out"]["in leaves too small"]["products"] == 4
    call("split", out, "--tree", smaller, "--workspace", tmp_path / "runs")
    assert len(Workspace(tmp_path / "runs").plan().positions) == 64


def test_a_subset_brings_the_names_of_its_tree(shop, tree_csv, out, tmp_path):
    # named by way of leaf 11, which goes
    names = tmp_path / "names.csv"
    names.write_text("category_id,level,lang,name\n11,1,en,Books\n11,2,en,Literature\n12,3,en,Poems\n31,,en,Mug\n")
    said = call("subset", shop, out, "--tree", tree_csv, "--names", names, "--lang", "en", "--without", "11",
                "--shelf", "books>literature")  # fmt: skip
    smaller, beside = out.with_name("small.tree.csv"), out.with_name("small.tree.names.csv")
    assert said.splitlines()[-1] == f"next: rayonnage fit {out} --tree {smaller} --names {beside}"
    tree = Taxonomy.from_csv(smaller, beside).in_language("en")
    assert tree.shown == (("Books", "Literature", "Poems"),)
    out.unlink()
    record_of_it = out.with_name("small.bson.json")
    record_of_it.unlink()
    smaller.unlink()
    given = ("subset", shop, out, "--tree", tree_csv, "--names", names, "--shelf", "12")
    assert f"{beside} exists already" in call(*given, code=1)
    assert "names in en: --lang shows them" in call(*given, "--overwrite")


@pytest.mark.parametrize("folds", [None, 3])
def test_split_writes_its_parts(shop, tree_csv, tmp_path, folds):
    folder, room = tmp_path / "parts", tmp_path / "runs"
    options = () if folds is None else ("--folds", folds)
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", room, "--parts", folder, *options)
    said = call(*arguments)
    plan, catalog = Workspace(room).plan(), Catalog(shop)
    names = ["train", "held_out"] if folds is None else ["fold-0", "fold-1", "fold-2"]
    assert sorted(p.name for p in folder.iterdir()) == sorted([f"{n}.bson" for n in names] + ["parts.json"])
    wanted = [plan.training_positions(0)] if folds is None else [plan.held_out_positions(0)]
    wanted += [plan.held_out_positions(part) for part in ([0] if folds is None else [1, 2])]
    whole = documents(shop)
    for name, positions in zip(names, wanted, strict=True):
        assert documents(folder / f"{name}.bson") == [whole[i] for i in positions]
        assert f"{folder / name}.bson: {len(positions)} products" in said
    done = json.loads((folder / "parts.json").read_text(encoding="utf-8"))
    assert done["plan"] == plan.plan_id
    assert done["source"]["fingerprint"] == catalog.fingerprint
    assert {reason: e["products"] for reason, e in done["left_out"].items()} == {
        "without a category of the tree": 1, "without a photo": 1,
    }  # fmt: skip
    part_of = {i: name for name in names for i in Catalog(folder / f"{name}.bson").product_ids.tolist()}
    assert all(part_of[2**41 + 7 * i] == part_of[2**41 + 7 * (i - 1)] for i in range(9, 80, 10))
    before = (folder / "parts.json").stat().st_mtime_ns
    assert "exists already" in call(*arguments, code=1)
    assert (folder / "parts.json").stat().st_mtime_ns == before
    call(*arguments, "--overwrite")


def test_parts_of_another_kind_do_not_stay_beside_the_new_ones(shop, tree_csv, tmp_path):
    folder = tmp_path / "parts"
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", tmp_path / "runs", "--parts", folder)

    def parts() -> list[str]:
        return sorted(path.name for path in folder.glob("*.bson"))

    call(*arguments, "--folds", 4)
    said = call(*arguments, code=1)
    assert "the parts of another split (fold-0.bson, fold-1.bson, fold-2.bson, fold-3.bson)" in said
    assert parts() == [f"fold-{i}.bson" for i in range(4)]
    call(*arguments, "--folds", 3, "--overwrite")
    assert parts() == ["fold-0.bson", "fold-1.bson", "fold-2.bson"]
    call(*arguments, "--overwrite")
    assert parts() == ["held_out.bson", "train.bson"]
    assert not set(Catalog(folder / "train.bson").product_ids) & set(Catalog(folder / "held_out.bson").product_ids)
    # what is read is not removed, even where an earlier split wrote it
    again = ("split", folder / "train.bson", *arguments[2:], "--folds", 3, "--overwrite")
    assert "is the catalogue that is read" in call(*again, code=1)
    (folder / "fold-7.bson").write_bytes(shop.read_bytes())
    (folder / "notes.bson").write_bytes(b"mine")
    assert "holds fold-7.bson, which no parts.json there names" in call(*arguments, "--overwrite", code=1)
    (folder / "parts.json").write_text("[]")
    assert "fold-7.bson, held_out.bson, train.bson" in call(*arguments, "--folds", 3, "--overwrite", code=1)
    assert parts() == ["fold-7.bson", "held_out.bson", "notes.bson", "train.bson"]
    catalog, tree = Catalog(shop), Taxonomy.from_csv(tree_csv)
    write_parts(catalog, make_plan(catalog, tree)[0], tree, folder)
    assert parts() == ["fold-7.bson", "held_out.bson", "notes.bson", "train.bson"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sample", "--products", 900), "--products 900: "),
        (("sample", "--products", 10, "--balanced"), "--tree"),
        (("sample", "--products", 10, "--min-per-leaf", 2), "--tree"),
        (("sample", "--products", 10, "--level", 2, "TREE"), "--level 2 says for which categories"),
        (("sample", "--products", 10, "--balanced", "--power", 0.5, "TREE"), "--power 0.5"),
        (("sample", "--products", 10, "--min-per-leaf", 2, "TREE"), "--min-per-leaf 2 alone takes 16 products"),
        (("sample", "--products", 10, "--spread", "none"), "mosaic embed"),
        (("sample", "--products", 10, "--spread", "titles"), "has no titles, give the folder of `mosaic embed`"),
        (("sample",), "give --products, --clip, or both"),
        (("sample", "--clip", 3), "--tree"),
        (("sample", "--clip", 3, "--min-per-leaf", 2, "TREE"), "share out --products: give that, too"),
        (("sample", "--clip", 3, "--products", 70, "TREE"), "--products 70: there are only"),
        (("subset",), "nothing to leave out: give --shelf, --without, --labelled"),
        (("subset", "--shelf", "LIBRAIRIE"), "--tree"),
        (("subset", "--tree-out", "x.csv", "--n-images", 1), "--tree-out"),
        (("subset", "--shelf", "ROMANS", "TREE"),
         "--shelf: the tree has no shelf 'ROMANS'; the nearest are 'LIBRAIRIE > LITTERATURE > ROMAN'"),
        (("subset", "--without", "Musique > CDs", "TREE"),
         "--without: the tree has no shelf 'Musique > CDs'; the nearest are 'MUSIQUE > CD'"),
        (("subset", "--products", "none.csv"), "none.csv does not exist"),
        (("subset", "--min-leaf-size", 99, "--labelled", "TREE"),
         "is left: 1 without a category of the tree, 81 in leaves too small"),
    ],
)  # fmt: skip
def test_wrong_calls_get_one_plain_message(shop, tree_csv, out, arguments, message):
    command, *options = arguments
    if "TREE" in options:
        options = [*options[:-1], "--tree", tree_csv]
    assert message in call(command, shop, out, *options, code=1)
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("product_id\n1\n2\n", "none of its 2 products is in"),
        ("id\n1\n", "expected a column product_id or _id, got id"),
        ("product_id\nabc\n", "none of its 1 product is in"),
        ("product_id\n2.87E+18\n", "line 2: expected a product_id, got '2.87E+18'"),
    ],
)
def test_bad_lists_of_ids_are_named(shop, out, tmp_path, text, message):
    (tmp_path / "ids.csv").write_text(text)
    assert message in call("subset", shop, out, "--products", tmp_path / "ids.csv", code=1)


def test_ids_that_the_catalogue_lacks_are_counted_and_named(shop, out, tmp_path):
    (tmp_path / "ids.csv").write_text("product_id\n77\n2199023255559\n12\n2199023255552\n77\n")
    said = call("subset", shop, out, "--products", tmp_path / "ids.csv")
    assert Catalog(out).product_ids.tolist() == [2**41, 2**41 + 7]
    assert f"asked for, but not in {Catalog(shop)}: 2 products (12, 77)" in said
    assert record(out)["not_in_the_source"] == {"products": 2, "first": [12, 77]}
    call("subset", shop, out, "--n-images", 1, "--overwrite")
    assert record(out)["not_in_the_source"] == {"products": 0, "first": []}


def test_products_without_a_photo_are_drawn_too(write_bson, tree_csv, out):
    bare = [{"_id": i, "category_id": 11, "imgs": []} for i in range(5)]
    call("sample", write_bson(*bare, make_product(9)), out, "--tree", tree_csv, "--products", 5)
    assert Catalog(out).product_ids.tolist() == [0, 1, 2, 3, 4]
    call("sample", write_bson(*bare), out, "--products", 5, "--overwrite")


def test_a_folder_of_photos_is_sampled_too(tmp_path, out):
    for i in range(6):
        place = tmp_path / "shop" / "11" / str(2**40 + i)
        place.mkdir(parents=True)
        (place / "1.jpg").write_bytes(make_photo(i))
    call("sample", tmp_path / "shop", out, "--products", 4)
    part = Catalog(out)
    assert part.category_ids.tolist() == [11] * 4
    assert [p.images[0] for p in part] == [make_photo(p.product_id - 2**40) for p in part]


def test_titles_of_a_table_come_along(tmp_path, out):
    for i in range(4):
        (tmp_path / f"{i}.jpg").write_bytes(make_photo(i))
    rows = "".join(f"{i},11,Mug {i},{i}.jpg\n" for i in range(4))
    (tmp_path / "shop.csv").write_text(f"product_id,category_id,name,photos\n{rows}", encoding="utf-8")
    call("sample", tmp_path / "shop.csv", out, "--text-columns", "name", "--products", 3)
    drawn = Catalog(out)
    assert list(drawn.titles()) == [f"Mug {product_id}" for product_id in drawn.product_ids]
    call("subset", tmp_path / "shop.csv", out.with_name("two.bson"), "--n-images", 1)
    assert list(Catalog(out.with_name("two.bson")).titles()) == [f"Mug {i}" for i in range(4)]


def test_only_bson_files_are_written(shop, tmp_path):
    said = call("sample", shop, "mongodb://me:secret@host/db.c", "--products", 3, code=1)
    assert "secret" not in said
    assert "catalog convert" in said
    assert "catalog convert" in call("sample", shop, tmp_path / "x.csv", "--products", 3, code=1)
    (tmp_path / "x.bson").mkdir()
    assert "is a folder" in call("sample", shop, tmp_path / "x.bson", "--products", 3, "--overwrite", code=1)


def test_a_collection_is_sampled_and_compared_with_its_sample(mongo, out, tree_csv):
    mongo.insert_many([make_product(2**40 + i, LEAVES[i % 8]) | {"seller": "é"} for i in range(24)])
    call("sample", uri_of(mongo), out, "--tree", tree_csv, "--products", 8, "--balanced")
    assert sorted(Catalog(out).category_ids.tolist()) == sorted(LEAVES)
    assert all(d["seller"] == "é" for d in bson.decode_all(out.read_bytes()))
    rows = {" ".join(line.split()) for line in call("diff", uri_of(mongo), out).splitlines()}
    assert {"unchanged 8", "moved 0", "photos changed 0"} <= rows
