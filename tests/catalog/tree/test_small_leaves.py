"""Leaves with too few products count as the node above them, and their ids mean it; the whole tree is kept."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ids.id_columns import id_column, numbers_in
from catalog.ids.shop_id import id_number
from catalog.tree.answers import CategoryNames
from catalog.tree.small_leaves import small_leaves
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names

paths = st.sets(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=5).map(tuple), min_size=1, max_size=25)
counted = st.integers(0, 2**20).flatmap(
    lambda seed: paths.map(lambda some: (sorted(some), np.random.default_rng(seed).integers(0, 6, len(some))))
)


def slowly(given_paths, n_products, least):
    """The obvious version: as long as some node above Cat I has too few, all that counts there goes up by one."""
    at = dict(zip(given_paths, given_paths, strict=True))
    n = dict(zip(given_paths, n_products.tolist(), strict=True))
    while True:
        total = {node: sum(n[path] for path in at if at[path] == node) for node in at.values()}
        few = [node for node, products in total.items() if products < least and len(node) > 1]
        if not few:
            return {path: len(at[path]) for path in at}
        deepest = max(map(len, few))
        for path, node in list(at.items()):
            if node in few and len(node) == deepest:
                at[path] = node[:-1]


@settings(max_examples=200)
@given(counted, st.integers(1, 12))
def test_what_counts_as_what(case, least):
    given_paths, n_products = case
    tree = Taxonomy(list(enumerate(given_paths)))
    small = small_leaves(range(len(given_paths)), given_paths, n_products, least)
    expected = slowly(given_paths, n_products, least)
    assert {i: small.get(i, len(path)) for i, path in enumerate(given_paths)} == {
        i: expected[path] for i, path in enumerate(given_paths)
    }
    learnt = tree.counting(small)
    # every product has a leaf, the one of its node, and no node below Cat I has too few
    leaf = learnt.leaf_index(np.arange(len(given_paths)))
    assert [learnt.paths[i] for i in leaf] == [path[: expected[path]] for path in given_paths]
    total = np.bincount(leaf, n_products, len(learnt))
    assert all(n >= least for n, path in zip(total, learnt.paths, strict=True) if len(path) > 1)
    assert (np.bincount(leaf, minlength=len(learnt)) > 0).all()
    assert learnt.whole().fingerprint == tree.fingerprint
    assert (learnt.fingerprint == tree.fingerprint) == (not small)


SHOP = Taxonomy([
    (1, ("Food", "Tea", "Green")), (2, ("Food", "Tea", "Oolong")), (3, ("Food", "Tea", "White")),
    (4, ("Food", "Rice")), (5, ("Toys", "Cars")), (6, ("Food", "Rice", "Red")),
])  # fmt: skip
N = np.array([9, 1, 0, 7, 2, 1])
"""By category_id, from 1."""


def learnt(least: int = 3) -> Taxonomy:
    n_products = N[np.array(SHOP.shop_ids, np.int64) - 1]
    return SHOP.counting(small_leaves(SHOP.shop_ids, SHOP.paths, n_products, least))


def test_a_node_that_is_no_category_is_known_by_its_path():
    tree = learnt()
    assert dict(zip(tree.shop_ids, tree.paths, strict=True)) == {
        # one product of Tea alone: it goes on up, and Cat I stays
        "Food": ("Food",),
        1: ("Food", "Tea", "Green"),
        # a node that is a category has its id
        4: ("Food", "Rice"),
        "Toys": ("Toys",),
    }
    assert tree.small == {2: 1, 3: 1, 6: 2, 5: 1}
    assert [tree.paths[leaf] for leaf in tree.leaf_index([2, 3, 6, 5, 99])][:4] == [
        ("Food",), ("Food",), ("Food", "Rice"), ("Toys",)
    ]  # fmt: skip
    assert tree.leaf_index([99, "Food"]).tolist() == [-1, 0]
    assert learnt(0).fingerprint == SHOP.fingerprint


def test_the_file_keeps_the_whole_tree(tmp_path):
    tree = learnt()
    tree.save(tmp_path / "tree.csv")
    rows = list(csv.reader((tmp_path / "tree.csv").read_text().splitlines()))
    assert rows[0] == ["category_id", "category_level1", "category_level2", "category_level3", "counts_at_level"]
    assert ["2", "Food", "Tea", "Oolong", "1"] in rows
    assert ["1", "Food", "Tea", "Green", ""] in rows
    for again in (Taxonomy.load(tmp_path / "tree.csv"), Taxonomy.from_csv(tmp_path / "tree.csv")):
        assert again.fingerprint == tree.fingerprint
        assert again.leaf_index([1, 2, 3, 4, 5, 6]).tolist() == tree.leaf_index([1, 2, 3, 4, 5, 6]).tolist()
        assert again.whole().fingerprint == SHOP.fingerprint
    # undone, the file is what it was
    tree.whole().save(tmp_path / "whole.csv")
    SHOP.save(tmp_path / "before.csv")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()


@pytest.mark.parametrize("level", ["0", "3", "9", "x"])
def test_a_level_that_is_none_above_is_refused(tmp_path, level):
    (tmp_path / "t.csv").write_text(f"category_id,category_level1,category_level2,counts_at_level\n1,A,B,{level}\n")
    with pytest.raises(ValueError, match=r"t\.csv: category_id 1 has 2 names, and cannot count as its level"):
        Taxonomy.from_csv(tmp_path / "t.csv")


def test_names_in_other_languages_are_those_of_the_whole_tree(tmp_path):
    names = Names((Name(2, 0, "fr", "Oolong bleu"), Name(2, 2, "fr", "Thé"), Name(3, 1, "fr", "Aliments")))
    tree = learnt().with_names(names)
    tree.save(tmp_path / "tree.csv")
    shown = Taxonomy.load(tmp_path / "tree.csv", "fr")
    assert shown.shown == (("Aliments",), ("Aliments", "Rice"), ("Aliments", "Thé", "Green"), ("Toys",))
    assert shown.whole().shown[int(shown.whole().leaf_index(2))] == ("Aliments", "Thé", "Oolong bleu")
    assert tree.counting({}).names == tree.names


def test_people_may_answer_with_a_category_that_counts_as_another():
    known = CategoryNames(learnt())
    assert known.category_in("Oolong") == 2
    assert known.category_in("Food > Rice > Red") == 6
    assert known.category_in("Food") == id_number("Food")
    assert "Food > Tea is no category itself" in known.why_not("Tea")


def test_levels_may_have_names(tmp_path):
    tree = SHOP.with_level_names(["Department", "Aisle", "Shelf, or box"])
    assert tree.level_names == {1: "Department", 2: "Aisle", 3: "Shelf, or box"}
    assert tree.fingerprint == SHOP.fingerprint
    tree.save(tmp_path / "tree.csv")
    assert (
        (tmp_path / "tree.csv")
        .read_text()
        .startswith('category_id,category_level1: Department,category_level2: Aisle,"category_level3: Shelf, or box"\n')
    )
    for again in (Taxonomy.load(tmp_path / "tree.csv"), Taxonomy.from_csv(tmp_path / "tree.csv")):
        assert again.level_names == tree.level_names
        assert again.fingerprint == tree.fingerprint
        assert again.counting({2: 1}).level_names == tree.level_names
    assert SHOP.level_names[2] == "Cat II"
    assert Taxonomy.load(tmp_path / "tree.csv").in_language("en").level_names == tree.level_names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["A", "B"], "2 names of levels, and the tree has 3 levels"),
        (["A", "B", " "], "a level cannot be called ' '"),
        (["A", "B", "C\nD"], "a level cannot be called"),
        (["A", "B", "C" * 41], "a level cannot be called"),
        (["A", "B", "A"], "two levels are called 'A'"),
    ],
)
def test_names_of_levels_that_cannot_be_used(names, message):
    with pytest.raises(ValueError, match=message):
        SHOP.with_level_names(names)


@pytest.mark.parametrize(
    ("name", "own_id", "node_id"),
    [
        ("Food", "Cars", "Food"),
        ("Cars", "Cars", "Cars >"),
        ("Cars", "cars", "Cars"),
        ("2024", "x", 2024),
        ("2024", 2024, "2024 >"),
        ("Food ", "x", "Food"),
    ],
)
def test_a_node_without_an_id_has_its_path_as_it_is_read_again(name, own_id, node_id):
    """Whatever ids categories have: sheets and tables give the number back that stands for it."""
    tree = Taxonomy([(own_id, ("Toys", "Cars")), (1, (name, "Tea")), (2, (name, "Rice"))], {1: 1, 2: 1})
    assert set(tree.shop_ids) == {own_id, node_id}
    column = id_column(tree.leaf_ids, tree.ids)
    assert numbers_in(column).tolist() == tree.leaf_ids.tolist()
    assert [tree.paths[leaf] for leaf in tree.leaf_index([1, 2, node_id])] == [(name,)] * 3
