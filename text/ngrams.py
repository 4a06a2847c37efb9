"""TF-IDF of word and character n-grams in which a word counts as much as its reader was sure of it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from text.normalize import ProductText

MAX_WORDS_PER_TEXT = 300
# While texts are counted, at most so many times the terms that are kept in the end are held.
TERMS_HELD = 20

Ngrams = Callable[[Sequence[str], Sequence[float]], Iterator[tuple[str, float]]]
Matrix = Any  # scipy's csr_matrix has no element type


def word_ngrams(longest: int) -> Ngrams:
    """Sequences of 1 to `longest` tokens; a sequence weighs as much as its least sure token."""

    def of(tokens: Sequence[str], weights: Sequence[float]) -> Iterator[tuple[str, float]]:
        for n in range(1, longest + 1):
            for start in range(len(tokens) - n + 1):
                yield " ".join(tokens[start : start + n]), min(weights[start : start + n])

    return of


def character_ngrams(shortest: int, longest: int) -> Ngrams:
    """Sequences of characters within a token, which has a blank before and behind it; a shorter token is one itself."""

    def of(tokens: Sequence[str], weights: Sequence[float]) -> Iterator[tuple[str, float]]:
        for token, weight in zip(tokens, weights, strict=True):
            padded = f" {token} "
            for n in range(shortest, longest + 1):
                for start in range(max(1, len(padded) - n + 1)):
                    yield padded[start : start + n], weight
                if n >= len(padded):
                    break

    return of


class NgramTfidf:
    """`ln(1 + sum of weights) * idf` of each term, rows of length one.

    `idf = ln((1 + texts) / (1 + texts with the term)) + 1`, as scikit-learn has it. Memory is bounded by the number of
    terms kept: while they are counted, the rarer half is forgotten whenever there are too many.

    Args:
        ngrams: terms of a text. max_terms: the terms found in most texts are kept. min_texts: fewer texts than this
            do not make a term. power: a word of confidence c weighs `c ** power`.

    Attributes:
        terms: ascending; idf: `(F,)` float32.
    """

    terms: list[str]
    idf: NDArray[np.float32]

    def __init__(self, ngrams: Ngrams, max_terms: int, min_texts: int, power: float) -> None:
        self._ngrams = ngrams
        self.max_terms, self.min_texts, self.power = max_terms, min_texts, power

    def fit(self, texts: Sequence[ProductText]) -> Self:
        """Find the terms and how rare they are."""
        found: Counter[str] = Counter()
        for text in texts:
            found.update({term for term, _ in self._terms_of(text)})
            if len(found) > TERMS_HELD * self.max_terms:
                # half of them go at once, so that this is rare however many terms there are
                floor = sorted(found.values())[len(found) // 2]
                found = Counter({term: n for term, n in found.items() if n > floor})
        kept = [(term, n) for term, n in found.items() if n >= self.min_texts] or list(found.items())
        kept = sorted(sorted(kept, key=lambda entry: (-entry[1], entry[0]))[: self.max_terms])
        counts = np.array([n for _, n in kept], np.float64)
        return self.restored([term for term, _ in kept], np.log((1 + len(texts)) / (1 + counts)) + 1)

    def restored(self, terms: list[str], idf: NDArray[Any]) -> Self:
        """With the terms and weights of a fitted one."""
        self.terms, self.idf = terms, np.asarray(idf, np.float32)
        self._column = {term: column for column, term in enumerate(terms)}
        return self

    def transform(self, texts: Sequence[ProductText]) -> Matrix:
        """`(N, F)` sparse float32; a row without a known term is empty."""
        columns, values, ends = array("i"), array("f"), array("q", [0])
        for text in texts:
            weights: dict[int, float] = {}
            for term, weight in self._terms_of(text):
                column = self._column.get(term)
                if column is not None:
                    weights[column] = weights.get(column, 0.0) + weight
            columns.extend(weights)
            values.extend(weights.values())
            ends.append(len(columns))
        at = np.frombuffer(columns, np.int32) if columns else np.zeros(0, np.int32)
        mass = np.frombuffer(values, np.float32) if values else np.zeros(0, np.float32)
        found = csr_matrix((np.log1p(mass) * self.idf[at], at, np.array(ends)), (len(texts), len(self.terms)))
        return normalize(found, copy=False) if len(texts) else found

    def _terms_of(self, text: ProductText) -> Iterator[tuple[str, float]]:
        tokens = text.tokens.split()[:MAX_WORDS_PER_TEXT]
        return self._ngrams(tokens, [weight**self.power for weight in text.weights[: len(tokens)]])
