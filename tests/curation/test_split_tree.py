"""`catalog split`: a tree made of the labels, labels that are names, and categories with too few products."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.labels import TreeMatch, true_leaves
from curation.cli import main
from tests.support.command_line import output_of
from tests.support.products import make_photo

call = partial(output_of, main)
TEA, RICE, CARS = "Food > Tea", "Food > Rice", "Toys > Cars > Small"


def table(path: Path, labels: list[str]) -> Path:
    """A shop's table: article numbers, paths, a photo each."""
    (path.parent / "photos").mkdir(exist_ok=True)
    rows = ["product_id,category_path,photo"]
    for i, label in enumerate(labels):
        photo = path.parent / "photos" / f"{i}.jpg"
        photo.write_bytes(make_photo(i))
        rows.append(f'A-{i:03},"{label}",photos/{i}.jpg')
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def shop(tmp_path):
    return table(tmp_path / "shop.csv", [TEA, RICE, CARS] * 10 + ["Food > Oolong"] * 2 + ["Toys>Cars>Small"])


def test_the_labels_are_the_tree_where_no_file_is(shop, tmp_path):
    room = tmp_path / "runs"
    said = call("split", shop, "--workspace", room)
    assert "tree of the labels themselves: 4 leaves, 3 levels; '>' stands between the names" in said
    assert "1 label in other blanks than theirs: Toys>Cars>Small" in said
    assert "next: mosaic train" in said
    data = TrainingData.of(Workspace(room))
    assert data.tree.shop_ids == ("Food > Oolong", RICE, TEA, CARS)
    assert (data.leaf >= 0).all()
    # the label in other blanks is a category of the tree, and that tree is kept
    assert data.tree.paths[data.leaf[-1]] == ("Toys", "Cars", "Small")
    assert [data.tree.shop_ids[leaf] for leaf in data.leaf[:3]] == [TEA, RICE, CARS]
    assert call("split", shop, "--tree", room / "tree.csv", "--workspace", tmp_path / "again").count("plan ") == 1
    assert Workspace(tmp_path / "again").plan().plan_id == Workspace(room).plan().plan_id


def test_a_path_that_the_tree_lacks_is_counted_and_named(shop, tmp_path):
    room = tmp_path / "runs"
    call("split", shop, "--workspace", room)
    later = Catalog(table(tmp_path / "later.csv", [TEA, "food>rice", "Oolong", "Food > Pasta", "Food > Pasta"]))
    tree = Workspace(room).taxonomy()
    assert [tree.shop_ids[leaf] if leaf >= 0 else None for leaf in true_leaves(later, tree)] == [
        TEA, RICE, "Food > Oolong", None, None
    ]  # fmt: skip
    match = TreeMatch.of(later, tree)
    assert (match.known, match.labelled) == (3, 5)
    assert str(match).endswith("have a category of this tree; not in it: 'Food > Pasta' (2)")


def test_labels_may_be_names_of_a_tree_that_is_given(tmp_path):
    tree = tmp_path / "tree.csv"
    tree.write_text("category_id,category_path\n11,Food > Tea\n12,Food > Rice\n21,Toys > Cars\n22,Games > Cars\n")
    shop = table(tmp_path / "shop.csv", ["Tea", "Food / Rice"] * 10 + ["Cars", "Spoons"])
    said = call("split", shop, "--tree", tree, "--workspace", tmp_path / "runs")
    assert "20 products" in said
    assert "2 x category_id is not in the tree" in said
    assert "row 20, product A-020: category_id is not in the tree ('Cars' may be 2 categories: write the" in said
    assert "row 21, product A-021: category_id is not in the tree (Spoons)" in said
    data = TrainingData.of(Workspace(tmp_path / "runs"))
    assert data.tree.leaf_ids[data.leaf[:2]].tolist() == [11, 12]
    said = call("info", shop, "--tree", tree)
    assert "'Cars'" in said or "Cars" in said
    assert "10 Food > Tea" in [" ".join(line.split()) for line in said.splitlines()]


def test_of_two_columns_of_categories_it_is_said_which_counts(tmp_path):
    shop = table(tmp_path / "shop.csv", [TEA, RICE, CARS] * 10)
    rows = shop.read_text(encoding="utf-8").splitlines()
    shop.write_text(
        "\n".join([f"category_id,Name,{rows[0]}", *(f"C-{i % 2},x,{row}" for i, row in enumerate(rows[1:]))])
    )
    counts = "of the columns of categories, category_id counts; category_path only where that is empty"
    said = call("info", shop)
    assert counts in said
    assert "columns left alone: Name; if one has titles: --text-columns COLUMN" in said
    assert "left alone" not in call("info", shop, "--text-columns", "Name")
    said = call("split", shop, "--workspace", tmp_path / "runs")
    assert "2 leaves, 1 level" in said
    assert counts in said
    shop.write_text(shop.read_text().replace("C-", ""))
    said = call("split", shop, "--workspace", tmp_path / "runs", code=1)
    assert "labels are ids alone" in said
    assert counts in said
    assert "columns of categories" not in call("info", table(tmp_path / "other.csv", [TEA, RICE]))


def test_the_columns_of_levels_may_say_what_these_are_called(tmp_path):
    shop, rows = tmp_path / "shop.csv", ["product_id,category_level1: Dept,category_level2: Aisle,photo"]
    for i in range(20):
        (tmp_path / f"{i}.jpg").write_bytes(make_photo(i))
        rows.append(f"A-{i},{'Food,Tea' if i % 2 else 'Toys,Cars'},{i}.jpg")
    shop.write_text("\n".join(rows))
    call("split", shop, "--workspace", tmp_path / "runs")
    assert Workspace(tmp_path / "runs").taxonomy().level_names == {1: "Dept", 2: "Aisle"}
    assert "Aisle 2 of 2 in the tree" in " ".join(call("info", shop).split())
    # a name with a separator in it makes a level more, and is told
    shop.write_text("\n".join([*rows, "A-20,Food > Drinks,Tea,0.jpg"]))
    said = call("split", shop, "--workspace", tmp_path / "more")
    assert "1 x category name with ' > ' in it, which stands between names" in said
    assert "row 22, product A-20" in said
    assert "Food > Drinks)" in said
    assert Workspace(tmp_path / "more").taxonomy().level_names[3] == "Cat III"


def test_a_catalogue_is_no_tree_and_one_without_labels_lacks_these(shop, tmp_path):
    said = call("split", shop, "--tree", shop, "--workspace", tmp_path / "runs", code=1)
    assert "shop.csv is a catalogue, not a category tree" in said
    assert "Leave --tree away" in said
    said = call("split", table(tmp_path / "new.csv", [""] * 20), "--workspace", tmp_path / "runs", code=1)
    assert "new.csv: labels are missing: give each product its category" in said
    assert "--tree" not in said


def test_class_folders_are_written_by_what_labels_mean_in_a_tree(tmp_path):
    tree = tmp_path / "tree.csv"
    tree.write_text("category_id,category_path\n11,Food > Tea\n12,Food > Rice\n")
    shop = table(tmp_path / "shop.csv", ["Tea", "Food / Rice", "11", "Spoons"])
    call("convert", shop, tmp_path / "out", "--tree", tree)
    written = {folder.parent.relative_to(tmp_path / "out").parts[:-1] for folder in (tmp_path / "out").rglob("A-*")}
    assert written == {("Food", "Tea"), ("Food", "Rice"), ()}
    labels = {product.product_id: product.category_id for product in Catalog(tmp_path / "out")}
    assert labels == {"A-000": "Tea", "A-001": "Food / Rice", "A-002": 11, "A-003": "Spoons"}


def test_labels_without_paths_need_a_tree(tmp_path, write_bson):
    from tests.support.products import make_product

    said = call("split", write_bson(*(make_product(i, 1) for i in range(20))), "--workspace", tmp_path, code=1)
    assert "labels are ids alone, of which no tree can be made: give its file (--tree TREE.csv)" in said


def test_small_categories_count_as_the_one_above_until_a_later_split(shop, tmp_path):
    room = tmp_path / "runs"
    said = call("split", shop, "--min-leaf", 5, "--workspace", room)
    assert (
        "1 category with fewer than 5 products (2 in all) counts as the one above them until a later split finds more: "
        "Food > Oolong (2) as Food" in said
    )
    data = TrainingData.of(Workspace(room))
    assert data.tree.shop_ids == ("Food", RICE, TEA, CARS)
    assert [data.tree.paths[leaf] for leaf in data.leaf[30:32]] == [("Food",), ("Food",)]
    # the parent counts as right for labels that come later, too
    later = Catalog(table(tmp_path / "later.csv", ["Food > Oolong"]))
    assert data.tree.paths[true_leaves(later, data.tree)[0]] == ("Food",)
    assert "Food > Oolong,Food,Oolong,,1" in (room / "tree.csv").read_text()
    # undone, also where the tree that counts so is given
    said = call("split", shop, "--tree", room / "tree.csv", "--workspace", tmp_path / "again")
    assert "as the one above" not in said
    assert "Food > Oolong" in TrainingData.of(Workspace(tmp_path / "again")).tree.shop_ids
    said = call("split", shop, "--min-leaf", 2, "--workspace", room)
    assert "no category counts as another: none below the first level has fewer than 2 products" in said
    assert Workspace(room).taxonomy().fingerprint == Workspace(tmp_path / "again").taxonomy().fingerprint


def test_the_next_split_after_corrections_is_told_to_count_small_categories_as_before(shop, tmp_path):
    room, sheet, output = tmp_path / "runs", tmp_path / "suspects.csv", tmp_path / "next.bson"
    sheet.write_text(
        f"product_id,corrected_category_id,label_category_id,suggested_category_id\nA-000,Food,{TEA},Food\n"
    )
    call("split", shop, "--workspace", room)
    apply = ("audit", shop, "--apply", sheet, "--workspace", room, "--overwrite", "--output", output)
    sheet_of_rice = sheet.read_text()
    sheet.write_text(sheet_of_rice.replace("Food,", f"{RICE},"))
    said = call(*apply)
    assert f"next: catalog split {output} --tree {room / 'tree.csv'} --workspace {room}" in said
    sheet.write_text(sheet_of_rice)
    call("split", shop, "--min-leaf", 5, "--workspace", room)
    # without it the answer, a category only as long as others count as it, would be none
    assert f"next: catalog split {output} --tree {room / 'tree.csv'} --min-leaf N --workspace {room}" in call(*apply)
    assert "category_id is not in the tree" in call("split", output, "--tree", room / "tree.csv", "--workspace", room)
    said = call("split", output, "--tree", room / "tree.csv", "--min-leaf", 5, "--workspace", room)
    assert "category_id is not in the tree" not in said


def test_levels_are_called_as_the_shop_calls_them(shop, tmp_path):
    room = tmp_path / "runs"
    said = call("split", shop, "--level-names", "Department, Aisle,Shelf", "--workspace", room)
    assert Workspace(room).taxonomy().level_names == {1: "Department", 2: "Aisle", 3: "Shelf"}
    said = call("split", shop, "--level-names", "Department,Aisle", "--workspace", room, code=1)
    assert "2 names of levels, and the tree has 3 levels" in said


def test_class_folders_are_the_tree_where_no_file_is(tmp_path):
    photos, room = tmp_path / "photos", tmp_path / "runs"
    for i in range(30):
        folder = photos.joinpath(*[("Food", "Tea"), ("Food", "Rice"), ("Toys",)][i % 3], f"A-{i:03}")
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes(make_photo(i))
    said = call("split", photos, "--workspace", room)
    assert "tree of the labels themselves: 3 leaves, 2 levels; '>' stands between the names" in said
    data = TrainingData.of(Workspace(room))
    assert data.tree.paths == (("Food", "Rice"), ("Food", "Tea"), ("Toys",))
    assert (data.leaf >= 0).all()
    # photos that come later are held against that tree
    (photos / "Food" / "Pasta" / "A-900").mkdir(parents=True)
    (photos / "Food" / "Pasta" / "A-900" / "1.jpg").write_bytes(make_photo(900))
    later = Workspace(room).open(photos)
    assert (later.leaves(data.tree) < 0).sum() == 1
    assert "Food > Pasta is not in the tree" in later.problems.summary()
