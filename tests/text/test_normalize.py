import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.normalize import ProductText, check_digit_10, check_digit_13, normalize_text, without_accents

FRENCH = string.ascii_letters + "àâçéèêëîïôùûüÿœæÀÂÇÉÈÊËÎÏÔÙÛÜŸŒÆ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L'Été MEURTRIER", "l été ete meurtrier"),
        ("Cœur\nsimple", "cœur coeur simple"),
        ("incroy-\nable", "incroyable"),
        ("Saint-Exupéry", "saint exupéry exupery"),
        ("Tome 3, 1984 n° 123456", "tome 3 1984 n number"),
        ("ISBN 978-2-07-036822-8", "isbn isbn_9782070368228"),
        ("ISBN 2-07-036822-X", "isbn isbn_9782070368228"),
        ("ISBN : 207036822X.", "isbn isbn_9782070368228"),
        ("9 782070 368228", "isbn_9782070368228"),
        ("3 760001 234567", "3 number number"),
        ("5 099749 534728", "ean_5099749534728"),
        ("0000000000000", "number"),
        ("ﬁn de ＰＡＧＥ", "fin de page"),
        (" \n.-— ", ""),
    ],
)
def test_examples(text, expected):
    assert normalize_text(text) == expected


def test_passages_do_not_flow_into_each_other():
    text = ProductText.of(["Les Misé-\nrables", "", "Hugo"])
    assert text == ProductText("Les Misé- rables Hugo", "les misérables miserables hugo")
    assert ProductText.of(["fin-", "tome"]).tokens == "fin tome"
    assert ProductText.of([]) == ProductText("", "")


@given(st.text())
def test_any_text_becomes_plain_tokens(text):
    tokens = normalize_text(text)
    assert tokens == " ".join(tokens.split())
    assert re.fullmatch(r"(?:(?:isbn_|ean_)?[^\W_]+ ?)*", tokens)
    assert not re.search(r"(?<![a-z_\w])[0-9]{5,}(?!\w)", tokens)


@given(st.text(FRENCH + " "))
def test_case_makes_no_difference(text):
    assert normalize_text(text.upper()) == normalize_text(text.lower()) == normalize_text(text)


@given(st.text(FRENCH + " ", min_size=1))
def test_lost_accents_meet_the_right_word(text):
    assert set(normalize_text(without_accents(text.lower())).split()) <= set(normalize_text(text).split())


@given(st.from_regex(r"\A97[89][0-9]{9}\Z"), st.integers(1, 9), st.sampled_from(["", "-", " "]))
def test_isbn_13(digits, wrong, separator):
    right = digits + check_digit_13(digits)
    written = separator.join([right[:3], right[3], right[4:6], right[6:12], right[12]])
    assert normalize_text(f"x {written} y") == f"x isbn_{right} y"
    other = digits + str((int(right[12]) + wrong) % 10)
    assert "isbn_" not in normalize_text(f"x {other} y")


@given(st.from_regex(r"\A[0-9]{9}\Z"))
def test_isbn_10(digits):
    (token,) = normalize_text(f"ISBN {digits}{check_digit_10(digits)}").split()[1:]
    assert token == f"isbn_978{digits}{check_digit_13('978' + digits)}"
    assert "isbn_" not in normalize_text(f"{digits}{check_digit_10(digits)}")
