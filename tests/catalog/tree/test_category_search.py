"""Categories found by what is typed: mistakes, order, number and language do not matter."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.tree.category_search import CategorySearch
from catalog.tree.folded_words import folded_words, stem
from catalog.tree.taxonomy import Taxonomy
from catalog.tree.translations import Name, Names

LEAVES = [
    (11, ("LIBRAIRIE", "LITTERATURE", "ROMAN")),
    (12, ("LIBRAIRIE", "LITTERATURE", "ROMANS HISTORIQUES")),
    (13, ("LIBRAIRIE", "PRESSE", "JOURNAL")),
    (21, ("CUISINE", "CUISSON", "Poêle - Sauteuse")),
    (22, ("CUISINE", "CUISSON", "CASSEROLE")),
    (23, ("CUISINE", "ACCESSOIRE", "PROTEGE CASSEROLE")),
    (31, ("JARDIN", "MEUBLE DE JARDIN", "CHAISE DE JARDIN")),
    (32, ("MEUBLE", "SIEGE", "CHAISE")),
    (33, ("TELEPHONIE", "ACCESSOIRE", "BATTERIE")),
    (41, ("DIVERS", "***", "***")),
    ("AB-7", ("DIVERS", "SERVICE", "CARTE 32")),
]
NAMES = Names((Name(22, 3, "en", "SAUCEPAN"), Name(22, 1, "en", "KITCHEN"), Name(33, 3, "en", "BATTERY")))
SEARCH = CategorySearch(Taxonomy(LEAVES).with_names(NAMES))
WORDS = sorted({word for _, path in LEAVES for word in folded_words(path[-1]) if len(word) >= 6})


def ids(text: str, limit: int = 12) -> list:
    return [one.category_id for one in SEARCH.find(text, limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("casserole", 22), ("CASSEROLES", 22), ("casserole protege", 23), ("caserole", 22), ("cassreole", 22),
        ("caser", 22),
        ("cass", 22), ("saucepan", 22), ("sauce", 22), ("kitchen saucepan", 22), ("cuisine saucepan", 22),
        ("poele", 21), ("poêle", 21), ("poe\u0302le", 21), ("sauteuse", 21),
        ("chaise", 32), ("chaises jardin", 31), ("jardin chaise", 31), ("chaise de jard", 31),
        ("journaux", 13), ("journal", 13), ("batteries", 33), ("battery", 33), ("roman", 11), ("romans h", 12),
        ("22", 22), ("AB-7", "AB-7"), ("ab-", "AB-7"), ("32", 32), ("carte 32", "AB-7"), (" roman ", 11),
    ],
)  # fmt: skip
def test_what_stands_first(typed: str, first: int | str):
    assert ids(typed)[0] == first


@pytest.mark.parametrize("typed", ["", "   ", "!?", "zzzzzzz", "\0", "***", "qxj wvk"])
def test_nothing_fits(typed: str):
    assert ids(typed) == []


def test_a_whole_parent_is_found_by_its_name():
    assert set(ids("librairie")) == {11, 12, 13}


@given(st.text(max_size=300), st.integers(1, 20))
def test_anything_may_be_typed(typed: str, limit: int):
    found = SEARCH.find(typed, limit)
    assert len(found) <= limit
    assert len({one.leaf for one in found}) == len(found)
    scores = [round(one.score, 2) for one in found]
    assert scores == sorted(scores, reverse=True)


@given(st.sampled_from(LEAVES), st.randoms(use_true_random=False))
def test_words_of_a_path_in_any_order_find_it(leaf, random):
    words = list(dict.fromkeys(word for name in leaf[1] for word in folded_words(name)))[:8]
    random.shuffle(words)
    if words:
        assert leaf[0] in ids(" ".join(words), len(LEAVES))


@given(st.sampled_from(WORDS), st.integers(0, 100), st.sampled_from(string.ascii_lowercase), st.integers(0, 3))
def test_one_mistake_in_a_long_word_is_forgiven(word, place, letter, kind):
    place %= len(word) - 1
    head, tail = word[:place], word[place:]
    typed = [head + tail[1:], head + letter + tail, head + letter + tail[1:], head + tail[1] + tail[0] + tail[2:]][kind]
    wanted = {leaf for leaf, path in LEAVES if word in folded_words(path[-1])}
    assert wanted <= set(ids(typed, len(LEAVES)))


@example("𝗔")
@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str):
    words = folded_words(text)
    assert [word for one in words for word in folded_words(one)] == words


@pytest.mark.parametrize(
    ("one", "other"),
    [("journal", "journaux"), ("bateau", "bateaux"), ("batterie", "battery"), ("box", "boxes"), ("watch", "watches"),
     ("chaise", "chaises"), ("bijou", "bijoux"), ("toy", "toys"), ("accessory", "accessories")],
)  # fmt: skip
def test_number_makes_no_difference(one: str, other: str):
    assert stem(one) == stem(other)
