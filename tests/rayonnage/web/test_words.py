"""The pages' words: all are there in both languages, and none lies about unused."""

from __future__ import annotations

import csv
import re
import string
from pathlib import Path

import pytest

from rayonnage.web.showing.words import LANGUAGES, PageWords, language_asked
from rayonnage.written_pages import TITLES

WEB = Path(__file__).parents[3] / "rayonnage" / "web"
WORDS = sorted((WEB / "words").glob("*.csv"))
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted(WEB.rglob("*"))
    if path.suffix in {".py", ".html", ".js"} and not path.name.startswith("htmx")
)
ASKED = re.compile(r"""(?<!`)\bwords\(\s*["']([a-z]+\.[a-z0-9_.]+)["']\s*(~|\+)?""")
"""Whole keys, and beginnings to which something is added."""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_every_sentence_stands_in_both_languages(path: Path):
    for row in rows(path):
        assert row.keys() == {"key", *LANGUAGES}, row
        assert all(row[language].strip() for language in LANGUAGES), row
        assert placeholders(row["en"]) == placeholders(row["fr"]), row["key"]
        assert row["key"].partition(".")[0].rstrip("s") == path.stem.rstrip("s"), "keys begin with their page"


def test_every_key_that_is_asked_for_exists():
    keys = {row["key"] for path in WORDS for row in rows(path)}
    whole = {key for key, more in ASKED.findall(CODE) if not more}
    assert whole - keys == set()
    begun = {key for key, more in ASKED.findall(CODE) if more}
    assert {start for start in begun if not any(key.startswith(start) for key in keys)} == set()


def test_every_written_page_has_a_name_in_the_list_of_them():
    keys = {row["key"] for path in WORDS for row in rows(path)}
    assert {f"runs.page_{Path(name).stem}" for name in TITLES} <= keys


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_no_sentence_is_unused(path: Path):
    """A key stands in the code: whole, without its page as scripts name it, or as a beginning that is completed."""
    begun = set(re.findall(r"""["'`]([a-z]+\.(?:[a-z_]+_)?|[a-z_]+_)(?:["']\s*[~+]|\$?\{)""", CODE))
    begun |= {start for start, more in ASKED.findall(CODE) if more}
    unused = []
    for row in rows(path):
        # scripts choose `key_one` by the number that they say
        page, _, name = row["key"].removesuffix("_one").partition(".")
        dynamic = any(row["key"].startswith(start) or name.startswith(start) for start in begun)
        if not dynamic and page != "nav" and not re.search(rf"\b{re.escape(name)}\b", CODE):
            unused.append(row["key"])
    assert unused == []


def test_the_language_is_the_chosen_one_then_the_browsers():
    assert language_asked("fr", "en") == "fr"
    assert language_asked(None, "de, fr;q=0.8, en;q=0.9") == "en"
    assert language_asked("xx", "fr-CA, en;q=0.5") == "fr"
    assert language_asked(None, "") == language_asked(None, "en;q=much, zz") == "en"


def test_a_sentence_is_filled():
    words = PageWords("fr")
    assert words.language == "fr"
    assert words.of("nav")["classify"] == words("nav.classify") == "Classer"
    with pytest.raises(KeyError):
        words("nav.nothing")
