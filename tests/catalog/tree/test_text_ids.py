"""Category ids that are texts: in every form of a tree's file, in names, in answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ids.shop_id import id_number, shop_id
from catalog.tree.answers import CategoryNames
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Names

IDS = st.text(st.sampled_from("CATé-07>/=+@ '\"<b.\N{COMBINING ACUTE ACCENT}"), min_size=1, max_size=8)
ids = st.lists(IDS.map(str.strip).filter(bool).map(shop_id), min_size=2, max_size=8, unique_by=id_number)


def read(folder: Path, text: str) -> Taxonomy:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return Taxonomy.from_csv(folder / "t.csv")


@settings(max_examples=60)
@given(ids)
def test_a_saved_tree_has_its_ids_to_the_letter(tmp_path_factory, category_ids):
    folder = tmp_path_factory.mktemp("tree")
    tree = Taxonomy([(one, ("A", f"B{i}")) for i, one in enumerate(category_ids)])
    tree.save(folder / "tree.csv")
    again = Taxonomy.load(folder / "tree.csv")
    assert (again.fingerprint, again.shop_ids) == (tree.fingerprint, tree.shop_ids)
    assert set(again.shop_ids) == set(category_ids)
    assert again.leaf_index(list(again.shop_ids)).tolist() == list(range(len(again)))
    known = CategoryNames(again)
    for one in again.shop_ids:
        # whatever else is called so
        assert known.category_in(f" {one} ") == id_number(one)


@pytest.mark.parametrize(
    "text",
    [
        "category_id,category_level1,category_level2\nCAT-7,Food,Tea\n007,Food,Rice\n7,Toys,\n",
        "category_id,category_path\nCAT-7,Food > Tea\n007,Food > Rice\n7,Toys\n",
        "category_id,parent_id,name\nfood,,Food\nCAT-7,food,Tea\n007,food,Rice\n7,,Toys\n",
        "# Google_Product_Taxonomy\nCAT-7 - Food > Tea\n007 - Food > Rice\n7 - Toys\n",
    ],
)
def test_every_form_of_a_file_has_text_ids(tmp_path, text):
    tree = read(tmp_path, text)
    assert [tree.paths[leaf] for leaf in tree.leaf_index(["CAT-7", "007", 7])] == [
        ("Food", "Tea"), ("Food", "Rice"), ("Toys",)
    ]  # fmt: skip
    # leading zeros are kept, and are another category's
    assert {"CAT-7", "007", 7} <= set(tree.shop_ids)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,c,A\nb,a,B\nc,b,C\nd,a,D\n", "lines 2, 4, 3: the categories a, c, b are each other's parents"),
        ("a,,A\nb,b,B\n", "line 3: category b is its own parent"),
        ("a,,A\na,,B\n", "lines 2 and 3: category a stands twice"),
        # one id in two Unicode forms
        ("é,,A\ne\u0301,,B\n", "lines 2 and 3: category e\u0301 stands twice"),
        ("a,,A\nb,z,B\n", "line 3: parent_id z of category b is no category of this file"),
        ("a,,A\n007,7,B\n", "line 3: parent_id 7 of category 007 is no category of this file"),
    ],
)
def test_faults_of_parents_are_named(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, f"category_id,parent_id,name\n{rows}")


def test_a_parent_may_be_named_in_another_unicode_form(tmp_path):
    tree = read(tmp_path, "category_id,parent_id,name\né,,A\nb,e\u0301,B\n")
    assert tree.paths[int(tree.leaf_index("b"))] == ("A", "B")


def test_a_repeated_text_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"t\.csv: category_id CAT-7 stands twice"):
        read(tmp_path, "category_id,category_path\nCAT-7,A > B\nCAT-7,A > C\n")


def test_ids_that_are_alike_are_told_once(tmp_path, caplog):
    tree = read(tmp_path, "category_id,category_path\nCAT 7,A > B\ncat7,A > C\nCat-7,A > D\n007,E\n7,F\n")
    assert len(tree) == 5
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/t.csv: the ids 'CAT 7' and 'cat7', '007' and 7 differ only in case, blanks or leading zeros, "
        "and are taken for different categories: if they are one, write them alike"
    ]
    caplog.clear()
    tree.save(tmp_path / "tree.csv")
    Taxonomy.load(tmp_path / "tree.csv")
    assert not caplog.records


def test_line_breaks_in_names_are_blanks_and_told(tmp_path, caplog):
    tree = read(tmp_path, 'category_id,category_level1,category_level2\n1,"Home\nGarden",Ch\x07airs\n2,Toys,Cars\n')
    assert tree.paths[0] == ("Home Garden", "Ch airs")
    assert (
        "names of 1 category have line breaks or other control characters, which are read as blanks: 1 (Ch airs)"
        in (caplog.text)
    )
    with pytest.raises(ValueError, match="leaf 1 has a name of control characters alone"):
        read(tmp_path, "category_id,category_level1\n1,\x07\n2,A\n")


def test_names_are_given_by_text_ids(tmp_path):
    tree = read(tmp_path, "category_id,category_path\nCAT-7,Food > Tea\n007,Food > Rice\n")
    (tmp_path / "n.csv").write_text("category_id,level,lang,name\nCAT-7,,fr,Thé\n007,1,fr,Aliments\n")
    named = tree.with_names(Names.from_csv(tmp_path / "n.csv"))
    named.save(tmp_path / "tree.csv")
    assert sorted(Taxonomy.load(tmp_path / "tree.csv", "fr").shown) == [("Aliments", "Rice"), ("Aliments", "Thé")]
    assert '"007"' not in (tmp_path / "names.csv").read_text()


SHOP = Taxonomy([
    ("CAT-7", ("Food", "Tea")), ("tea", ("Toys", "Cars")), ("007", ("Food", "CAT-7")), ("Ab", ("Food", "Rice")),
    ("aB", ("Food", "Oil")), ("A > B", ("Food", "Salt / Pepper")),
])  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        # an id before a name
        ("CAT-7", "CAT-7"),
        ("tea", "tea"),
        # a name before an id in another spelling
        ("Tea", "CAT-7"),
        ("TEA", "CAT-7"),
        ("cat-7", "007"),
        ("'007", "007"),
        ("A > B", "A > B"),
        ("a > b", "A > B"),
        ("Food > Salt / Pepper", "A > B"),
        ("Ab", "Ab"),
    ],
)
def test_how_a_category_with_a_text_id_may_be_written(cell, meant):
    assert CategoryNames(SHOP).category_in(cell) == id_number(meant)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("AB", "'AB' may be 'aB', 'Ab': write one to the letter"),
        ("Food", "Food is no category itself: write the one meant of those below it, Food > CAT-7 (007)"),
        ("Te", "the nearest is Food > Tea (CAT-7)"),
        ("CAT-99", "is neither a category_id nor what a category"),
    ],
)
def test_why_an_answer_is_no_category_names_the_shops_ids(cell, words):
    known = CategoryNames(SHOP)
    assert known.category_in(cell) is None
    assert words in known.why_not(cell), known.why_not(cell)
    assert not any(str(number) in known.why_not(cell) for number in SHOP.leaf_ids)
