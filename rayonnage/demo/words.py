"""The words of covers and notices, as `words.yaml` lists them."""

from dataclasses import dataclass
from importlib import resources

import yaml


@dataclass(frozen=True, slots=True)
class Genre:
    """What the covers of one category are composed from.

    Attributes:
        nouns: heads of titles, with their article.
        complements: what may follow a noun.
        titles: other forms than noun and complement; `{n}` and `{c}` stand for one of each.
        subtitles: lines that some covers carry under the title.
        phrases: what the back cover is made of.
    """

    nouns: list[str]
    complements: list[str]
    titles: list[str]
    subtitles: list[str]
    phrases: list[str]


_WORDS = yaml.safe_load((resources.files("rayonnage.demo") / "words.yaml").read_text(encoding="utf-8"))

SHARED = Genre(**_WORDS["shared"])
"""Titles that could stand in any category."""
GENRES = {motif: Genre(**words) for motif, words in _WORDS["genres"].items()}
"""Motif -> its words. The names of books and of discs are the motifs of `categories`."""
FIRST_NAMES: list[str] = _WORDS["first_names"]
LAST_NAMES: list[str] = _WORDS["last_names"]
HOUSES: list[str] = _WORDS["houses"]
NOTICES: dict[str, list[str]] = _WORDS["notices"]
"""What the notices of each kind say."""
