"""Titles as shops write them: what is one word, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.titles import MAX_WORDS, TitleWords, words_of


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("SONY WH-1000XM4 Casque", "sony wh1000xm4 wh 1000xm4 casque"),
        ("iPhone 12, 256 Go", "iphone 12 256go #go"),
        ("256Go", "256go #go"),
        ("bouteille 1,5 L", "bouteille 1.5l #l"),
        ("Chaussettes 38/40", "chaussettes 38/40 #/#"),
        ("Table 120 x 60 \u00d7 75 cm", "table 120x60x75 #x#x# cm"),
        ("T-shirt d'\u00c9T\u00c9 100% coton", "t shirt d ete 100 coton"),
        ("M&amp;amp;M's <b>200 g</b><br/>d&eacute;stockage", "m m s 200g #g destockage"),
        ("a <3 b", "a 3 b"),
        ("Lego\u00ae 4006381333931", "lego number"),
        ("\uff21\uff22\uff23 c\u0153ur \u65e5\u672c\u8a9e", "abc coeur \u65e5\u672c\u8a9e"),
        ("<p> - !", ""),
    ],
)
def test_words_of_catalogues(title, words):
    assert words_of(title) == words.split()


@given(st.text(max_size=200))
def test_any_text_has_words_without_blanks(text):
    words = words_of(text)
    assert all(word and not any(sign.isspace() for sign in word) for word in words)
    assert words == words_of(text)


def test_a_description_stands_below_the_title_and_is_cut():
    words = TitleWords.of("Mug\n" + "very nice " * 2000)
    assert words.title == ["mug"]
    assert len(words.description) == MAX_WORDS
    assert TitleWords.of("Mug").description == []
    assert (TitleWords.of("\nwhite").any, TitleWords.of("\n!").any, TitleWords.of("").any) == (True, False, False)
