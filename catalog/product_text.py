"""What a shop wrote of a product, its title and its description, in the one form in which all of it is kept."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from bson.decimal128 import Decimal128

MAX_TITLE, MAX_DESCRIPTION = 1_000, 10_000
"""Characters; what is longer is cut."""
FIELDS = ("title", "description")
"""How documents call them, and tables where nothing else is said."""
BETWEEN_TEXTS = "\n"
"""Between a title and a description; neither holds one."""
_CONTROLS = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, line breaks of every kind among them."""
_NO_UTF8 = re.compile("[\udc80-\udcff]")
"""What stands for bytes that are no UTF-8 where they are decoded so that they may be known ("surrogateescape")."""
_GROWTH = 3
"""Characters that may become one in the form NFC: those of a Korean syllable."""


class ShopText(NamedTuple):
    """A product's texts.

    Attributes:
        title, description: "" where there is none.
        cut, faults: what was too long, and what is no text, in words.
    """

    title: str = ""
    description: str = ""
    cut: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, title: object, description: object) -> ShopText:
        """What stands in a document's fields, or a table's cells: a text, a number, a list of these, or nothing."""
        texts: list[str] = []
        cut: list[str] = []
        faults: list[str] = []
        for name, value, limit in zip(FIELDS, (title, description), (MAX_TITLE, MAX_DESCRIPTION), strict=True):
            try:
                written = _written(value)
            except TypeError as error:
                written = ""
                faults.append(f"{name} is {error}, expected a text")
            text = cleaned(written, limit)
            if len(written) > limit and len(cleaned(written, limit + 1)) > limit:
                cut.append(f"{name} of {len(written):,} characters, the first {limit:,} are used")
            texts.append(text)
        return cls(texts[0], texts[1], tuple(cut), tuple(faults))

    @property
    def text(self) -> str:
        """Both as one, see `joined`."""
        return joined(self.title, self.description)


NO_TEXT = ShopText()
"""Of a product of which nothing is written."""


def joined(title: str, description: str) -> str:
    """The title, then a line break and the description where there is one."""
    return f"{title}{BETWEEN_TEXTS}{description}" if description else title


def parted(text: str) -> tuple[str, str]:
    """Inverse of `joined`: title and description."""
    title, _, description = text.partition(BETWEEN_TEXTS)
    return title, description


def cleaned(text: str, limit: int) -> str:
    """A text as it is kept: Unicode NFC, on one line, at most `limit` characters, no blanks around it."""
    if text.isascii() and len(text) <= limit and text.isprintable():
        return text.strip()
    # composing takes quadratic time on endless marks that nobody wrote: first what can be none of the result goes
    text = _CONTROLS.sub(" ", text).strip()[: _GROWTH * limit]
    text = unicodedata.normalize("NFC", text)
    # half of a surrogate pair is no character, and no encoding has it
    return text.encode("utf-8", "replace").decode()[:limit].strip()


def _written(value: object) -> str:
    """The text that a value stands for; raises TypeError naming its type where it stands for none."""
    if isinstance(value, list):
        # as exporters write a field that may be repeated
        try:
            return " ".join(filter(None, map(_part, value)))
        except TypeError as error:
            raise TypeError(f"a list with {error}") from None
    return _part(value)


def _part(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if _NO_UTF8.search(value):
            raise TypeError("text in another encoding than UTF-8")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal128):
        raise TypeError(type(value).__name__)
    if isinstance(value, float):
        # NaN is how data frames write that there is nothing; a whole number was none with a point in it
        return "" if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    return str(value)
