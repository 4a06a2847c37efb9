"""Names in other languages: shown, never identity; contradictions named; the shipped ones complete."""

from __future__ import annotations

import csv
import logging
import unicodedata
from collections import Counter
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import SHIPPED, Name, Names, shipped
from rayonnage.demo.categories import LEAVES
from rayonnage.demo.sample import ENGLISH_NAMES

ACRONYMS = {"CD", "DVD", "UMD", "GPS"}
letters = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6).filter(str.strip)


@pytest.fixture
def tree(tree_csv):
    return Taxonomy.from_csv(tree_csv)


def named(tree, *rows):
    return tree.with_names(Names(tuple(Name(*row) for row in rows), "n.csv"))


def write(folder, text, **more):
    path = folder / "names.csv"
    path.write_text(text, encoding="utf-8", **more)
    return path


def test_names_are_shown_and_nothing_else_changes(tree):
    both = named(
        tree, (11, 1, "en", "Books"), (12, 2, "en", "Literature"), (11, 3, "en", "Novels"), (31, 1, "de", "Küche")
    )
    english = both.in_language("en")
    novel, poem = tree.leaf_index([11, 12])
    assert english.shown[novel] == ("Books", "Literature", "Novels")
    assert english.shown[poem] == ("Books", "Literature", "POESIE")
    assert english.shown_path(2, int(tree.ancestor(2)[poem])) == ("Books", "Literature")
    assert english.shown[tree.leaf_index(31)] == ("CUISINE", "TASSES", "MUG")
    assert english.lang == "en"
    assert english.shown_fingerprint not in ("", english.fingerprint)
    assert (tree.shown_fingerprint, both.shown_fingerprint) == ("", "")
    assert (english.paths, english.fingerprint) == (tree.paths, tree.fingerprint)
    assert english.node_path(1, 0) == tree.node_path(1, 0)
    assert english.leaves_below("LIBRAIRIE").tolist() == tree.leaves_below("LIBRAIRIE").tolist()
    # a display name is no shelf: what is read must not depend on the language
    with pytest.raises(KeyError):
        english.leaves_below("Books")
    assert english.in_language("DE ").shown[tree.leaf_index(31)][0] == "Küche"
    assert (tree.shown, both.shown, both.in_language(None).shown) == (tree.paths,) * 3


def test_a_language_of_which_nothing_is_known_shows_the_tree_and_says_so(tree, caplog):
    some = named(tree, (11, 1, "en", "Books"))
    with caplog.at_level(logging.WARNING):
        turned = some.in_language("en").in_language("it")
    assert (turned.shown, turned.lang) == (tree.paths, "")
    assert "no category names in it are known (known: en)" in caplog.text.replace("'", "")
    assert "--names FILE" in caplog.text
    caplog.clear()
    assert tree.in_language("en").shown == tree.paths
    assert "known: none" in caplog.text


def test_ids_that_the_tree_lacks_are_counted_and_ignored(tree, caplog):
    with caplog.at_level(logging.WARNING):
        found = named(tree, (11, 1, "en", "Books"), (10**15, 1, "en", "Cars"), (99, 3, "fr", "X"))
    assert "n.csv: 2 of 3 names are of ids that the tree lacks: ignored" in caplog.text
    assert found.names.languages == ("en",)


def test_rows_that_contradict_each_other_are_named_with_their_lines(tree, tmp_path):
    path = write(
        tmp_path, "category_id,level,lang,name\n11,1,en,Books\n21,1,en,Music\n13,1,en,Library\n12,1,fr,Livres\n"
    )
    with pytest.raises(
        ValueError, match=r"names.csv: 1 name contradicts another\nlines 2 and 4: LIBRAIRIE is called 'Books'"
    ):
        tree.with_names(Names.from_csv(path))
    # twice the same, be it in another Unicode form, is no contradiction
    twice = named(tree, (11, 1, "fr", "Été"), (13, 1, "fr", unicodedata.normalize("NFD", "Été")))
    assert twice.in_language("fr").shown[tree.leaf_index(11)][0] == "Été"


def test_names_files_of_any_kind(tree, tmp_path):
    plain = Names.from_csv(write(tmp_path, "category_id,lang,name\n11,en,Novels\n12,EN, Poems \n13,en,\n"))
    assert [(n.category_id, n.level, n.lang, n.text) for n in plain.rows] == [
        (11, 0, "en", "Novels"),
        (12, 0, "en", "Poems"),
    ]
    odd = 'name;x;level;lang;category_id\n"The ""best"" novels; all";;3;en;11\nBooks;;1;pt-br;11\n'
    path = tmp_path / "odd.csv"
    path.write_bytes(odd.encode("utf-8-sig"))
    assert Names.from_csv(path).languages == ("en", "pt-br")
    assert tree.with_names(Names.from_csv(path)).in_language("en").shown[tree.leaf_index(11)][2] == (
        'The "best" novels; all'
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",1,en,A", "line 2: no category_id: it is empty"),
        ("11,9,en,A", "line 2: level '9' is not 1 to 8"),
        ("11,1,english,A", "line 2: lang 'english' is no language code"),
        ("11,1,,A", "line 2: lang '' is no language code"),
    ],
)
def test_bad_rows_are_named(tmp_path, row, message):
    with pytest.raises(ValueError, match=message):
        Names.from_csv(write(tmp_path, f"category_id,level,lang,name\n{row}\n"))


def test_a_file_without_the_columns_is_named(tmp_path):
    with pytest.raises(ValueError, match="lacks the column lang, name"):
        Names.from_csv(write(tmp_path, "category_id,french\n1,A\n"))
    with pytest.raises(FileNotFoundError, match="--names"):
        Names.from_csv(tmp_path / "none.csv")


@settings(max_examples=100)
@given(
    st.lists(
        st.builds(
            Name,
            st.integers(-(2**63), 2**63 - 1),
            st.integers(1, 3),
            st.sampled_from(["en", "fr", "zh-hant"]),
            letters.map(str.strip),
        ),
        max_size=8,
    )
)
def test_written_names_are_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("names") / "n.csv"
    Names(tuple(rows)).to_csv(path)
    again = Names.from_csv(path)
    assert [(n.category_id, n.level, n.lang, n.text) for n in again.rows] == [
        (n.category_id, n.level, n.lang, n.text) for n in rows
    ]


def test_a_saved_tree_takes_its_names_along(tree, tmp_path):
    named(tree, (11, 1, "en", "Books")).save(tmp_path / "t.csv")
    again = Taxonomy.load(tmp_path / "t.csv", "en")
    assert again.fingerprint == tree.fingerprint
    assert again.shown[tree.leaf_index(11)][0] == "Books"


def shipped_file(name):
    return resources.files("catalog.tree") / "names" / name


def shipped_rows(file):
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("file", [*map(shipped_file, SHIPPED), ENGLISH_NAMES], ids=lambda file: file.name)
def test_shipped_names_are_whole_and_in_english(file):
    rows = shipped_rows(file)
    assert len({(row["category_id"], row["level"]) for row in rows}) == len(rows)
    for row in rows:
        text = row["name"]
        assert row["lang"] == "en"
        assert text == text.strip() != ""
        assert text[0].isupper()
        # the French tree is in capitals throughout
        assert text in ACRONYMS or not text.isupper()
    cat1 = [row["name"] for row in rows if row["level"] == "1"]
    assert len(set(cat1)) == len(cat1)


def test_cdiscounts_translation_has_every_node_once():
    levels = Counter(row["level"] for row in shipped_rows(shipped_file("cdiscount.csv")))
    assert levels == {"1": 49, "2": 486}


def test_every_node_of_cdiscounts_real_tree_has_its_own_english_name(shared_data):
    tree = Taxonomy.from_csv(shared_data / "cdiscount" / "category_names.csv")
    english = tree.in_language("en")
    french = {name for path in tree.paths for name in path[:2]} - ACRONYMS
    for level in (1, 2):
        nodes = [english.shown_path(level, node) for node in range(tree.n_nodes(level))]
        assert not [path for path in nodes if path[-1] in french]
        assert len(set(nodes)) == tree.n_nodes(level)
    # the key is the smallest id below the node
    rows = {(int(row["category_id"]), int(row["level"])) for row in shipped_rows(shipped_file("cdiscount.csv"))}
    smallest: dict[tuple[int, int], int] = {}
    for level in (1, 2):
        for leaf, node in zip(tree.leaf_ids.tolist(), tree.ancestor(level).tolist(), strict=True):
            smallest[level, node] = min(leaf, smallest.get((level, node), leaf))
    assert rows == {(leaf, level) for (level, _), leaf in smallest.items()}
    assert english.shown[tree.leaf_index(1000000237)][:2] == ("Groceries", "Baby food")
    books = tree.leaves_below("LIBRAIRIE > POLICIER - SUSPENSE")[0]
    assert english.shown[books][:2] == ("Books", "Crime and thrillers")
    assert english.shown[books][2] == tree.paths[books][2]
    assert tree.in_language("fr").shown == tree.paths
    with pytest.raises(ValueError, match=r"no category names in 'de' are known, only in fr, en(?s:.*)--names FILE"):
        tree.in_language("de")


def test_a_part_of_cdiscounts_tree_is_still_known(shared_data):
    tree = Taxonomy.from_csv(shared_data / "cdiscount" / "category_names.csv")
    music = Taxonomy([(int(tree.leaf_ids[i]), tree.paths[i]) for i in tree.leaves_below("MUSIQUE")])
    assert music.in_language("en").shown[0][:2] == ("Music", "CD")


def test_own_names_come_before_shipped_ones(shared_data):
    tree = Taxonomy.from_csv(shared_data / "cdiscount" / "category_names.csv")
    own = named(tree, (1000000237, 1, "en", "Food"), (1000000237, 1, "fr", "Épicerie"), (1000000237, 1, "de", "Essen"))
    assert own.in_language("en").shown[tree.leaf_index(1000000237)][:2] == ("Food", "Baby food")
    assert own.in_language("fr").shown[tree.leaf_index(1000000237)][0] == "Épicerie"
    with pytest.raises(ValueError, match="only in fr, de, en"):
        own.in_language("it")


def test_every_node_of_the_demo_has_an_english_name():
    tree = Taxonomy([(leaf.category_id, leaf.path) for leaf in LEAVES])
    english = tree.with_names(Names.from_csv(ENGLISH_NAMES)).in_language("en")
    for level in tree.levels:
        nodes = [english.shown_path(level, node) for node in range(tree.n_nodes(level))]
        assert len(set(nodes)) == tree.n_nodes(level)
        same = {path[-1] for path in nodes} & {tree.node_path(level, node)[-1] for node in range(tree.n_nodes(level))}
        assert same <= ACRONYMS


def test_a_translation_is_of_no_other_tree(caplog):
    """A stranger's tree that shares a few ids with a known one is not renamed; a moved leaf does not rename."""
    cdiscount = shipped()[0].names.rows
    ids = [row.category_id for row in cdiscount if row.level == 1]
    stranger = Taxonomy([(1, ("A", "B", "C")), (2, ("A", "D", "E")), (ids[0], ("F", "G", "H")), (3, ("I", "J", "K"))])
    assert stranger.in_language("en").shown == stranger.paths
    assert "known: none" in caplog.text
    # the leaves that name two Cat I now stand under one: which is it?
    own = [(i, (f"CAT {n}", f"SUB {n}", "LEAF")) for n, i in enumerate(ids)]
    moved = [(ids[1], own[0][1]) if leaf[0] == ids[1] else leaf for leaf in own]
    english = Taxonomy(moved).in_language("en")
    assert english.shown[english.leaf_index(ids[0])][0] == "CAT 0"
    assert english.shown[english.leaf_index(ids[5])][0] == cdiscount_name(ids[5])


def cdiscount_name(leaf):
    return next(row.text for row in shipped()[0].names.rows if row.category_id == leaf and row.level == 1)


def test_names_of_a_leaf_further_up_are_those_of_its_node():
    tree = Taxonomy([(1, ("A", "B", "C")), (2, ("A", "B")), (3, ("D",))])
    english = tree.with_names(Names((Name(2, 0, "en", "bee"), Name(3, 0, "en", "dee"), Name(1, 3, "en", "cee"))))
    assert english.in_language("en").shown == (("A", "bee"), ("A", "bee", "cee"), ("dee",))


def test_a_name_of_a_level_that_the_tree_lacks_is_named(tree):
    with pytest.raises(ValueError, match="line 7: level 4, but the tree has 3"):
        tree.with_names(Names((Name(11, 4, "en", "A", 7),)))
