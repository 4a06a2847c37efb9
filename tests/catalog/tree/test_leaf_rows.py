"""The files that trees come in: levels, paths, parents, and Google's list."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ids.shop_id import MAX_LENGTH
from catalog.tree.category_names import category_names
from catalog.tree.taxonomy import Taxonomy
from tests.conftest import SHARED

names = st.text("ABcé &'-,;\"", min_size=1, max_size=6).map(str.strip).filter(bool)
paths = st.sets(st.lists(names, min_size=1, max_size=8).map(tuple), min_size=2, max_size=25).map(sorted)


def read(folder: Path, text: str) -> Taxonomy:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return Taxonomy.from_csv(folder / "t.csv")


def written(folder: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return folder / "t.csv"


@settings(max_examples=60)
@given(paths, st.sampled_from([">>", ">", "/", "|"]), st.sampled_from(["", " ", "  "]), st.booleans())
def test_a_path_in_a_cell_is_that_of_columns(tmp_path_factory, paths, separator, blank, as_list):
    folder = tmp_path_factory.mktemp("tree")
    # as many paths of two names as it takes for the separator to be in most cells
    leaves = list(enumerate([*paths, *((f"Shelf {i}", "Thing") for i in range(len(paths)))]))
    cells = [f"{blank}{separator}{blank}".join(path) for _, path in leaves]
    if as_list:
        cells = [json.dumps([cell]) for cell in cells]
    path = written(folder, ("category_path", "category_id"), [(c, i) for (i, _), c in zip(leaves, cells, strict=True)])
    assert Taxonomy.from_csv(path).fingerprint == Taxonomy(leaves).fingerprint


def test_where_most_paths_have_an_arrow_a_slash_belongs_to_names(tmp_path):
    (tmp_path / "t.csv").write_text(
        "category_id,category_path\n1,Home / Garden > Chairs\n2,Tea / Coffee > Green/Black\n3,Toys\n"
    )
    tree = Taxonomy.from_csv(tmp_path / "t.csv")
    assert tree.paths == (("Home / Garden", "Chairs"), ("Tea / Coffee", "Green/Black"), ("Toys",))


@pytest.mark.parametrize("name", ["Salt / Pepper", "TV/Video", "A|B", "3>>2", "either / or | both"])
def test_another_separator_in_a_name_does_no_harm(tmp_path, name):
    plain = "".join(f"{i},Food > Shelf {i}\n" for i in range(3, 9))
    tree = read(tmp_path, f"category_id,category_path\n1,Food > {name} > Fine\n2,{name}\n{plain}")
    assert tree.paths[int(tree.leaf_index(1))] == ("Food", name, "Fine")
    assert tree.paths[int(tree.leaf_index(2))] == (name,)
    assert tree.depth == 3


def test_paths_of_single_names_have_no_separator(tmp_path):
    tree = read(tmp_path, "category_id,category_path\n1,Food\n2, Toys \n")
    assert tree.paths == (("Food",), ("Toys",))
    # ends of a path may have one
    tree = read(tmp_path, "category_id,category_path\n1,/Food/Tea/\n2,/Toys\n")
    assert tree.paths == (("Food", "Tea"), ("Toys",))


def test_of_a_list_the_first_path_is_the_categorys(tmp_path, caplog):
    rows = [(1, '["Food >> Tea"]'), (2, "['Toys >> \"Go\"', 'Gifts >> Toys']"), (3, "[Sale] >> Tea")]
    tree = Taxonomy.from_csv(written(tmp_path, ("category_id", "category_path"), rows))
    assert [tree.paths[leaf] for leaf in tree.leaf_index([1, 2, 3])] == [
        ("Food", "Tea"), ("Toys", '"Go"'), ("[Sale]", "Tea")
    ]  # fmt: skip
    assert "1 cell of category_path list several paths: the first of each" in caplog.text
    path = written(tmp_path, ("category_id", "category_path"), [(1, '["Food", "Tea"]')])
    with pytest.raises(ValueError, match=r"may be the names of one path, or several paths: .* columns category_level1"):
        Taxonomy.from_csv(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "1,A | B/C\n2,A | D/E\n3,F\n",
            r"both '/' \(in 2 of 3 cells\) and '\|' \(in 2\) may separate .*category_level1",
        ),
        ("1,A > B\n2,A / D\n", "both '>' .* and '/' .* may separate"),
        ("1,A > B>>C\n2,A > D>>E\n3,A > F\n4,G\n", r"both '>' \(in 3 of 4 cells\) and '>>' \(in 2\) may separate"),
        ("1,A/B\n2,C\n3,D\n", "'/' is in 1 of 3 cells of category_path, too few to tell .* columns category_level1"),
        ("1,A > > B\n2,A > C\n", "line 2: leaf 1 has no name between two '>' in 'A > > B'"),
        ("1,>\n2,A > C\n", "line 2: leaf 1 has no name between two '>'"),
        ("1,\n2,A\n", "line 2: leaf 1 has no category_path"),
        ("1,[]\n2,A\n", "line 2: leaf 1 has no category_path"),
        ('1,"[""A"", [""B""]]"\n', "line 2: category_path begins as a list and cannot be read as one"),
        ('1,"[""A >> ""B"" C""]"\n', "line 2: category_path begins as a list and cannot be read as one"),
        (",A\n", "line 2: no category_id: it is empty"),
        (f"{'x' * (MAX_LENGTH + 1)},A\n", "line 2: no category_id: .* longer than the"),
        ("2.87E+18,A\n", "line 2: no category_id: '2.87E.18' is rounded"),
        ("1,A>B\n1,A>C\n", "category_id 1 stands twice"),
        (f"1,A>B\n2,{'A>' * 8}B\n", "line 3: category_path has 9 names, and trees have up to 8 levels"),
    ],
)
def test_faults_of_paths_are_named(tmp_path, rows, message):
    with pytest.raises(ValueError, match=rf"t\.csv(?s:.*){message}"):
        read(tmp_path, f"category_id,category_path\n{rows}")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("category_id,category_level1,category_path", "has the columns category_path and category_level1, and either"),
        ("category_id,name", r"lacks the column category_level1 \(or category_path, or parent_id and name\)"),
        ("category_path,id", "lacks the column category_id"),
        ("product_id,category_path,photo", "is a catalogue, not a category tree: .* Leave --tree away"),
        ("category_id,parent_id,title", "lacks the column name"),
        ("category_id,category_level1,category_level_1", "category_level1 and category_level_1 for one level"),
        # a name for each level down to it would fill the memory
        ("category_id,category_level1,category_level99999999999", "line 2: category_level99999999999 names a level"),
    ],
)
def test_columns_that_are_no_tree_or_two_are_named(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, f"{columns}\n1,A,A\n")


def test_levels_count_before_parents(tmp_path):
    tree = read(tmp_path, "category_id,parent_id,name,category_level1,category_level2\n1,9,x,A,B\n")
    assert tree.paths == (("A", "B"),)


@settings(max_examples=60)
@given(paths, st.sampled_from(["", "0"]), st.randoms(use_true_random=False))
def test_parents_give_the_paths(tmp_path_factory, paths, none, rng):
    nodes = sorted({path[:n] for path in paths for n in range(1, len(path) + 1)})
    id_of = {node: i for i, node in enumerate(nodes, start=1)}
    rows = [(i, id_of.get(node[:-1], none), node[-1]) for node, i in id_of.items()]
    rng.shuffle(rows)
    path = written(tmp_path_factory.mktemp("tree"), ("category_id", "parent_id", "name"), rows)
    assert Taxonomy.from_csv(path).fingerprint == Taxonomy([(i, node) for node, i in id_of.items()]).fingerprint


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,,A\n2,7,B\n", "line 3: parent_id 7 of category 2 is no category of this file"),
        ("1,2,A\n2,3,B\n3,1,C\n4,1,D\n", "lines 2, 3, 4: the categories 1, 2, 3 are each other's parents"),
        ("1,,A\n2,2,B\n", "line 3: category 2 is its own parent"),
        ("0,0,A\n", "line 2: category 0 is its own parent"),
        ("1,,A\n1,,B\n", "lines 2 and 3: category 1 stands twice"),
        ("1,,\n", "line 2: category 1 has no name"),
        (f"1,{'x' * (MAX_LENGTH + 1)},A\n", "line 2: no parent_id: .* longer than"),
        ("".join(f"{i},{i - 1},A\n" for i in range(1, 10)), "line 10: category 9 has 9 names, and trees have up to 8"),
    ],
)
def test_faults_of_parents_are_named(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message) as refused:
        read(tmp_path, f"category_id,parent_id,name\n{rows}")
    # a loop is told once, and what hangs on it not at all
    assert len(str(refused.value).splitlines()) <= 2


GOOGLE = "# Google_Product_Taxonomy_Version: 2021-09-21\n"


def google_paths(n: int) -> list[tuple[str, ...]]:
    """As many nodes as Google's list has, up to seven names deep, each below one that stands before it."""
    rng = np.random.default_rng(0)
    nodes: list[tuple[str, ...]] = [(f"Root {i}",) for i in range(21)]
    while len(nodes) < n:
        above = nodes[int(rng.integers(len(nodes)))]
        if len(above) < 7:
            nodes.append((*above, f"Name {len(nodes)} & more, of / all"))
    return nodes


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_googles_list_has_a_leaf_for_every_line(tmp_path, start, end):
    nodes = google_paths(5500)
    rows = [f"{i} - {' > '.join(node)}" for i, node in enumerate(nodes, start=1)]
    (tmp_path / "google.txt").write_bytes((start + GOOGLE + "\n".join(rows) + "\n").replace("\n", end).encode())
    tree = Taxonomy.from_csv(tmp_path / "google.txt")
    assert [tree.paths[leaf] for leaf in tree.leaf_index(range(1, len(nodes) + 1))] == nodes
    assert tree.depth == max(map(len, nodes))
    mass = np.random.default_rng(1).random((2, len(tree)))
    mass /= mass.sum(axis=1, keepdims=True)
    for level in tree.levels[1:]:
        above = np.zeros((2, tree.n_nodes(level - 1)))
        np.add.at(above, (slice(None), tree.parent(level)), tree.node_mass(mass, level))
        np.testing.assert_allclose(above, tree.node_mass(mass, level - 1))
    np.testing.assert_allclose(tree.node_mass(mass, 1).sum(axis=1), 1)


@settings(max_examples=40)
@given(paths)
def test_any_list_like_googles_is_read_back(tmp_path_factory, paths):
    path = tmp_path_factory.mktemp("tree") / "google.txt"
    # no name of Google's begins or ends with a blank
    path.write_text(GOOGLE + "".join(f"{i} - {' > '.join(p)}\n" for i, p in enumerate(paths)), encoding="utf-8")
    assert Taxonomy.from_csv(path).fingerprint == Taxonomy(list(enumerate(paths))).fingerprint


def test_faults_of_googles_list_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"2 lines are no categories(?s:.*)line 3: 'Animals > Cats'.* with ids"):
        read(tmp_path, GOOGLE + "1 - Animals\nAnimals > Cats\nAnimals > Dogs\n")
    (tmp_path / "t.csv").write_bytes((GOOGLE + "1 - Vêtements\n").encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        Taxonomy.from_csv(tmp_path / "t.csv")
    with pytest.raises(ValueError, match="line 2: category 1 has 9 names"):
        read(tmp_path, GOOGLE + "1 - A" + " > B" * 8)


@pytest.mark.parametrize(("name", "depth"), [("four.csv", 4), ("google.txt", 5), ("short.csv", 3)])
def test_real_files_of_other_depths(name, depth):
    case = SHARED / "cases" / "four-levels" / name
    if not case.is_file():
        pytest.skip(f"{case} is not there")
    assert Taxonomy.from_csv(case).depth == depth


def test_a_shelf_whose_name_has_our_separator_is_found():
    tree = Taxonomy([(1, ("Food > Drinks", "Tea")), (2, ("Food > Drinks", "Coffee > Beans")), (3, ("Food", "Bread"))])
    assert tree.leaf_ids[tree.leaves_below("Food > Drinks")].tolist() == [2, 1]
    assert tree.leaf_ids[tree.leaves_below("Food  >  Drinks > Tea")].tolist() == [1]
    assert tree.leaf_ids[tree.leaves_below("Food > Drinks > Coffee > Beans")].tolist() == [2]
    assert tree.leaf_ids[tree.leaves_below("Food")].tolist() == [3]
    with pytest.raises(KeyError):
        tree.leaves_below("Drinks")
    assert category_names(tree, ["Food > Drinks", "Toys", "Food > Bread"]) == ["Food > Drinks", "Food > Bread"]
    # two paths that read alike: the leaves below both
    twins = Taxonomy([(1, ("A > B", "C")), (2, ("A", "B")), (3, ("A", "D"))])
    assert sorted(twins.leaf_ids[twins.leaves_below("A > B")].tolist()) == [1, 2]
