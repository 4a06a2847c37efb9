"""What shops write -> words: tags and entities gone, each model, size and measure in one piece."""

import html
import re
import sys
import unicodedata
from typing import NamedTuple

from catalog.product_text import parted
from text.normalize import LONGEST_NUMBER, without_accents

MAX_WORDS = 300
"""Words that are looked at of a title, and of a description."""
MAX_CHARACTERS = 4000
"""Of either: what stands behind them is not cleaned for nothing."""
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>|<!--.{0,300}?-->")
_NOT_WORDS = re.compile("[\u00a9\u00ad\u00ae\u2122\u200b-\u200d\ufeff]")
_APOSTROPHE = re.compile(r"['\u2019\u02bc]")
_NUMBER = r"[0-9]+(?:[.,][0-9]+)?"
_UNITS = (
    "go|gb|to|tb|mo|mb|mah|wh|kwh|kw|watts?|w|volts?|v|ghz|mhz|hz|mm|cm|dm|km|m2|m3|m|ml|cl|dl|litres?|liters?|l|mg|kg|"
    "gr|g|oz|lbs?|inch(?:es)?|pouces?|zoll|pcs|pieces?|stuck|px|mpx?|bits?|ans|years?|jahre"
)
_TOKEN = re.compile(
    rf"(?P<size>{_NUMBER}(?:\s?[/x\u00d7]\s?{_NUMBER})+(?![^\W_]))"
    rf"|(?P<number>{_NUMBER})\s?(?P<unit>{_UNITS})(?![^\W_])"
    r"|(?P<code>(?=[^\W_]*(?:[-][^\W_]+)*[0-9])(?=[0-9\-]*[^\W\d_])[^\W_]+(?:-[^\W_]+)+)"
    r"|(?P<word>[^\W_]+)"
)
_DIGITS = re.compile("[0-9]+")


class TitleWords(NamedTuple):
    """Words of a title, in order, and of the description below it.

    Attributes:
        plain: the title as it stood, or the description where the title has no words; without tags and entities, on
            one line, for sentence encoders.
    """

    title: list[str]
    description: list[str]
    plain: str = ""

    @classmethod
    def of(cls, text: str) -> "TitleWords":
        """`text`: title and description as `catalog.product_text.joined` puts them."""
        title, description = map(_without_markup, parted(text))
        words = _words(title)
        plain = " ".join((title if words else description).split())
        return cls(words, _words(description) if description else [], plain)

    @property
    def any(self) -> bool:
        """Whether there is a word at all."""
        return bool(self.title or self.description)

    @property
    def key(self) -> str:
        """The same for titles that say the same, whatever their descriptions."""
        return " ".join(self.title or self.description)


def words_of(text: str) -> list[str]:
    """Words of a text, case and accents folded.

    A measure is one word whatever stands between number and unit, and again without its number (`256 Go` -> `256go`,
    `#go`); so is a size (`38/40` -> `38/40`, `#/#`); a model's name is one word, and its parts (`WH-1000XM4` ->
    `wh1000xm4`, `wh`, `1000xm4`); a number of more than `LONGEST_NUMBER` digits becomes `number`.
    """
    return _words(_without_markup(text))


def _without_markup(text: str) -> str:
    text = text[:MAX_CHARACTERS]
    if "&" in text:
        # escaped once by the shop, and once more by whoever exported it
        text = html.unescape(html.unescape(text))
    return _TAG.sub(" ", text) if "<" in text else text


def _words(text: str) -> list[str]:
    text = _APOSTROPHE.sub(" ", _NOT_WORDS.sub("", text))
    # NFKC: full-width letters, ligatures, a small 2 above the line
    text = without_accents(unicodedata.normalize("NFKC", text).casefold())
    words: list[str] = []
    for found in _TOKEN.finditer(text):
        kind, word = found.lastgroup, found[0]
        if kind == "size":
            size = "".join(word.split()).replace("\u00d7", "x")
            words += [size, _DIGITS.sub("#", size.replace(",", "").replace(".", ""))]
        elif kind == "unit":
            words += [found["number"].replace(",", ".") + found["unit"], "#" + found["unit"]]
        elif kind == "code":
            words += [word.replace("-", ""), *word.split("-")]
        elif word.isdecimal() and len(word) > LONGEST_NUMBER:
            words.append("number")
        else:
            words.append(word)
        if len(words) >= MAX_WORDS:
            break
    # most words of a hundred thousand titles are those of others
    return list(map(sys.intern, words[:MAX_WORDS]))
