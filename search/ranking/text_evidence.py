"""What texts say of whether two products are one: features of a query and of each candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.ranking.search_text import SearchText
from search.ranking.text_store import TextStore
from text.hashed_terms import terms_of

FEATURES = ("vectors", "words", "characters")
"""Cosine of sentence vectors; overlap of words and pairs of words; overlap of sequences of characters in words."""


@dataclass(frozen=True)
class TextEvidence:
    """Of P candidates.

    Attributes:
        features: `(P, 3)` float64, see `FEATURES`: the first in [-1, 1], the others in [0, 1]; zeros where silent.
        speaks: `(P,)` bool, query and candidate both have a word.
    """

    features: NDArray[np.float64]
    speaks: NDArray[np.bool_]

    @classmethod
    def of(cls, store: TextStore, query: SearchText, product_ids: NDArray[np.int64]) -> TextEvidence:
        """Compare the text of a query with those of `(P,)` products."""
        features, speaks = np.zeros((len(product_ids), len(FEATURES))), np.zeros(len(product_ids), bool)
        asked = query.words
        if not asked.any:
            return cls(features, speaks)
        # one state of the store, whatever is added meanwhile
        segments = store.segments
        words = [text.words for text in segments.texts(product_ids)]
        speaks[:] = [each.any for each in words]
        # the vector of a text with a word is never zeros
        if store.encoder is not None:
            features[:, 0] = segments.vectors(product_ids) @ store.encoder.vectors([asked])[0]
        query_terms = terms_of([asked])
        for column, (counts, of_query, terms) in enumerate(
            zip((segments.words, segments.characters), query_terms, terms_of(words), strict=True), start=1
        ):
            features[:, column] = counts.overlap(of_query, terms)
        features[~speaks] = 0
        return cls(features, speaks)
