"""Titles that name their category: where it was put in because the category was known, new titles will lack it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import percent
from catalog.tree.taxonomy import Taxonomy
from text.titles import words_of

MANY, BY_CHANCE = 0.5, 3.0
"""Told where so large a share of titles names its own category, and so many times as many as name another's."""


@dataclass(frozen=True)
class CategoryNaming:
    """Shares of titles in [0, 1].

    Attributes:
        own: those that have every word of their own leaf's name.
        other: those that have every word of the leaf of another product, drawn by chance.
    """

    own: float
    other: float

    @classmethod
    def of(
        cls, titles: Sequence[str], leaf: NDArray[np.int64], tree: Taxonomy, rng: np.random.Generator
    ) -> CategoryNaming:
        """Of N titles, empty ones aside, of products on `(N,)` leaves."""
        names = [frozenset(words_of(path[-1])) for path in tree.shown]
        own, other = (
            _share([names[number] for number in leaves.tolist()], titles) for leaves in (leaf, rng.permutation(leaf))
        )
        return cls(own, other)

    @property
    def sentence(self) -> str:
        """What a person should know of it before believing figures; empty where there is nothing to tell."""
        if self.own < MANY or self.own < BY_CHANCE * self.other:
            return ""
        return (
            f"{percent(self.own)} of the titles hold the whole name of their own category "
            f"({percent(self.other)} that of another product's): if the name was put there because the "
            "category was known, titles of new products will lack it, and the figures are too good"
        )


def _share(names: Sequence[frozenset[str]], titles: Sequence[str]) -> float:
    naming = [bool(name) and name <= set(words_of(title)) for title, name in zip(titles, names, strict=True) if title]
    return float(np.mean(naming)) if naming else 0.0
