"""The tree: ids and paths, never names."""

from __future__ import annotations

import csv
import io
import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ids.shop_id import MAX_LENGTH
from catalog.tree.taxonomy import Taxonomy
from rayonnage.demo.categories import LEAVES

names = st.sampled_from(["A", "B", "C", "É"])


def of_paths(paths: set[tuple[str, ...]]) -> Taxonomy:
    return Taxonomy(list(enumerate(sorted(paths, reverse=True), start=100)))


def even(depth: int) -> st.SearchStrategy[Taxonomy]:
    return st.sets(st.tuples(*[names] * depth), min_size=1, max_size=30).map(of_paths)


ragged = st.sets(st.lists(names, min_size=1, max_size=5).map(tuple), min_size=1, max_size=30).map(of_paths)
"""Also nodes that are leaves and have children."""
trees = even(1) | even(2) | even(3) | even(5) | ragged


def nodes_above(path: tuple[str, ...], depth: int) -> list[tuple[str, ...]]:
    """The slow, obvious version: a leaf further up goes down to the last level alone."""
    padded = (*path, *["(itself)"] * (depth - len(path)))
    return [padded[:level] for level in range(1, depth + 1)]


def test_homonyms_are_kept_apart(tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    jazz = tree.leaf_index([21, 22])
    assert jazz[0] != jazz[1]
    assert tree.paths[jazz[0]] == ("MUSIQUE", "CD", "JAZZ")
    assert tree.leaf_index([[99, 31]]).tolist() == [[-1, tree.leaf_index(31)]]
    assert [tree.n_nodes(level) for level in tree.levels] == [3, 6, 8]


@settings(max_examples=100)
@given(trees, st.integers(0, 10**6))
def test_structure_equals_the_obvious_version(tree, seed):
    rng = np.random.default_rng(seed)
    mass = rng.random((3, len(tree)))
    assert tree.leaf_index(tree.leaf_ids).tolist() == list(range(len(tree)))
    assert tree.levels == tuple(range(1, max(map(len, tree.paths)) + 1))
    above = [nodes_above(path, tree.depth) for path in tree.paths]
    for level in tree.levels:
        nodes = list(dict.fromkeys(nodes[level - 1] for nodes in above))
        assert tree.n_nodes(level) == len(nodes)
        for node, path in enumerate(nodes):
            below = [i for i, nodes in enumerate(above) if nodes[level - 1] == path]
            assert below == list(range(below[0], below[-1] + 1))
            assert tree.node_path(level, node) == tuple(name for name in path if name != "(itself)")
            assert (tree.ancestor(level)[below] == node).all()
            np.testing.assert_allclose(tree.node_mass(mass, level)[:, node], mass[:, below].sum(axis=1))
            if level > 1:
                parents = list(dict.fromkeys(nodes[level - 2] for nodes in above))
                assert parents[tree.parent(level)[node]] == path[:-1]
    a, b = rng.integers(0, len(tree), (2, 20))
    different = [sum(x != y for x, y in zip(above[i], above[j], strict=True)) for i, j in zip(a, b, strict=True)]
    assert tree.distance(a, b).tolist() == different


def test_shelves_are_exact_paths(tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    assert [tree.leaf_ids[i] for i in tree.leaves_below("MUSIQUE > CD")] == [21]
    assert len(tree.leaves_below("LIBRAIRIE")) == 3
    with pytest.raises(KeyError):
        tree.leaves_below("JAZZ")


def test_csv_round_trip_bom_and_column_order(tree_csv, tmp_path):
    tree = Taxonomy.from_csv(tree_csv)
    tree.to_csv(tmp_path / "again.csv")
    assert Taxonomy.from_csv(tmp_path / "again.csv").fingerprint == tree.fingerprint
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + tree_csv.read_bytes())
    assert Taxonomy.from_csv(tmp_path / "bom.csv").fingerprint == tree.fingerprint
    turned = [",".join(reversed(line.split(","))) for line in tree_csv.read_text().splitlines()]
    (tmp_path / "turned.csv").write_text("\n".join(turned))
    assert Taxonomy.from_csv(tmp_path / "turned.csv").fingerprint == tree.fingerprint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("41,CUISINE,,FOUET", r"line 10: leaf 41 has no category_level2"),
        (",CUISINE,A,FOUET", r"line 10: no category_id: it is empty"),
        ("31,CUISINE,A,FOUET", r"category_id 31 stands twice"),
    ],
)
def test_bad_lines_are_named(tree_csv, line, message):
    tree_csv.write_text(tree_csv.read_text() + line + "\n")
    with pytest.raises(ValueError, match=message):
        Taxonomy.from_csv(tree_csv)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="--tree"):
        Taxonomy.from_csv(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_text("id,level1\n1,A\n")
    with pytest.raises(ValueError, match="lacks the column category_id"):
        Taxonomy.from_csv(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes("category_id,category_level1\n1,ÉTÉ".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        Taxonomy.from_csv(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("category_id,category_level1,category_level2,category_level3\n")
    with pytest.raises(ValueError, match="no leaf"):
        Taxonomy.from_csv(tmp_path / "c.csv")


def test_cdiscounts_own_tree(shared_data):
    tree = Taxonomy.from_csv(shared_data / "cdiscount" / "category_names.csv")
    assert [tree.n_nodes(level) for level in tree.levels] == [49, 486, 5270]
    assert len({path[1] for path in tree.paths}) == 483
    assert len({path[2] for path in tree.paths}) == 5263
    assert "INSTRUMENTS DE MUSIQUE" not in {tree.paths[i][0] for i in tree.leaves_below("MUSIQUE")}


@settings(max_examples=60)
@given(trees)
def test_first_leaf_parent_and_shelves_agree(tree):
    for level in tree.levels:
        first = tree.first_leaf(level)
        assert tree.ancestor(level)[first].tolist() == list(range(tree.n_nodes(level)))
        assert len(tree.parent(level)) == tree.n_nodes(level)
        for node in range(tree.n_nodes(level)):
            path = tree.node_path(level, node)
            if len(path) == level:
                below = tree.leaves_below(" > ".join(path))
                assert below[0] == first[node]
                assert below.tolist() == np.flatnonzero(tree.ancestor(level) == node).tolist()
    assert tree.parent(1).tolist() == [0] * tree.n_nodes(1)


def test_unknown_ids_and_every_shape(tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    assert tree.leaf_index([]).shape == (0,)
    assert tree.leaf_index([-1, 0, 10**15]).tolist() == [-1, -1, -1]
    assert tree.leaf_index(33).shape == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x\x07y,CUISINE,A,FOUET", r"line 10: no category_id: 'x\\x07y' has control characters"),
        (f"{10**MAX_LENGTH},CUISINE,A,FOUET", "line 10: no category_id: '1000.* is longer than the"),
        ("41,  ,A,FOUET", "line 10: leaf 41 has no category_level1"),
        ("41", "line 10: leaf 41 has no category_level1"),
    ],
)
def test_odd_lines_are_named_too(tree_csv, line, message):
    tree_csv.write_text(tree_csv.read_text() + line + "\n")
    with pytest.raises(ValueError, match=message):
        Taxonomy.from_csv(tree_csv)


def test_a_file_that_is_no_csv_is_named(tmp_path):
    (tmp_path / "long.csv").write_text("x" * 200_000)
    with pytest.raises(ValueError, match=r"long.csv"):
        Taxonomy.from_csv(tmp_path / "long.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="lacks the column category_id"):
        Taxonomy.from_csv(tmp_path / "empty.csv")


def test_leaves_of_one_path_are_told_apart_by_id():
    tree = Taxonomy([(5, ("A", "B", "C")), (3, ("A", "B", "C"))])
    assert tree.n_nodes(3) == 2
    assert tree.leaf_index([3, 5]).tolist() == [0, 1]
    assert tree.distance(np.array([0]), np.array([1])).tolist() == [1]


# names that differ by nothing but blanks or case stay apart; letters that Unicode writes in two ways do not
texts = st.text(st.sampled_from("ABé ô\u0301\u0327'\",;\t\n\r’œﬁ中"), min_size=1, max_size=5).filter(str.strip)
ids = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.slow
@settings(max_examples=150)
@given(
    st.dictionaries(ids, st.tuples(texts, texts, texts), min_size=1, max_size=12),
    st.sampled_from(",;\t"),
    st.permutations(["category_id", "category_level1", "category_level2", "category_level3", "note"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.randoms(use_true_random=False),
)
def test_a_csv_in_any_shape_gives_the_tree(tmp_path_factory, leaves, separator, columns, mark, line_end, rng):
    folder = tmp_path_factory.mktemp("tree")
    keys = ("category_id", "category_level1", "category_level2", "category_level3", "note")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    rows = [dict(zip(keys, (leaf, *path, "a;b,c"), strict=True)) for leaf, path in leaves.items()]
    rng.shuffle(rows)
    writer.writerows(rows)
    (folder / "t.csv").write_bytes(text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    found = Taxonomy.from_csv(folder / "t.csv")
    # what breaks a line is a blank
    leaves = {leaf: tuple(re.sub("[\\t\\n\\r]", " ", name) for name in path) for leaf, path in leaves.items()}
    tree = Taxonomy(list(leaves.items()))
    assert (found.fingerprint, found.paths) == (tree.fingerprint, tree.paths)
    found.to_csv(folder / "again.csv")
    assert Taxonomy.from_csv(folder / "again.csv").fingerprint == tree.fingerprint
    # the obvious version: a node is its composed path, and each leaf keeps its letters up to composition
    composed = {leaf: tuple(nfc(name) for name in path) for leaf, path in leaves.items()}
    for level in (1, 2):
        assert tree.n_nodes(level) == len({path[:level] for path in composed.values()})
    for leaf, path in zip(tree.leaf_ids.tolist(), tree.paths, strict=True):
        assert tuple(nfc(name) for name in path) == composed[leaf]
        assert tree.leaf_ids[tree.leaves_below(" > ".join(path))].tolist().count(leaf) == (">" not in "".join(path))


def nfc(text):
    return unicodedata.normalize("NFC", text)


def test_a_name_in_two_unicode_forms_is_one_node_in_whatever_order():
    split = unicodedata.normalize("NFD", "ÉTÉ")
    leaves = [(1, ("ÉTÉ", "A", "X")), (2, (split, "A", "Y")), (3, (split, "A", "Z")), (4, ("ÉTÉ ", "A", "X"))]
    trees = []
    for seed in range(6):
        random.Random(seed).shuffle(leaves)
        trees.append(Taxonomy(leaves))
    assert len({tree.fingerprint for tree in trees}) == 1
    assert [trees[0].n_nodes(level) for level in trees[0].levels] == [2, 2, 4]
    assert trees[0].paths[int(trees[0].leaf_index(2))] == ("ÉTÉ", "A", "Y")
    # a shelf of the configuration may be written in either form
    assert trees[0].leaves_below("ÉTÉ").tolist() == trees[0].leaves_below(split).tolist()
    # a tree in one form keeps it to the letter
    assert Taxonomy([(2, (split, "A", "Y"))]).paths == ((split, "A", "Y"),)


def test_fingerprints_are_those_of_older_workspaces(shared_data):
    """Runs, plans and saved probabilities hold them: they must never change."""
    known = {"cdiscount": "291e6319ef80b5ded326059cb7c984b6", "shelf": "b55d6ab531c8adfb5ef2765bcb39893a"}
    for name, fingerprint in known.items():
        assert Taxonomy.from_csv(shared_data / name / "category_names.csv").fingerprint == fingerprint


def test_the_demos_fingerprint_is_that_of_older_workspaces():
    tree = Taxonomy([(leaf.category_id, leaf.path) for leaf in LEAVES])
    assert tree.fingerprint == "d737d96666392ac13182d457b5c81418"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_other_encodings_are_refused_with_the_way_out(tmp_path, encoding):
    header = "category_id,category_level1,category_level2,category_level3\n"
    (tmp_path / "t.csv").write_bytes((header + "1,ÉTÉ,B,C\n").encode(encoding))
    with pytest.raises(ValueError, match=r"t.csv is not UTF-8 text(?s:.*)CSV UTF-8(?s:.*)iconv -f"):
        Taxonomy.from_csv(tmp_path / "t.csv")


def test_homonyms_of_cdiscount_that_blanks_alone_tell_apart_stay_apart(tmp_path):
    tree = Taxonomy([(1, ("A", "B ", "C")), (2, ("A", "B", "C")), (3, ("A", "B", "C "))])
    tree.to_csv(tmp_path / "t.csv")
    again = Taxonomy.from_csv(tmp_path / "t.csv")
    assert [again.n_nodes(level) for level in tree.levels] == [1, 2, 3]
    assert again.fingerprint == tree.fingerprint


RAGGED = "category_id,category_level1,category_level2,category_level3,category_level4\n1,A,B,C,D\n2,A,B,,\n3,E,,,\n"


def test_a_leaf_may_stand_further_up_and_have_leaves_below_it(tmp_path):
    (tmp_path / "t.csv").write_text(RAGGED)
    tree = Taxonomy.from_csv(tmp_path / "t.csv")
    assert tree.paths == (("A", "B"), ("A", "B", "C", "D"), ("E",))
    assert [tree.n_nodes(level) for level in tree.levels] == [2, 2, 3, 3]
    tree.to_csv(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == RAGGED.replace("1,A,B,C,D\n2,A,B,,\n", "2,A,B,,\n1,A,B,C,D\n")


def test_a_level_may_not_be_left_out_nor_be_a_ninth(tmp_path):
    (tmp_path / "t.csv").write_text(RAGGED + "4,A,,C,\n")
    with pytest.raises(ValueError, match="line 5: leaf 4 has no category_level2, but a level below it"):
        Taxonomy.from_csv(tmp_path / "t.csv")
    columns = ",".join(f"category_level{level}" for level in range(1, 10))
    (tmp_path / "t.csv").write_text(f"category_id,{columns}\n1,{'A,' * 8}B\n")
    with pytest.raises(ValueError, match="line 2: category_level9 names a level too many, and trees have up to 8"):
        Taxonomy.from_csv(tmp_path / "t.csv")
    with pytest.raises(ValueError, match="category_id 5 has a path of 0 names"):
        Taxonomy([(5, ())])
