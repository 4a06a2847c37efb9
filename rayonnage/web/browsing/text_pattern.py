"""A text that is looked for whatever its accents and case are, as a pattern for whole columns."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from catalog.tree.folded_words import folded

ACCENTS = "[\u0300-\u036f]*"
"""Texts may have their accents apart from the letters."""
LAST_LETTER = 0x1FFF
"""Of the scripts whose letters have accents: Latin, Greek, Cyrillic."""


def text_pattern(text: str) -> str:
    """A regular expression, to be matched whatever the case: for `ete` one that finds `été`, for `co` one for `cœur`.

    A million texts are not folded for one search: the pattern names all letters that a folded one may come from.
    """
    wanted, pattern, place = folded(text), [], 0
    while place < len(wanted):
        two = wanted[place : place + 2]
        if len(two) == 2 and two in _variants():
            # what makes a pair may also stand by itself
            pattern.append(f"(?:{_letter(two[0])}{_letter(two[1])}|[{_variants()[two]}])")
        elif len(two) == 1:
            # the text may end within a pair, as long as it is being typed
            begun = "".join(letters for pair, letters in _variants().items() if len(pair) == 2 and pair[0] == two)
            pattern.append(_letter(two, begun))
        else:
            pattern.append(_letter(two[0]))
            place -= 1
        place += 2
    return "".join(pattern)


def _letter(letter: str, more: str = "") -> str:
    variants = _variants().get(letter, "") + more
    return f"[{re.escape(letter)}{variants}]{ACCENTS}" if variants else re.escape(letter)


@cache
def _variants() -> dict[str, str]:
    """By folded letter or pair of letters, those that become it."""
    found: dict[str, list[str]] = defaultdict(list)
    for letter in map(chr, range(0x80, LAST_LETTER + 1)):
        plain = folded(letter)
        if plain != letter and plain.isalnum() and len(plain) <= 2:
            found[plain].append(letter)
    return {plain: "".join(letters) for plain, letters in found.items()}
