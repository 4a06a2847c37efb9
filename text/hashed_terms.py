"""Terms of titles as numbers: words, pairs of them, and sequences of characters, each known by a hash of 32 bits.

A list of terms as text would cost more than the model. Two of 300,000 terms have the same hash about ten times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from text.titles import TitleWords

Matrix = Any  # scipy's csr_matrix has no element type
Hashes = NDArray[np.uint32]

SHORTEST, LONGEST = 3, 5
"""Characters of a sequence within a word and the blanks around it."""
_CJK = "\u2e80"
"""From here on a word is a whole sentence, and one or two signs say much."""
WORDS_KNOWN = 1 << 16
"""Words whose terms are remembered: titles say the same ones again and again."""


class _WordTerms(NamedTuple):
    word: int
    characters: Hashes


class Terms(NamedTuple):
    """Terms of N texts, those of one after those of another.

    Attributes:
        hashes: `(T,)` uint32; counts: `(N,)` int64 terms of each text.
    """

    hashes: Hashes
    counts: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """`(T,)` text of each term."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def terms_of(texts: Sequence[TitleWords]) -> tuple[Terms, Terms]:
    """Words and pairs of words that stand side by side in titles, words of descriptions; and characters of titles."""
    words: list[int] = []
    characters: list[Hashes] = []
    counts = np.zeros((2, len(texts)), np.int64)
    for row, (title, description, _) in enumerate(texts):
        known = [_terms_of_word(word) for word in title]
        before, n_characters = len(words), 0
        words.extend(terms.word for terms in known)
        # the second word's hash goes on where the first one's ended
        words.extend(crc32(b" " + second.encode(), first.word) for first, second in zip(known, title[1:], strict=False))
        words.extend(_terms_of_word(word).word for word in description)
        for terms in known:
            characters.append(terms.characters)
            n_characters += len(terms.characters)
        counts[:, row] = len(words) - before, n_characters
    joined = np.concatenate([np.zeros(0, np.uint32), *characters])
    return Terms(np.array(words, np.uint32), counts[0]), Terms(joined, counts[1])


@lru_cache(WORDS_KNOWN)
def _terms_of_word(word: str) -> _WordTerms:
    shortest, longest = (1, 2) if word[0] >= _CJK else (SHORTEST, LONGEST)
    padded = f" {word} "
    # a long word is cut: what stands further back would say the same of a web address or a table of numbers
    padded = padded[:64]
    sequences = [
        padded[start : start + length]
        for length in range(shortest, min(longest, len(padded)) + 1)
        for start in range(len(padded) - length + 1)
    ]
    return _WordTerms(crc32(word.encode()), np.array([crc32(s.encode()) for s in sequences], np.uint32))


@dataclass(frozen=True)
class Vocabulary:
    """The terms of one kind that a model knows.

    Attributes:
        hashes: `(F,)` uint32, rising; idf: `(F,)` float32 inverse document frequency.
    """

    hashes: Hashes
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, terms: Terms, at_most: int) -> Vocabulary:
        """The terms of most texts, smoothed inverse document frequencies as scikit-learn has them."""
        # np.unique takes fifteen times as long: it looks each of millions up in a table
        occurring = np.sort(terms.rows.astype(np.uint64) << np.uint64(32) | terms.hashes)
        is_first = np.append(True, occurring[1:] != occurring[:-1])[: len(occurring)]
        hashes, n_texts = np.unique(occurring[is_first].astype(np.uint32), return_counts=True)
        if len(hashes) > at_most:
            kept = np.sort(np.argsort(-n_texts, kind="stable")[:at_most])
            hashes, n_texts = hashes[kept], n_texts[kept]
        idf = np.log((1 + len(terms.counts)) / (1 + n_texts)) + 1
        return cls(hashes, idf.astype(np.float32))

    def matrix(self, terms: Terms) -> Matrix:
        """`(N, F)` sparse float32 TF-IDF with logarithmic counts, rows of length one, or empty."""
        place = np.searchsorted(self.hashes, terms.hashes)
        place[place == len(self.hashes)] = 0
        known = self.hashes[place] == terms.hashes if len(self.hashes) else np.zeros(len(place), bool)
        start = np.concatenate([[0], np.cumsum(known)])[np.concatenate([[0], np.cumsum(terms.counts)])]
        shape = len(terms.counts), len(self.hashes)
        features = csr_matrix((np.ones(int(start[-1]), np.float32), place[known].astype(np.int32), start), shape)
        features.sum_duplicates()
        features.data = (1 + np.log(features.data)) * self.idf[features.indices]
        squares = np.add.reduceat(np.append(features.data**2, np.float32(0)), features.indptr[:-1])
        n_terms = np.diff(features.indptr)
        features.data /= np.repeat(np.sqrt(squares), n_terms)
        return features
