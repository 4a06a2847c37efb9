"""`catalog diff` against dictionaries and sets, and what it says of trees."""

from __future__ import annotations

import csv
import json
import unicodedata
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names
from curation.cli import main
from curation.diff.difference import CatalogDifference
from curation.diff.rows import rows_of
from curation.diff.trees import NO_LEVEL, SAME_PATH, TreeChanges, first_difference, moved_level
from tests.support.command_line import output_of
from tests.support.products import TREE, make_product
from tests.support.trees import TREES

BIG = 2**52
CATEGORIES = [None, 11, 12, 13, 21, 22, 31, 4711]
PRODUCTS = st.dictionaries(
    st.integers(0, 25).map(lambda i: BIG + i),
    st.tuples(st.sampled_from(CATEGORIES), st.lists(st.integers(0, 3), max_size=4)),
    min_size=1,
)


call = partial(output_of, main)


def document(i: int, category: int | None, photos: list[int]) -> dict:
    label = {} if category is None else {"category_id": category}
    return {"_id": i, **label, "imgs": [{"picture": b"photo %d" % p} for p in photos]}


def slow_changes(old: dict, new: dict) -> dict[str, list[int]]:
    """Ids by kind of change, one product after the other."""
    found = {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "moved": [], "labelled": [], "label removed": [], "photos changed": [], "photos reordered": [],
    }  # fmt: skip
    for i in sorted(old.keys() & new.keys()):
        (was, before), (now, after) = old[i], new[i]
        if was != now:
            found["labelled" if was is None else "label removed" if now is None else "moved"].append(i)
        if before != after:
            found["photos reordered" if sorted(before) == sorted(after) else "photos changed"].append(i)
    return found


@pytest.mark.slow
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PRODUCTS, PRODUCTS, st.randoms(use_true_random=False))
def test_against_dictionaries(write_bson, tree_csv, tmp_path, old, new, random):
    def written(products: dict, name: str) -> Catalog:
        rows = list(products.items())
        random.shuffle(rows)
        return Catalog(write_bson(*[document(i, *own) for i, own in rows], name=name))

    before, after = written(old, "old.bson"), written(new, "new.bson")
    difference = CatalogDifference.between(before, after, Taxonomy.from_csv(tree_csv))
    wanted = slow_changes(old, new)
    unchanged = len((old.keys() & new.keys()) - {i for ids in wanted.values() for i in ids})
    assert difference.counts() == {**{k: len(v) for k, v in wanted.items()}, "unchanged": unchanged}
    rows = list(rows_of(difference))
    assert {k: [r[0] for r in rows if r[1] == k] for k in wanted} == wanted
    for row in rows:
        if row[1] == "moved":
            assert (row[3], row[6]) == (old[row[0]][0], new[row[0]][0])
            assert (row[5], row[8]) == (len(old[row[0]][1]), len(new[row[0]][1]))
    moves = difference.moves()
    assert sum(move["products"] for move in moves) == len(wanted["moved"])
    assert all(len(move["first"]) == min(3, move["products"]) for move in moves)
    json.dumps(difference.to_json())
    assert str(difference)


def tree(*rows: tuple[int, str, str, str]) -> Taxonomy:
    return Taxonomy([(i, (a, b, c)) for i, a, b, c in rows])


def test_a_move_is_measured_where_both_categories_stand():
    old = tree((1, "A", "B", "C"), (2, "A", "B", "D"), (3, "A", "E", "F"), (4, "G", "H", "I"), (5, "J", "K", "L"))
    # A is called Z now: a move from 1 to 2 still does not leave it
    kept = ((1, "Z", "B", "C"), (2, "Z", "B", "D"), (3, "Z", "E", "F"))
    new = tree(*kept, (4, "G", "H", "I"), (6, "Z", "B", "N"), (7, "J", "K", "L"))
    a, b = np.array([1, 1, 1, 1, 5, 2, 5, 1]), np.array([2, 3, 4, 6, 1, 6, 7, 99])
    assert moved_level(a, b, old, new).tolist() == [3, 2, 1, 3, 1, 3, SAME_PATH, NO_LEVEL]
    assert moved_level(a, b, None, None).tolist() == [NO_LEVEL] * 8


def test_trees_are_compared_by_id_then_by_path():
    cafe = unicodedata.normalize("NFD", "CAFÉ")
    old = tree(
        (1, "A", "B", "C"), (2, "A", "B", "CAFÉ"), (3, "A", "X", "F"), (4, "G", "H", "I"), (2**60, "J", "K", "L")
    )
    new = tree(
        (1, "A", "B", "C"), (2, "A", "B", cafe), (3, "A", "Y", "F"), (9, "G", "H", "I"), (2**60 + 1, "J", "K", "M")
    )
    found = TreeChanges.between(old, new)
    assert found.renamed == ((3, "A > X > F", "A > Y > F", 2),)
    assert found.renumbered == ((4, 9, "G > H > I"),)
    assert found.removed == ((2**60, "J > K > L"),)
    assert found.added == ((2**60 + 1, "J > K > M"),)
    assert found.nodes == {"Cat I": {"added": [], "removed": []}, "Cat II": {"added": ["A > Y"], "removed": ["A > X"]}}
    same = TreeChanges.between(old, old)
    assert not any((same.added, same.removed, same.renamed, same.renumbered))


def test_what_changed_is_seen_in_any_language():
    names = Names((Name(1, 1, "en", "Books"), Name(2, 3, "en", "Novels"), Name(5, 3, "en", "Novels")))
    old = tree((1, "LIVRES", "B", "C"), (2, "LIVRES", "B", "ROMAN"), (3, "M", "CD", "POP"), (4, "M", "CD", "ROCK"))
    new = tree(
        (1, "BOUQUINS", "B", "C"), (5, "BOUQUINS", "B", "ROMANS"), (3, "M", "CD", "POPS"), (4, "M", "CD", "ROCK")
    )
    found = TreeChanges.between(old.with_names(names).in_language("en"), new.with_names(names).in_language("en"))
    # one translation for both would say "Books -> Books"
    assert found.renamed == ((1, "LIVRES > B > C", "BOUQUINS > B > C", 1), (3, "M > CD > POP", "M > CD > POPS", 3))
    assert found.removed == ((2, "LIVRES > B > ROMAN"),)
    assert found.added == ((5, "BOUQUINS > B > ROMANS"),)
    assert found.nodes == {
        "Cat I": {"added": ["BOUQUINS"], "removed": ["LIVRES"]},
        "Cat II": {"added": ["BOUQUINS > B"], "removed": ["LIVRES > B"]},
    }
    # where the names shown tell the change, they do
    other = tree((1, "GARDEN", "B", "C"), (2, "GARDEN", "B", "ROMAN"))
    told = TreeChanges.between(old.with_names(names).in_language("en"), other)
    assert told.renamed[0] == (1, "Books > B > C", "GARDEN > B > C", 1)
    assert told.nodes["Cat I"] == {"added": ["GARDEN"], "removed": ["Books", "M"]}


def test_the_command_counts_names_and_writes_every_change(write_bson, tree_csv, tmp_path):
    old = write_bson(*[make_product(BIG + i, 11 if i < 6 else 21, 2) for i in range(10)], name="old.bson")
    changed = [make_product(BIG + i, 11 if i < 6 else 21, 2) for i in range(1, 12)]
    changed[0]["category_id"] = 12
    changed[1]["category_id"] = 31
    changed[2]["imgs"].reverse()
    changed[3]["imgs"].pop()
    new = write_bson(*changed, name="new.bson")
    new_tree = tmp_path / "new.csv"
    new_tree.write_text(TREE.replace("12,LIBRAIRIE,LITTERATURE,POESIE", "12,LIBRAIRIE,LITTERATURE,POEMES"))
    folder = tmp_path / "out"
    arguments = ("diff", old, new, "--tree", tree_csv, "--new-tree", new_tree, "--output", folder)
    said = call(*arguments)
    rows = {" ".join(line.split()) for line in said.splitlines()}
    assert f"added 2 {BIG + 10}, {BIG + 11}" in rows
    assert f"removed 1 {BIG}" in rows
    assert "moved: Cat I 1, Cat III 1" in rows
    assert f"1 LIBRAIRIE > LITTERATURE > ROMAN -> LIBRAIRIE > LITTERATURE > POEMES ({BIG + 1})" in rows
    assert {f"photos changed 1 {BIG + 4}", f"photos reordered 1 {BIG + 3}", "unchanged 5"} <= rows
    assert "renamed 12 LIBRAIRIE > LITTERATURE > POESIE -> LIBRAIRIE > LITTERATURE > POEMES" in rows
    with (folder / "diff.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [(int(r["product_id"]) - BIG, r["change"], r["level"]) for r in table] == [
        (10, "added", ""), (11, "added", ""), (0, "removed", ""), (1, "moved", "Cat III"), (2, "moved", "Cat I"),
        (4, "photos changed", ""), (3, "photos reordered", ""),
    ]  # fmt: skip
    assert table[3]["new_path"] == "LIBRAIRIE > LITTERATURE > POEMES"
    numbers = json.loads((folder / "diff.json").read_text(encoding="utf-8"))
    assert numbers["products"]["moved"] == 2
    assert numbers["old"]["fingerprint"] == Catalog(old).fingerprint
    assert "exists already" in call(*arguments, code=1)
    call(*arguments, "--overwrite")


def test_what_is_said_of_names_is_said_once_for_both_trees(write_bson, tree_csv, tmp_path):
    shop, other, names = write_bson(document(1, 11, [1])), tmp_path / "other.csv", tmp_path / "names.csv"
    other.write_text(TREE.replace("LIBRAIRIE", "LIVRES"))
    names.write_text("category_id,lang,level,name\n11,en,1,Books\n")
    said = call("diff", shop, shop, "--tree", tree_csv, "--new-tree", other, "--names", names)
    assert said.count("names in en: --lang shows them") == 1
    assert "LIBRAIRIE" in said
    assert "LIVRES" in said


def test_a_spreadsheet_finds_no_formula_in_the_changes_and_the_accents_whole(write_bson, tmp_path):
    tree_csv, folder = tmp_path / "tree.csv", tmp_path / "out"
    tree_csv.write_text(f"{TREE.splitlines()[0]}\n1,=1+1,B,C\n2,ÉTÉ,B,C\n", encoding="utf-8")
    old, new = (write_bson(make_product(1, leaf), name=f"{leaf}.bson") for leaf in (1, 2))
    call("diff", old, new, "--tree", tree_csv, "--output", folder)
    written = (folder / "diff.csv").read_bytes()
    assert written.startswith("\ufeff".encode())
    assert written.decode("utf-8-sig").splitlines()[1] == "1,moved,Cat I,1,'=1+1 > B > C,1,2,ÉTÉ > B > C,1"


def test_wrong_calls_get_one_plain_message(write_bson, tmp_path):
    some = write_bson(make_product(1, 11))
    assert "none.bson does not exist" in call("diff", some, tmp_path / "none.bson", code=1)
    assert "none.csv does not exist" in call("diff", some, some, "--new-tree", Path("none.csv"), code=1)
    assert "unchanged" in call("diff", some, some)


@pytest.mark.parametrize("option", ["--tree", "--new-tree"])
def test_one_tree_serves_both(write_bson, tree_csv, option):
    old = write_bson(make_product(1, 11), name="old.bson")
    new = write_bson(make_product(1, 22), name="new.bson")
    assert "LIBRAIRIE > LITTERATURE > ROMAN -> MUSIQUE > VINYLE > JAZZ" in call("diff", old, new, option, tree_csv)


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: f"{tree.depth} levels")
def test_names_and_leaves_part_at_the_same_level(tree):
    pairs = [(a, b) for a in range(len(tree)) for b in range(len(tree)) if a != b]
    a, b = np.array(pairs).T
    by_name = [first_difference(tree.paths[i], tree.paths[j]) for i, j in pairs]
    assert moved_level(tree.leaf_ids[a], tree.leaf_ids[b], tree, None).tolist() == by_name
    assert set(by_name) <= set(tree.levels)
    assert first_difference(tree.paths[0], tree.paths[0]) == SAME_PATH
