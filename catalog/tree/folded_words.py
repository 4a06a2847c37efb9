"""Words as they are compared in a search: without accents and case, and their stems, without endings."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d"})
SHORTEST = 4
"""Letters from which a word may have an ending: `bus` is no plural."""


def folded(text: str) -> str:
    """A text without accents and case: `Cœur d’été` gives `coeur d’ete`."""
    # twice: what a sign stands for may be a capital (`𝗔`)
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return "".join(letter for letter in text if not unicodedata.combining(letter))


def folded_words(text: str) -> list[str]:
    """The words of a text in their order: `Cafetière à dosettes` gives `cafetiere`, `a`, `dosettes`."""
    return _WORD.findall(folded(text))


def stem(word: str) -> str:
    """A folded word without the endings of French and English plurals: equal for `journal` and `journaux`.

    It may take too much (`chaise` and `chaises` become `chais`): both sides of a comparison lose the same.
    """
    if len(word) < SHORTEST:
        return word
    if word.endswith("aux") and not word.endswith("eaux"):
        return word[:-3] + "al"
    for ending in ("ches", "shes", "sses", "xes", "zes"):
        if word.endswith(ending):
            return word[:-2]
    if word.endswith("ux"):
        return word[:-1]
    if word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("ie"):
        return word[:-2] + "y"
    return word[:-1] if len(word) >= SHORTEST and word.endswith("e") else word
