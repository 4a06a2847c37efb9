"""What is written of a product and on its photos, as visual search compares it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.product_text import MAX_DESCRIPTION, MAX_TITLE, cleaned, joined, parted
from text.normalize import normalize_text
from text.titles import MAX_WORDS, TitleWords, words_of


class SearchText(NamedTuple):
    """A product's title, and the words read on its photos with blanks between them; "" where there is none."""

    title: str = ""
    read: str = ""

    @property
    def words(self) -> TitleWords:
        """The words of both as one text, which a sentence encoder reads the title of alone where there is one.

        What was read is folded as the reading branch does it: book and article numbers stay, in one piece.
        """
        title, read = words_of(self.title), normalize_text(self.read).split()[:MAX_WORDS]
        return TitleWords(title + read, [], " ".join((self.title if title else self.read).split()))

    def to_line(self) -> str:
        """Both as they are kept: on a line each, cut as the texts of a catalogue are."""
        return joined(cleaned(self.title, MAX_TITLE), cleaned(self.read, MAX_DESCRIPTION))

    @classmethod
    def from_line(cls, line: str) -> SearchText:
        """Inverse of `to_line`."""
        return cls(*parted(line))


NOTHING_WRITTEN = SearchText()


class SentenceVectors(Protocol):
    """What turns texts into vectors, such as `text.title_encoder.TitleEncoder`.

    Attributes:
        name: of the encoder; width: E, numbers of a vector.
    """

    name: str
    width: int

    def vectors(self, titles: list[TitleWords], /) -> NDArray[np.float32]:
        """`(N, E)` float32, rows of length one."""
