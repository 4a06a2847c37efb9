"""Trees made from the labels of products, and labels that are paths or names in a tree that was given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ids.id_names import IdNames
from catalog.ids.shop_id import id_number, id_numbers
from catalog.tree.answers import CategoryNames
from catalog.tree.label_leaves import label_leaves, why_unknown
from catalog.tree.label_tree import LabelTree
from catalog.tree.taxonomy import Taxonomy

names = st.text("ABcé &'-,", min_size=1, max_size=6).map(str.strip).filter(bool)
paths = st.sets(st.lists(names, min_size=2, max_size=8).map(tuple), min_size=1, max_size=25).map(sorted)


@settings(max_examples=60)
@given(paths, st.sampled_from([" > ", ">>", "/", " | "]), st.integers(1, 9))
def test_each_path_is_a_leaf_whose_id_is_its_text(paths, between, n):
    labels = {between.join(path): n for path in paths}
    made = LabelTree.of("shop.csv", labels)
    assert set(made.tree.shop_ids) == set(labels)
    assert made.separator == between.strip()
    for label, path in zip(labels, paths, strict=True):
        assert made.tree.paths[int(made.tree.leaf_index(label))] == path
    assert not made.respelt
    assert not made.left_out


def test_what_was_found_is_said():
    labels = {"Food > Tea": 3, "Food>Tea": 5, "Food": 1, "Toys > Cars > Small": 2, "Food > > Rice": 1, 7: 1}
    made = LabelTree.of("shop.csv", labels)
    assert made.tree.paths == (("7",), ("Food",), ("Food", "Tea"), ("Toys", "Cars", "Small"))
    assert made.tree.shop_ids == (7, "Food", "Food>Tea", "Toys > Cars > Small")
    assert str(made).splitlines() == [
        "tree of the labels themselves: 4 leaves, 3 levels; '>' stands between the names (another tree: --tree "
        "TREE.csv)",
        "1 label in other blanks than theirs: Food > Tea",
        "1 label without a name between two '>': Food > > Rice",
    ]
    # the rarer spelling is found by its path
    ids = IdNames.of(labels)
    leaves = label_leaves(made.tree, id_numbers(list(labels)), ids)
    assert leaves.tolist() == [2, 2, 1, 3, -1, 0]


def test_labels_of_single_names_are_a_tree_of_one_level():
    made = LabelTree.of("photos", {"Tea": 3, "Rice": 2})
    assert (made.tree.depth, made.separator) == (1, None)
    assert "2 leaves, 1 level; each label is one name" in str(made)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "shop.csv: labels are missing: give each product its category, .* as category_id, category_path or"),
        ({1: 3, 2: 1}, "shop.csv: labels are ids alone, of which no tree can be made: give its file"),
        ({"A | B/C": 1, "A | D/E": 1, "F": 1}, r"shop.csv: both '/' \(in 2 of 3 cells\) and '\|'"),
        ({"> >": 3, "A > > B": 1}, "shop.csv: no label names a category: > >, A > > B: names between '>' are missing"),
        ({"A" + " > B" * 8: 1}, "shop.csv: the label 'A > B.* has 9 names, and trees have up to 8"),
    ],
)
def test_what_is_no_tree_is_said(labels, message):
    with pytest.raises(ValueError, match=message):
        LabelTree.of("shop.csv", labels)


TREE = Taxonomy([(11, ("Food", "Tea")), (12, ("Food", "Rice")), (21, ("Toys", "Cars")), (22, ("Games", "Cars"))])


def test_labels_may_be_names_and_paths_of_the_tree():
    labels = ["Food > Tea", "food/rice", "Rice", "Cars", "Games > Cars", "Food", "Spoons", 11, 99, -1, "Rice"]
    numbers = id_numbers(labels)
    leaves = label_leaves(TREE, numbers, IdNames.of(labels))
    assert [int(TREE.leaf_ids[leaf]) if leaf >= 0 else -1 for leaf in leaves] == [
        11, 12, 12, -1, 22, -1, -1, 11, -1, -1, 12
    ]  # fmt: skip
    assert leaves.dtype == np.int64
    assert label_leaves(TREE, np.array([11, 99]), IdNames.none()).tolist() == TREE.leaf_index([11, 99]).tolist()
    assert why_unknown(TREE, "Cars").startswith("'Cars' may be 2 categories")
    assert why_unknown(TREE, "Spoons") == "Spoons"
    assert why_unknown(TREE, 99) == "99"


def test_each_distinct_label_is_looked_up_once(monkeypatch):
    asked = []
    whole = CategoryNames.category_in
    monkeypatch.setattr(CategoryNames, "category_in", lambda self, cell: (asked.append(cell), whole(self, cell))[1])
    labels = ["Food > Tea", "Rice"] * 500
    label_leaves(TREE, id_numbers(labels), IdNames.of(labels))
    assert sorted(asked) == ["Food > Tea", "Rice"]
    assert id_number("Rice") >= 0


@pytest.mark.parametrize("name", ["Salt / Pepper", "TV/Video", "A|B", "3>>2"])
def test_another_sign_in_a_name_separates_nothing(name):
    labels = {f"Food > {name}": 1, name: 1, **{f"Food > Shelf {i}": 1 for i in range(6)}}
    made = LabelTree.of("shop.csv", labels)
    assert made.separator == ">"
    assert made.tree.paths[int(made.tree.leaf_index(f"Food > {name}"))] == ("Food", name)
    assert made.tree.paths[int(made.tree.leaf_index(name))] == (name,)
