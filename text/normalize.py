"""Words as the text model sees them: folded, whole numbers, book numbers in one piece."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l"})
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\n(?=[^\W\d_])")
_DIGIT = r"[0-9](?:[ \-]?[0-9])"
# group sizes are free: printers and engines set spaces and hyphens anywhere
_THIRTEEN = re.compile(rf"(?<![0-9])({_DIGIT}{{12}})(?![0-9])")
_TEN = re.compile(rf"\bisbn(?:-?10)?[ :.\-]*({_DIGIT}{{8}}[ \-]?[0-9xX])(?![0-9])")
_WORD = re.compile(r"isbn_[0-9]+|ean_[0-9]+|[^\W_]+")
LONGEST_NUMBER = 4
"""Digits: a year or a volume says something, a longer number hardly stands on two products."""


@dataclass(frozen=True, slots=True)
class ProductText:
    """What the text model sees of a product: single lines, empty where there are no words.

    Attributes:
        plain: the words as they stood, for sentence encoders; tokens: see `normalize_text`.
    """

    plain: str
    tokens: str

    @classmethod
    def of(cls, passages: Sequence[str]) -> Self:
        """All words of a product's passages, such as what stands on each photo, or a title.

        A passage's lines are separated by newlines; no word or number is joined from pieces of two passages.
        """
        plain = (" ".join(passage.split()) for passage in passages)
        return cls(" ".join(filter(None, plain)), " ".join(filter(None, map(normalize_text, passages))))


def normalize_text(text: str) -> str:
    """Tokens of one photo's text, lines separated by newlines.

    Case is folded; a word broken by a hyphen at a line's end is joined; an accented word is followed by the same
    word without accents (engines drop accents now and then, both forms then meet); a number of more than
    `LONGEST_NUMBER` digits becomes `number`; ISBN-10, ISBN-13 and EAN-13 with a right check digit become
    `isbn_` or `ean_` and their 13 digits.
    """
    # NFKC: engines read ligatures and full-width letters as one sign
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _HYPHENATED.sub("", text).replace("\n", " ")
    text = _TEN.sub(_isbn_10, text)
    text = _THIRTEEN.sub(_ean_13, text)
    tokens = []
    for word in _WORD.findall(unicodedata.normalize("NFC", text)):
        if word.isdecimal() and len(word) > LONGEST_NUMBER:
            tokens.append("number")
            continue
        tokens.append(word)
        plain = without_accents(word)
        if plain not in (word, ""):
            tokens.append(plain)
    return " ".join(tokens)


def without_accents(word: str) -> str:
    """`été` -> `ete`, `cœur` -> `coeur`; other letters stay."""
    decomposed = unicodedata.normalize("NFD", word.translate(_LIGATURES))
    kept = (letter for letter in decomposed if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", "".join(kept))


def check_digit_13(digits: str) -> str:
    """The thirteenth digit of an EAN-13 or ISBN-13 (ISO 2108), from the first twelve."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits[:12]))
    return str(-total % 10)


def check_digit_10(digits: str) -> str:
    """The tenth character of an ISBN-10 (ISO 2108 before 2007; `0`-`9` or `x`), from the first nine."""
    remainder = -sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return "x" if remainder == 10 else str(remainder)


def _ean_13(match: re.Match[str]) -> str:
    digits = re.sub(r"[ \-]", "", match[1])
    # thirteen times the same even digit has a right check digit, zeros among them
    if check_digit_13(digits) != digits[12] or len(set(digits)) == 1:
        return match[0]
    return f" {'isbn' if digits.startswith(('978', '979')) else 'ean'}_{digits} "


def _isbn_10(match: re.Match[str]) -> str:
    digits = re.sub(r"[ \-]", "", match[1])
    if check_digit_10(digits) != digits[9]:
        return match[0]
    return f" isbn_978{digits[:9]}{check_digit_13('978' + digits[:9])} "
