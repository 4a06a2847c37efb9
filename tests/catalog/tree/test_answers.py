"""Categories as people write them, against every way of writing them; what may be several is never guessed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.files.csv_rows import id_in
from catalog.tree import answers
from catalog.tree.answers import CategoryNames
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names

SIGNS = (" > ", ">", " >> ", ">>", " / ", "/", " | ", "|")
TREE = Taxonomy((
    (11, ("LIBRAIRIE", "LITTÉRATURE", "ROMAN")),
    (12, ("LIBRAIRIE", "LITTÉRATURE", "POÉSIE")),
    (13, ("LIBRAIRIE", "TOURISME > GUIDES", "ROMAN")),
    (14, ("LIBRAIRIE", "JEUX D'ÉCHECS")),
    (21, ("MUSIQUE", "CD", "JAZZ")),
    (22, ("MUSIQUE", "CD", "ROCK")),
    (23, ("MUSIQUE", "SAC/ÉTUI")),
    (24, ("MUSIQUE", "VINYLE")),
    (25, ("MUSIQUE", "VINYLE", "13")),
    (26, ("MUSIQUE", "VINYLE", "78")),
    (27, ("MUSIQUE", "-20 %")),
    (31, ("PHOTO", "CD")),
    (41, ("SOLDES",)),
))  # fmt: skip
ENGLISH = TREE.with_names(Names((
    Name(11, 1, "en", "Books"), Name(11, 2, "en", "Literature"), Name(11, 3, "en", "Novel"), Name(21, 1, "en", "Music"),
))).in_language("en")  # fmt: skip

names = st.sampled_from(["A", "a", "B", "É", "x y", "7", "101"])
spellings = {
    "as it is": str,
    "upper": str.upper,
    "lower": str.lower,
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "full width": lambda name: name.replace("A", "\uff21"),
    "blanks": lambda name: name.replace(" ", " \u00a0 "),
}
trees = st.sets(st.lists(names, min_size=1, max_size=4).map(tuple), min_size=1, max_size=14).map(
    lambda paths: Taxonomy(list(enumerate(sorted(paths, reverse=True), start=100)))
)
"""Also nodes that are leaves and have children, names that differ in case alone, and one that is an id."""


def loose(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def meant(tree: Taxonomy, written: tuple[str, ...]) -> list[int | None]:
    """The slow, obvious version, where nothing in a name separates: ids of what may be meant, None of no category."""
    for spelt in (str, loose):
        wanted = [spelt(name) for name in written]
        found: dict[bool, set[tuple[str, ...]]] = {True: set(), False: set()}
        for path in tree.paths:
            for end in range(len(wanted), len(path) + 1):
                if [spelt(name) for name in path[end - len(wanted) : end]] == wanted:
                    found[end == len(wanted)].add(path[:end])
        # a path is never the end of another
        if nodes := found[True] or found[False]:
            ids = {
                node: [i for i, p in zip(tree.leaf_ids.tolist(), tree.paths, strict=True) if p == node]
                for node in nodes
            }
            return [i for of_node in ids.values() for i in of_node or [None]]
    return []


@settings(max_examples=150)
@given(trees, st.data())
def test_a_category_is_its_id_its_path_or_the_end_of_a_path_that_no_other_has(tree, data):
    known = CategoryNames(tree)
    for leaf_id, path in zip(tree.leaf_ids.tolist(), tree.paths, strict=True):
        for cell in ("{}", " {} ", "'{}", "{}.0", "{},00"):
            assert known.category_in(cell.format(leaf_id)) == leaf_id
        spelt = spellings[data.draw(st.sampled_from(sorted(spellings)))]
        for start in range(len(path)):
            written = tuple(unicodedata.normalize("NFC", spelt(name)) for name in path[start:])
            cell = data.draw(st.sampled_from(SIGNS)).join(map(spelt, path[start:]))
            ids, found = meant(tree, written), known.category_in(f" {cell}\t")
            if id_in(cell) in tree.leaf_ids:
                assert found == id_in(cell)
            elif id_in(cell) is not None and found == id_in(cell):
                # an integer that is no name, and is said to be no category where it is used
                assert ids == []
                assert not known.nodes(cell)
            else:
                assert found == (ids[0] if len(ids) == 1 else None), (cell, ids)
            if start == 0 and spelt is str and id_in(cell) is None:
                assert found == leaf_id


@given(
    trees, st.lists(st.sampled_from(["A", "b", "É", "x", "7", "102", "", ">", "/"]), max_size=4), st.sampled_from(SIGNS)
)
def test_whatever_is_written_there_is_a_category_or_a_sentence(tree, written, sign):
    known, cell = CategoryNames(tree), sign.join(written)
    found = known.category_in(cell)
    if found is None:
        assert any(words in known.why_not(cell) for words in (" may be ", "itself", "themselves", " is neither "))
    else:
        assert found in tree.leaf_ids or found == id_in(cell)


@pytest.mark.parametrize(
    ("cell", "category"),
    [
        ("LIBRAIRIE > LITTÉRATURE > POÉSIE", 12),
        ("poésie", 12),
        ("  littérature|poésie", 12),
        ("/LIBRAIRIE/LITTÉRATURE/ROMAN/", 11),
        ("books > literature > novel", 11),
        ("Novel", 11),
        ("Music >> CD >> rock", 22),
        ("MUSIQUE/CD/ROCK", 22),
        # a spreadsheet curls the apostrophe, and ours keep a name from being a formula
        ("jeux d\u2019échecs", 14),
        ("'-20 %", 27),
        # what has signs in it, with others and with the same
        ("LIBRAIRIE > TOURISME > GUIDES > ROMAN", 13),
        ("TOURISME > GUIDES / ROMAN", 13),
        ("sac/étui", 23),
        ("SAC / ÉTUI", 23),
        ("MUSIQUE/SAC/ÉTUI", 23),
        # a name that is a number; an id before it
        ("13", 13),
        ("78", 26),
        ("VINYLE > 13", 25),
        # a category with others below it
        ("VINYLE", 24),
        ("soldes", 41),
        # no id, no name: the id of no category here
        ("999", 999),
        ("999.0", 999),
    ],
)
def test_how_a_category_may_be_written(cell, category):
    assert CategoryNames(ENGLISH).category_in(cell) == category


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("ROMAN", [
            "'ROMAN' may be 2 categories: write the category_id, or the whole path, of "
            "Books > Literature > Novel (11), Books > TOURISME > GUIDES > ROMAN (13)"
        ]),
        ("CD", [
            "'CD' may be 1 category: write the category_id, or the whole path, of PHOTO > CD (31); "
            "Music > CD may be meant as well, and holds several"
        ]),
        ("MUSIQUE > CD", [
            "Music > CD is no category itself: write the one meant of those below it, Music > CD > JAZZ (21), "
            "Music > CD > ROCK (22)"
        ]),
        ("Literature", ["Books > Literature is no category itself", "Books > Literature > Novel (11)"]),
        ("books", ["Books is no category itself", "(11)", "(13)"]),
        ("rocck", ["'rocck' is neither a category_id nor what a category of the tree is called; the nearest",
                   "Music > CD > ROCK (22)"]),
        ("AUTRE > JAZZ", ["the nearest", "Music > CD > JAZZ (21)"]),
        ("@@", ["write a category_id, or a path as"]),
        ("", ["'' is neither a category_id"]),
        (">", ["'>' is neither a category_id"]),
        ("9" * 200, ["9…' is neither a category_id"]),
    ],
)  # fmt: skip
def test_why_an_answer_is_no_category(cell, words):
    known = CategoryNames(ENGLISH)
    assert known.category_in(cell) is None
    assert all(word in known.why_not(cell) for word in words), known.why_not(cell)
    assert "nor 'ok' nor what" in known.why_not("rocck", ["ok"])


def test_readings_that_differ_are_both_named():
    known = CategoryNames(Taxonomy([(1, ("A", "B/C")), (2, ("B", "C")), (3, ("X", "B")), (4, ("Y", "B"))]))
    assert known.category_in("B/C") is None
    assert "may be 2 categories: write the category_id, or the whole path, of A > B/C (1), B > C (2)" in known.why_not(
        "B/C"
    )
    assert known.category_in("A/B/C") == 1
    # a path is never the end of another
    assert known.category_in("B") is None
    assert "B is no category itself" in known.why_not("B")
    assert CategoryNames(Taxonomy([(1, ("A > B", "C")), (2, ("A", "B", "C"))])).category_in("A > B > C") is None


def test_two_categories_of_one_path_are_told_apart_by_their_ids():
    known = CategoryNames(Taxonomy([(1, ("A", "B")), (2, ("A", "B"))]))
    assert known.category_in("A > B") is None
    assert "of A > B (1), A > B (2)" in known.why_not("A > B")


def test_no_more_than_five_are_named():
    known = CategoryNames(Taxonomy([(i, (f"N{i}", "AUTRES")) for i in range(9)]))
    assert "N4 > AUTRES (4) and 4 more" in known.why_not("autres")
    assert "N5" not in known.why_not("autres")


def test_the_names_are_looked_through_once_for_all_answers(monkeypatch):
    made = []
    whole = answers._Spelling.__init__
    monkeypatch.setattr(answers._Spelling, "__init__", lambda *given: (made.append(1), whole(*given))[1])
    known = CategoryNames(TREE)
    for _ in range(50):
        known.category_in("MUSIQUE > CD > ROCK")
        known.category_in("musique > cd > rock")
        known.category_in("no such name")
    assert len(made) == 2
