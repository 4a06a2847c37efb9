"""TF-IDF features of texts: words, and sequences of characters within them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from text.config import TextConfig
from text.normalize import ProductText

MAX_WORDS_PER_TEXT = 300

Matrix = Any  # scipy's csr_matrix has no element type


def make_vectorizers(
    config: TextConfig, vocabularies: Sequence[Sequence[str] | None] = (None, None)
) -> tuple[TfidfVectorizer, TfidfVectorizer]:
    """Features of words and of characters, to be fitted; or with the terms of fitted ones."""
    shared = {"lowercase": False, "sublinear_tf": True, "dtype": np.float32}
    words = TfidfVectorizer(
        # scikit-learn's own pattern leaves out tokens of one character
        token_pattern=r"\S+",
        ngram_range=(1, config.word_ngrams),
        max_features=config.max_word_features,
        vocabulary=vocabularies[0],
        **shared,
    )
    characters = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=config.character_ngrams,
        max_features=config.max_character_features,
        vocabulary=vocabularies[1],
        **shared,
    )
    return words, characters


def fit_tfidf(vectorizers: Sequence[TfidfVectorizer], texts: Sequence[ProductText]) -> Matrix:
    """Let the vectorizers learn their terms; returns the `(N, F)` that `tfidf` then gives for the texts."""
    return _side_by_side(vectorizer.fit_transform(_short(texts)) for vectorizer in vectorizers)


def tfidf(vectorizers: Sequence[TfidfVectorizer], texts: Sequence[ProductText]) -> Matrix:
    """`(N, F)` sparse float32: words, then characters, each block of length one per row, or empty."""
    return _side_by_side(vectorizer.transform(_short(texts)) for vectorizer in vectorizers)


def _short(texts: Sequence[ProductText]) -> list[str]:
    """The tokens of each text, those of endless ones cut."""
    return [" ".join(text.tokens.split()[:MAX_WORDS_PER_TEXT]) for text in texts]


def _side_by_side(blocks: Iterable[Matrix]) -> Matrix:
    return csr_matrix(hstack(list(blocks)))
