"""A sentence encoder for tests: how often each letter of `abcdefgh` stands in a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from text.titles import TitleWords

LETTERS = "abcdefgh"


class LetterEncoder:
    """Remembers what it was asked for."""

    width = len(LETTERS) + 1

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []

    def one(self, words: TitleWords) -> NDArray[np.float32]:
        """`(9,)` float32 of length one, zeros where there is no word."""
        if not words.any:
            return np.zeros(self.width, np.float32)
        counts = np.array([1, *(words.plain.casefold().count(letter) for letter in LETTERS)], np.float32)
        return counts / np.linalg.norm(counts)

    def vectors(self, titles: list[TitleWords]) -> NDArray[np.float32]:
        """`(N, 9)` float32 of length one."""
        self.asked += [title.plain for title in titles]
        return np.array([self.one(title) for title in titles], np.float32).reshape(-1, self.width)
