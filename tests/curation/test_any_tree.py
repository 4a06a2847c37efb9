"""The `catalog` commands on a tree whose paths have one to four names, and on one of a single level."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import bson
import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main
from curation.explore.drawings import histograms
from tests.support.command_line import output_of
from tests.support.pages import text_of
from tests.support.products import make_photo, make_product

call = partial(output_of, main)
RAGGED = """category_id,category_level1,category_level2,category_level3,category_level4
1,Food,Drinks,Tea,Green tea
2,Food,Drinks,Tea,Black tea
3,Food,Drinks,Coffee,
4,Food,Drinks,,
5,Food,Bread,,
6,Garden,,,
7,Toys,Games,Coffee,
"""
FLAT = "category_id,category_level1\n" + "".join(f"{i},Name {i}\n" for i in range(1, 8))
MOVED = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 1}
"""The label that a product has in the newer dump."""


@dataclass
class Shop:
    """A catalogue of 42 products on a tree's seven leaves: some share a photo, some are labelled otherwise later."""

    folder: Path
    tree: Path

    @property
    def old(self) -> Path:
        return self.folder / "old.bson"

    @property
    def new(self) -> Path:
        return self.folder / "new.bson"


def shop_of(folder: Path, tree: str) -> Shop:
    shop = Shop(folder, folder / "tree.csv")
    shop.tree.write_text(tree)
    documents = [make_product(i, 1 + i % 7, 1 + i % 2) for i in range(42)]
    for group in ((0, 1), (2, 4), (5, 6), (7, 14)):
        for i in group:
            documents[i]["imgs"].append({"picture": make_photo(1000 + group[0])})
    shop.old.write_bytes(b"".join(map(bson.encode, documents)))
    for document in documents[:7]:
        document["category_id"] = MOVED[document["category_id"]]
    shop.new.write_bytes(b"".join(map(bson.encode, documents)))
    return shop


@pytest.fixture(scope="module")
def ragged(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop_of(tmp_path_factory.mktemp("ragged"), RAGGED)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop_of(tmp_path_factory.mktemp("flat"), FLAT)


def test_info_counts_every_level(ragged, flat):
    rows = [" ".join(line.split()) for line in call("info", ragged.old, "--tree", ragged.tree).splitlines()]
    counted = [row for row in rows if row.startswith("Cat ")]
    assert counted == [
        "Cat I 3 of 3 in the tree",
        "Cat II 4 of 4 in the tree",
        "Cat III 6 of 6 in the tree",
        "Cat IV 7 of 7 in the tree",
    ]
    assert "6 Food > Drinks" in rows
    rows = [" ".join(line.split()) for line in call("info", flat.old, "--tree", flat.tree).splitlines()]
    assert [row for row in rows if row.startswith("Cat ")] == ["Cat I 7 of 7 in the tree"]


def test_explore_tells_of_every_level(ragged, tmp_path):
    call("explore", ragged.old, "--tree", ragged.tree, "--output", tmp_path)
    figures = json.loads((tmp_path / "explore.json").read_text())
    assert list(figures["tree"]["levels"]) == ["Cat I", "Cat II", "Cat III", "Cat IV"]
    assert figures["copies"]["across"]["by_level"] == {"Cat I": 1, "Cat II": 1, "Cat III": 0, "Cat IV": 1}
    # two leaves called Coffee that stand at Cat III are no other two at Cat IV
    homonyms = [(one["level"], one["name"]) for one in figures["tree"]["homonyms"]]
    assert homonyms == [("Cat III", "Coffee")]
    text = text_of(tmp_path / "explore.html")
    sentence = "3 categories of Cat I, 4 of Cat II under 4 names, 6 of Cat III under 5 names, 7 leaves under 6 names"
    assert f"{sentence}: 1 name stands on more than one leaf" in text
    assert "on leaves of one Cat II, different Cat III" in text
    assert "Cat IV on leaves of one Cat III 1" in text


@pytest.mark.parametrize("n_levels", [1, 3, 4, 5])
def test_every_level_has_a_panel(n_levels):
    bins = {f"Cat {level}": [{"low": 1, "high": 1, "categories": 3}] for level in range(n_levels)}
    assert histograms(bins, "products").count('<g id="axes_') == n_levels


def test_explore_of_one_level(flat, tmp_path):
    call("explore", flat.old, "--tree", flat.tree, "--output", tmp_path)
    text = text_of(tmp_path / "explore.html")
    assert "7 leaves under 7 names: every leaf has a name of its own." in text
    assert "parted at" not in text
    assert "Cat II" not in text


@pytest.mark.parametrize(
    ("counts", "level"),
    [("Tea,3\nCoffee,2\nBread,1\n", "Cat III"), ("1,3\n4,2\n", "Cat IV"), ("Food,3\nToys,1\n", "Cat I")],
)
def test_counts_find_their_level(ragged, tmp_path, counts, level):
    (tmp_path / "counts.csv").write_text(counts)
    call("explore", "--counts", tmp_path / "counts.csv", "--tree", ragged.tree, "--output", tmp_path)
    figures = json.loads((tmp_path / "explore.json").read_text())
    used = [name for name, of_level in figures["tree"]["levels"].items() if of_level["used"]]
    assert used[-1] == level
    assert not figures["fit"][level]["unknown"]
    # sums of leaves are known, of names that merge several places they are not
    assert used == (["Cat I", "Cat II", "Cat III", "Cat IV"] if level == "Cat IV" else [level])


def test_duplicates_part_at_every_level(ragged, flat, tmp_path):
    said = call("duplicates", ragged.old, "--tree", ragged.tree, "--output", tmp_path / "ragged")
    assert "(1 same category, 1 another Cat IV, 1 another Cat II, 1 another Cat I)" in said
    text = text_of(tmp_path / "ragged" / "duplicates.html")
    assert "2 products, 2 categories, parting at Cat IV (exact copies)" in text
    said = call("duplicates", flat.old, "--tree", flat.tree, "--output", tmp_path / "flat")
    assert "(1 same category, 3 another Cat I)" in said


def test_diff_tells_how_far_products_moved(ragged, flat, tmp_path):
    said = call("diff", ragged.old, ragged.new, "--tree", ragged.tree)
    assert "moved: Cat I 3, Cat II 1, Cat III 2, Cat IV 1" in said
    assert "moved: Cat I 7" in call("diff", flat.old, flat.new, "--tree", flat.tree)
    deeper = tmp_path / "deeper.csv"
    deeper.write_text(RAGGED.replace("5,Food,Bread,,\n", "5,Food,Bread,Rye,\n").replace("7,Toys,Games", "7,Toys,Cards"))
    said = call("diff", ragged.old, ragged.new, "--tree", ragged.tree, "--new-tree", deeper)
    assert "categories: 0 added, 0 removed, 2 renamed, 0 renumbered" in said
    # Bread was a leaf, and is none now: a node that only the new tree has others below
    assert "  Cat II: added: Food > Bread, Toys > Cards; removed: Toys > Games" in said
    assert "renamed  5  Food > Bread -> Food > Bread > Rye" in said
    assert "categories: " in call("diff", flat.old, flat.new, "--tree", flat.tree, "--new-tree", deeper)


def test_diff_calls_the_levels_as_the_tree_does(ragged, tmp_path):
    tree, named, deeper = Taxonomy.from_csv(ragged.tree), tmp_path / "named.csv", tmp_path / "deeper.csv"
    tree.with_level_names([f"Floor {level}" for level in tree.levels]).to_csv(named)
    said = call("diff", ragged.old, ragged.new, "--tree", named)
    assert "moved: Floor 1 3, Floor 2 1, Floor 3 2, Floor 4 1" in said
    deeper.write_text(RAGGED.replace("5,Food,Bread,,\n", "5,Food,Bread,Rye,\n"))
    said = call("diff", ragged.old, ragged.new, "--tree", deeper, "--new-tree", named)
    assert "  Floor 2: removed: Food > Bread" in said
    assert "Cat " not in said


def test_samples_have_quotas_at_any_level_of_the_tree(ragged, flat, tmp_path):
    given = ("--tree", ragged.tree, "--products", 12, "--balanced")
    said = call("sample", ragged.old, tmp_path / "leaves.bson", *given)
    assert "Cat I 3 of 3, Cat II 4 of 4, Cat III 6 of 6, Cat IV 7 of 7; smallest leaf 1, largest 2" in said
    said = call("sample", ragged.old, tmp_path / "tops.bson", *given, "--level", 1)
    record = json.loads(next(tmp_path.glob("tops*.json")).read_text())
    assert [node["after"] for node in record["levels"]["Cat I"]] == [4, 4, 4]
    said = call("sample", ragged.old, tmp_path / "deep.bson", *given, "--level", 5, code=1)
    assert "--level 5: the tree has 4 levels: give 1 to 4" in said
    said = call("sample", flat.old, tmp_path / "f.bson", "--tree", flat.tree, *given[2:], "--level", 2, code=1)
    assert "--level 2: the tree has 1 level: give 1 to 1" in said
    said = call("sample", flat.old, tmp_path / "f.bson", "--tree", flat.tree, *given[2:])
    assert "  Cat I 7 of 7; smallest leaf 1, largest 2" in said


def test_a_subset_keeps_the_tree_of_what_is_left(ragged, flat, tmp_path):
    given = ("subset", ragged.old, tmp_path / "drinks.bson", "--tree", ragged.tree, "--shelf", "food>drinks")
    assert "24 of 42 products" in call(*given)
    assert Taxonomy.from_csv(tmp_path / "drinks.tree.csv").paths == (
        ("Food", "Drinks"),
        ("Food", "Drinks", "Coffee"),
        ("Food", "Drinks", "Tea", "Black tea"),
        ("Food", "Drinks", "Tea", "Green tea"),
    )
    call("subset", flat.old, tmp_path / "one.bson", "--tree", flat.tree, "--shelf", "Name 3")
    assert Taxonomy.from_csv(tmp_path / "one.tree.csv").paths == (("Name 3",),)


@pytest.mark.parametrize("which", ["ragged", "flat"])
def test_split_and_convert_take_the_tree(which, request, tmp_path):
    shop = request.getfixturevalue(which)
    room = tmp_path / "runs"
    said = call("split", shop.old, "--tree", shop.tree, "--workspace", room, "--parts", tmp_path / "parts")
    assert "next: mosaic train" in said
    assert Taxonomy.load(room / "tree.csv").fingerprint == Taxonomy.from_csv(shop.tree).fingerprint
    call("convert", shop.old, tmp_path / "photos", "--tree", shop.tree)
    call("convert", tmp_path / "photos", tmp_path / "again.bson", "--tree", shop.tree)
    one, other = (Catalog(path) for path in (shop.old, tmp_path / "again.bson"))
    assert dict(zip(one.product_ids, one.category_ids, strict=True)) == dict(
        zip(other.product_ids, other.category_ids, strict=True)
    )


def test_audit_calls_the_levels_as_the_tree_does(ragged, tmp_path):
    named = tmp_path / "named.csv"
    tree = Taxonomy.from_csv(ragged.tree)
    tree.with_level_names([f"Floor {level}" for level in tree.levels]).to_csv(named)
    said = audited(replace(ragged, tree=named), tmp_path)
    assert "3 of them across Floor 1" in said
    assert "Cat I" not in said
    assert "Cat I" not in text_of(tmp_path / "audit.html")


def audited(shop: Shop, output: Path) -> str:
    """What `catalog audit` says of labels of which it is sure that the newer ones are right."""
    tree, catalog = Taxonomy.from_csv(shop.tree), Catalog(shop.new)
    leaf = tree.leaf_index(catalog.category_ids)
    dense = np.full((len(catalog), len(tree)), 0.02, np.float32)
    dense[np.arange(len(catalog)), leaf] = 0.88
    Probabilities.from_dense(
        "photo", catalog.product_ids, np.ones(len(catalog), np.int8), dense, np.zeros(len(catalog), np.uint8),
        support=np.arange(len(tree), dtype=np.int32), frequency=np.full(len(tree), 1 / len(tree)), k=len(tree),
        taxonomy=tree.fingerprint, plan="",
    ).save(output / "p.safetensors")  # fmt: skip
    rows = zip(catalog.product_ids, catalog.category_ids, strict=True)
    (output / "truth.csv").write_text("product_id,category_id\n" + "".join(f"{i},{c}\n" for i, c in rows))
    return call(
        "audit", shop.old, "--tree", shop.tree, "--probabilities", output / "p.safetensors",
        "--truth", output / "truth.csv", "--output", output, "--workspace", output / "runs",
    )  # fmt: skip


def test_audit_ranks_by_the_depth_of_the_tree(ragged, tmp_path):
    said = audited(ragged, tmp_path)
    assert "7 labels suspected (16.7%), 3 of them across Cat I" in said
    assert "more than 10%: either many labels are wrong, or what they are held against is poor" in said
    assert "average precision, % (of mistakes across Cat I): this audit 100.0 (100.0)" in said
    rows = (tmp_path / "suspects.csv").read_text("utf-8-sig").splitlines()
    assert [row.split(",")[6] for row in rows[1:]] == ["Cat I"] * 3 + ["Cat II"] + ["Cat III"] * 2 + ["Cat IV"]
    # a leaf further up is named by its own level
    assert any("Cat II Bread 88%, the label's 8%" in row for row in rows)
    text = text_of(tmp_path / "audit.html")
    assert "a certain mistake across Cat I counts four times one between siblings" in text
    assert "at Cat IV they are siblings" in text
    assert "Across Cat I 3 the first to look at" in text


def test_audit_of_one_level_speaks_of_no_parents(flat, tmp_path):
    said = audited(flat, tmp_path)
    assert "7 labels suspected (16.7%): " in said
    assert "across" not in said
    text = text_of(tmp_path / "audit.html")
    assert "across" not in text.partition("Against the truth")[2].lower()
    assert "siblings" not in text
