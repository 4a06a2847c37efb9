"""The tree that is given reaches a folder whose class folders are named by it, in every command."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.sources.opening import open_source, tree_for
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from curation.cli import main
from tests.support.command_line import output_of
from tests.support.photo_files import put
from tests.support.products import TREE, make_photo

call = partial(output_of, main)

LEAVES = {tuple(row[1:]): int(row[0]) for row in csv.reader(TREE.splitlines()[1:])}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """24 products on eight leaves, their classes named by the tree, which lies elsewhere."""
    for number in range(24):
        names = list(LEAVES)[number % len(LEAVES)]
        put(tmp_path.joinpath("shop", *names, str(number), "1.jpg"), make_photo(number))
    return tmp_path / "shop"


def rows(text: str) -> set[str]:
    return {" ".join(line.split()) for line in text.splitlines()}


def test_info_takes_the_tree_given_and_no_index_made_without_it(shop, tree_csv):
    given = ("info", shop, "--tree", tree_csv)
    for _ in range(2):
        # by the names of its folders
        assert "products 24 labelled 24" in rows(call("info", shop))
        assert {"products 24 labelled 24", "Cat III 8 of 8 in the tree", "no problems"} <= rows(call(*given))
    tree_csv.write_text(TREE.replace("LIBRAIRIE", "LIVRES"))
    assert {"products 24 labelled 15", "Cat III 5 of 8 in the tree"} <= rows(call(*given))
    assert f"next: catalog info {shop} --tree {tree_csv}\n" in call("index", shop, "--tree", tree_csv)
    assert Catalog(open_source(shop, tree_csv)).problems.counts.total() == 3


def test_an_index_goes_with_what_the_tree_says_not_with_its_file(shop, tree_csv, tmp_path, monkeypatch):
    first = Catalog(open_source(shop, tree_csv))
    other = tmp_path / "other.csv"
    other.write_text(TREE.replace(",", ";").replace("\n", "\r\n"))
    monkeypatch.setattr("catalog.sources.folder.folder.PhotoFolder.list_products", None)
    assert Catalog(open_source(shop, other)).fingerprint == first.fingerprint


@pytest.mark.parametrize(
    "command",
    [
        "index SHOP",
        "info SHOP",
        "split SHOP --workspace OUT",
        "sample SHOP OUT/a.bson --products 24",
        "subset SHOP OUT/a.bson --labelled",
        "explore SHOP --output OUT --decode none",
        "diff SHOP SHOP --output OUT",
        "duplicates SHOP --output OUT",
        "audit SHOP --output OUT --workspace OUT",
    ],
)
def test_every_command_hands_the_tree_to_the_folder(shop, tree_csv, tmp_path, command):
    Catalog(shop)
    words = [word.replace("SHOP", str(shop)).replace("OUT", str(tmp_path / "out")) for word in command.split()]
    # nothing has been trained that could judge labels
    said = call(*words, "--tree", tree_csv, code=1 if words[0] == "audit" else 0)
    assert "names no category" not in said
    assert Taxonomy.from_csv(tree_csv).fingerprint.encode() in (tmp_path / "shop.index").read_bytes()
    if words[2:3] == [str(tmp_path / "out" / "a.bson")]:
        assert sorted(Catalog(tmp_path / "out" / "a.bson").category_ids.tolist()) == sorted([*LEAVES.values()] * 3)


def test_a_tree_in_the_folder_serves_every_command(shop, tree_csv, tmp_path):
    own = shop / "category_names.csv"
    tree_csv.rename(own)
    assert tree_for(shop) == own
    assert tree_for(shop, tree_csv) == tree_csv
    assert tree_for("mongodb://host/shop.products") is None
    assert "Cat III 8 of 8 in the tree" in rows(call("info", shop))
    assert "plan" in call("split", shop, "--workspace", tmp_path / "runs")
    assert Workspace(tmp_path / "runs").taxonomy().fingerprint == Taxonomy.from_csv(own).fingerprint
    call("explore", shop, "--output", tmp_path / "out", "--decode", "none")
    assert "LIBRAIRIE" in (tmp_path / "out" / "explore.html").read_text()


def test_training_sees_the_categories_of_the_plan(shop, tree_csv, tmp_path):
    catalog, tree = Catalog(open_source(shop, tree_csv)), Taxonomy.from_csv(tree_csv)
    plan, problems = make_plan(catalog, tree)
    assert not len(problems)
    room = Workspace(tmp_path / "runs")
    room.save_plan(plan, tree)
    # a look at the folder without its tree in between
    assert not (Catalog(shop).category_ids == catalog.category_ids).any()
    again = room.training_catalog()
    assert again.category_ids.tolist() == catalog.category_ids.tolist()
    assert again.fingerprint == catalog.fingerprint == room.open(shop).fingerprint
