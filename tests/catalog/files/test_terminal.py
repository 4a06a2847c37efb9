"""Names that would steer a terminal are shown instead."""

from __future__ import annotations

import logging
import unicodedata
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.cli_options import _LogLines
from catalog.files.terminal import on_one_line, printable
from curation.cli import main
from tests.support.command_line import output_of
from tests.support.photo_files import put

call = partial(output_of, main)
STEERING = "\x1b[2J\r\x07\x9b31m\u202e"


@given(st.text())
def test_nothing_that_steers_is_left(text):
    shown = printable(text)
    assert printable(shown) == shown
    shown.encode()
    assert not {unicodedata.category(character) for character in shown if character not in "\n\t"} & {"Cc", "Cs"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ROMAN é 本\tx\n", "ROMAN é 本\tx\n"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\rb\0", r"a\x0db\x00"),
        ("\x9b\u202e", r"\x9b\u202e"),
        ("caf\udce9", r"caf\xe9"),
    ],
)
def test_what_steers_is_shown_as_an_escape(text, shown):
    assert printable(text) == shown
    assert on_one_line(text) == shown.replace("\n", r"\n")


def test_names_never_reach_the_terminal_raw(tmp_path):
    shop = tmp_path / f"shop{STEERING}"
    put(shop / "7" / "1" / "1.jpg")
    put(shop / "7" / "1" / f"no{STEERING}\nerror: photo.txt")
    put(shop / f"class{STEERING}" / "2" / "1.jpg")
    (tmp_path / "tree.csv").write_text(
        f'category_id,category_level1,category_level2,category_level3\n7,A,B,"mug{STEERING}"\n', newline=""
    )
    said = [
        call("info", shop, "--tree", tmp_path / "tree.csv"),
        call("info", tmp_path / f"nowhere{STEERING}", code=1),
        call("info", shop, "--tree", tmp_path / f"tree{STEERING}.csv", code=1),
    ]
    for text in said:
        assert r"\x1b[2J\x0d\x07\x9b31m\u202e" in text
        assert not set(STEERING) - set("[2J31m") & set(text)
    assert r"no\x1b[2J\x0d\x07\x9b31m\u202e\nerror: photo.txt: file that is not a photo" in said[0]


def test_a_log_line_is_printable():
    record = logging.LogRecord("shop", logging.WARNING, "", 1, "%s is gone", (f"photo{STEERING}",), None)
    assert _LogLines().format(record) == r"WARNING: photo\x1b[2J\x0d\x07\x9b31m\u202e is gone"
