"""Texts of products with their vectors in folders that are written once: read memory-mapped, the newest counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, mapped_array, save_arrays
from catalog.files.atomic import atomic_folder
from search.ranking.search_text import NOTHING_WRITTEN, SearchText
from search.ranking.word_overlap import TermCounts
from text.hashed_terms import Terms

FORMAT = "rayonnage search texts 1"
PRODUCT_IDS, START, TEXTS, VECTORS, TERMS, HEAD = (
    "product_ids.npy", "start.npy", "texts.npy", "vectors.npy", "terms.safetensors", "segment.json",
)  # fmt: skip
REMEDY = "remove the folder of texts and write them anew with the index"
UNKNOWN = -1
"""Stands where a product has no row."""


@dataclass(frozen=True)
class TextSegment:
    """The texts of n products.

    Attributes:
        product_ids: `(n,)` int64, rising, each once. start: `(n + 1,)` int64 where each text begins and ends.
        texts: `(B,)` uint8, UTF-8, see `SearchText.to_line`. vectors: `(n, E)` float16 of length 1; E = 0 without an
            encoder.
        words, characters: how many of the n texts each term stands in.
    """

    product_ids: NDArray[np.int64]
    start: NDArray[np.int64]
    texts: NDArray[np.uint8]
    vectors: NDArray[np.float16]
    words: TermCounts
    characters: TermCounts

    @classmethod
    def of(
        cls, product_ids: NDArray[np.int64], texts: Sequence[SearchText], vectors: NDArray[np.floating],
        terms: tuple[Terms, Terms],
    ) -> TextSegment:  # fmt: skip
        """`(n,)` products in any order, each once, `(n, E)` vectors, words and characters of each."""
        order = np.argsort(product_ids, kind="stable")
        lines = [texts[place].to_line().encode() for place in order.tolist()]
        start = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
        flat = np.frombuffer(b"".join(lines), np.uint8)
        words, characters = map(TermCounts.of, terms)
        return cls(product_ids[order], start, flat, vectors[order].astype(np.float16), words, characters)

    def write(self, folder: Path) -> None:
        """Write it as a folder of its own, which is whole or absent."""
        with atomic_folder(folder) as new:
            for name, array in (
                (PRODUCT_IDS, self.product_ids), (START, self.start), (TEXTS, self.texts), (VECTORS, self.vectors),
            ):  # fmt: skip
                np.save(new / name, array, allow_pickle=False)
            save_arrays(new / TERMS, {
                "words": self.words.hashes, "word_counts": self.words.counts,
                "characters": self.characters.hashes, "character_counts": self.characters.counts,
            })  # fmt: skip
            head = {"format": FORMAT, "products": len(self.product_ids), "bytes": len(self.texts)}
            (new / HEAD).write_text(json.dumps(head), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, width: int) -> TextSegment:
        """Map what `write` wrote; `width`: E.

        Raises:
            ValueError: a file is missing, truncated, of another format or shape; it is named.
        """
        n, n_bytes = _head(folder / HEAD)
        ids = mapped_array(folder / PRODUCT_IDS, np.int64, (n,), REMEDY)
        start = mapped_array(folder / START, np.int64, (n + 1,), REMEDY)
        texts = mapped_array(folder / TEXTS, np.uint8, (n_bytes,), REMEDY)
        if (np.diff(ids) <= 0).any():
            raise ValueError(f"{folder / PRODUCT_IDS} is damaged: its ids do not rise: {REMEDY}")
        if start[0] != 0 or start[-1] != n_bytes or (np.diff(start) < 0).any():
            raise ValueError(f"{folder / START} is damaged: it does not fit {TEXTS}: {REMEDY}")
        expected = {
            "words": ArraySpec(np.uint32, ("W",)), "word_counts": ArraySpec(np.int64, ("W",)),
            "characters": ArraySpec(np.uint32, ("C",)), "character_counts": ArraySpec(np.int64, ("C",)),
        }  # fmt: skip
        terms = load_arrays(folder / TERMS, expected, what="terms of texts", remedy=REMEDY)
        words = TermCounts(terms["words"], terms["word_counts"], n)
        characters = TermCounts(terms["characters"], terms["character_counts"], n)
        return cls(ids, start, texts, mapped_array(folder / VECTORS, np.float16, (n, width), REMEDY), words, characters)

    def text(self, row: int) -> SearchText:
        """The text of a row."""
        return SearchText.from_line(self.texts[self.start[row] : self.start[row + 1]].tobytes().decode())

    def rows_of(self, product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(P,)` int64 row of each product, `UNKNOWN` where it is not here."""
        if not len(self.product_ids):
            return np.full(len(product_ids), UNKNOWN)
        place = np.searchsorted(self.product_ids, product_ids).clip(max=len(self.product_ids) - 1)
        return np.where(self.product_ids[place] == product_ids, place, UNKNOWN)


@dataclass(frozen=True)
class TextSegments:
    """The texts of products in several segments, the oldest first: of a product that stands in several, the newest."""

    segments: tuple[TextSegment, ...]
    width: int

    def places(self, product_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(P,)` int64 segment and row of each product; both `UNKNOWN` where there is no text."""
        segment, row = np.full(len(product_ids), UNKNOWN), np.full(len(product_ids), UNKNOWN)
        for number, one in enumerate(self.segments):
            here = one.rows_of(product_ids)
            known = here != UNKNOWN
            segment[known], row[known] = number, here[known]
        return segment, row

    def texts(self, product_ids: NDArray[np.int64]) -> list[SearchText]:
        """The texts of `(P,)` products; `NOTHING_WRITTEN` where there is none."""
        pairs = zip(*(places.tolist() for places in self.places(product_ids)), strict=True)
        return [NOTHING_WRITTEN if row == UNKNOWN else self.segments[number].text(row) for number, row in pairs]

    def vectors(self, product_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(P, E)` float32 vectors of the texts of `(P,)` products; zeros where there is none."""
        vectors = np.zeros((len(product_ids), self.width), np.float32)
        segment, row = self.places(product_ids)
        for number in np.unique(segment[segment != UNKNOWN]).tolist():
            here = segment == number
            vectors[here] = self.segments[number].vectors[row[here]]
        return vectors

    @cached_property
    def words(self) -> TermCounts:
        """Of all segments; a product whose text was replaced counts with both."""
        return TermCounts.sum(segment.words for segment in self.segments)

    @cached_property
    def characters(self) -> TermCounts:
        """As `words`."""
        return TermCounts.sum(segment.characters for segment in self.segments)


def _head(path: Path) -> tuple[int, int]:
    """Products and bytes of text of a segment."""
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']!r}, expected {FORMAT!r}")
        n, n_bytes = head["products"], head["bytes"]
        if not all(isinstance(count, int) and count >= 0 for count in (n, n_bytes)):
            raise ValueError(f"{n!r} products, {n_bytes!r} bytes")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no head of texts ({error}): {REMEDY}") from None
    return n, n_bytes
