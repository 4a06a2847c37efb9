"""Shelves as people type them, against every way of writing every path; what is not clear is not guessed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.tree.category_filter import leaves_of_categories
from catalog.tree.taxonomy import Taxonomy, path_text
from catalog.tree.translations import Name, Names

ROWS = (
    (11, ("LIBRAIRIE", "LITTÉRATURE", "ROMAN")),
    (12, ("LIBRAIRIE", "LITTÉRATURE", "POESIE")),
    (13, ("LIBRAIRIE", "TOURISME > GUIDES", "ROMAN")),
    (21, ("MUSIQUE", "CD", "JAZZ")),
    (22, ("MUSIQUE", "VINYLE", "JAZZ")),
    (2024, ("MUSIQUE", "VINYLE", "13")),
)
TREE = Taxonomy(ROWS)
NAMES = Names((
    Name(11, 1, "en", "Books"), Name(11, 2, "en", "Literature"), Name(11, 3, "en", "Novel"),
    Name(21, 1, "en", "Music"), Name(21, 2, "en", "Records"), Name(22, 2, "en", "Records"),
))  # fmt: skip
ENGLISH = TREE.with_names(NAMES).in_language("en")


def ids(tree: Taxonomy, *shelves: str) -> list[int]:
    return sorted(tree.leaf_ids[leaves_of_categories(tree, shelves, "--shelf")].tolist())


@given(st.sampled_from(ROWS), st.integers(1, 3), st.booleans(), st.randoms(use_true_random=False))
def test_a_path_is_found_however_it_is_written(row, level, english, random):
    leaf = TREE.leaf_index([row[0]])[0]
    node = (ENGLISH.shown if english else TREE.paths)[leaf][:level]
    wanted = sorted(i for i, path in ROWS if path[:level] == row[1][:level])
    if node in (("Music", "Records"), ("Music", "Records", "JAZZ")):
        return
    text = path_text(node)
    turned = "".join(random.choice([str.upper, str.lower])(letter) for letter in text)
    blanks = random.choice(["", " ", "  ", "\u00a0\t"])
    written = unicodedata.normalize(random.choice(["NFC", "NFD"]), turned.replace(" > ", f"{blanks}>{blanks} "))
    assert ids(ENGLISH if english else TREE, f"{blanks}{written} ") == wanted
    assert ids(ENGLISH, path_text(row[1][:level])) == wanted


def test_the_tree_s_own_path_comes_first_then_the_id():
    assert ids(TREE, "22") == [22]
    assert ids(TREE, "21", "13") == [13, 21]
    own = Taxonomy([(1, ("2", "A", "B")), (2, ("C", "D", "E")), (3, ("Books", "A", "B")), (4, ("LIVRES", "A", "B"))])
    assert ids(own, "2") == [1]
    english = own.with_names(Names((Name(4, 1, "en", "Books"), Name(3, 1, "en", "Ledgers")))).in_language("en")
    assert ids(english, "Books") == [3]
    assert ids(english, "Ledgers") == [3]
    with pytest.raises(ValueError, match=r"--shelf: the tree has 2 shelves 'books': say which of 'Books', 'LIVRES'"):
        ids(english, "books")


def test_what_is_meant_is_asked_where_two_are_called_so():
    message = r"--shelf: the tree has 2 shelves 'Music > Records': say which of 'MUSIQUE > CD', 'MUSIQUE > VINYLE'"
    with pytest.raises(ValueError, match=message):
        ids(ENGLISH, "Music > Records")
    assert ids(ENGLISH, "MUSIQUE > CD") == [21]


def test_a_name_that_one_node_has_is_enough():
    assert ids(TREE, "littérature") == ids(ENGLISH, "Literature") == [11, 12]
    assert ids(TREE, "vinyle / jazz") == [22]
    assert ids(TREE, "tourisme > guides") == [13]
    message = r"--shelf: the tree has 2 shelves 'roman': say which of 'LIBRAIRIE > LITTÉRATURE > ROMAN', 'LIBRAIRIE > T"
    with pytest.raises(ValueError, match=message):
        ids(TREE, "roman")


@pytest.mark.parametrize(
    ("tree", "shelf", "near"),
    [
        (TREE, "Jaz", "the nearest are 'MUSIQUE > CD > JAZZ', 'MUSIQUE > VINYLE > JAZZ'"),
        (TREE, "romans", "the nearest are 'LIBRAIRIE > LITTÉRATURE > ROMAN'"),
        (TREE, "librarie", "the nearest are 'LIBRAIRIE'"),
        (TREE, "Garden > Hose", "its Cat I are 'LIBRAIRIE', 'MUSIQUE'"),
        (ENGLISH, "Book", "the nearest are 'Books'"),
        (ENGLISH, "novels", "the nearest are 'Books > Literature > Novel'"),
        (ENGLISH, "MUSIQUE > littérature", "the nearest are 'Books > Literature'"),
        (TREE.with_level_names(["Floor", "Aisle", "Shelf"]), "999", "its Floor are 'LIBRAIRIE', 'MUSIQUE'"),
        (TREE, "", "its Cat I are"),
    ],
)
def test_the_nearest_names_are_like_it(tree, shelf, near):
    with pytest.raises(ValueError) as error:
        ids(tree, shelf)
    assert f"--shelf: the tree has no shelf {shelf!r}; {near}" in str(error.value)
