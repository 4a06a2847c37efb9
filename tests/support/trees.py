"""Trees of eight leaves each, of every shape: even ones of one to five levels, and one with leaves at all levels."""

from __future__ import annotations

from catalog.tree.taxonomy import Taxonomy
from tests.support.products import TAXONOMY


def of_texts(*texts: str) -> Taxonomy:
    return Taxonomy([(i, tuple(text.split())) for i, text in enumerate(texts, start=101)])


FLAT = of_texts(*"ABCDEFGH")
TWO = of_texts("A a", "A b", "A c", "B a", "B b", "C a", "C b", "D a")
FIVE = of_texts(*(" ".join(f"{i:05b}".replace("0", "a").replace("1", "b")) for i in (0, 1, 2, 5, 11, 14, 15, 31)))
RAGGED = of_texts("A", "A B", "A B C D", "A B C E", "A B F", "G", "H I J", "H I K L")
TREES = (FLAT, TWO, TAXONOMY, FIVE, RAGGED)
