"""What a title is to a linear model: its words, where it stands among all titles, and what a sentence encoder says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from text.hashed_terms import Matrix


@dataclass(frozen=True)
class TitleFeatures:
    """What is known of N titles.

    Attributes:
        words: `(N, F)` sparse TF-IDF of words; vectors: `(N, D)` float32 of words and characters, in the basis;
        encoded: `(N, E)` float32 of a sentence encoder, E = 0 without one.
    """

    words: Matrix
    vectors: NDArray[np.float32]
    encoded: NDArray[np.float32]

    @classmethod
    def of(
        cls, words: Matrix, characters: Matrix, basis: NDArray[np.float32], encoded: NDArray[np.float32] | None = None
    ) -> TitleFeatures:
        """Of both kinds of terms; `basis`: `(F + G, D)` of words, then characters."""
        n_words = words.shape[1]
        vectors = np.asarray(words @ basis[:n_words] + characters @ basis[n_words:], np.float32)
        return cls(words, vectors, np.zeros((len(vectors), 0), np.float32) if encoded is None else encoded)

    def rows(self, rows: NDArray[np.int64]) -> TitleFeatures:
        """Those of `(n,)` rows."""
        return TitleFeatures(self.words[rows], self.vectors[rows], self.encoded[rows])
