"""Scores of texts by leaf, linear in TF-IDF features: naive Bayes, ridge regression, the leaf's frequency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import ComplementNB

from ocr.config import TextConfig

MAX_WORDS_PER_TEXT = 300
CALIBRATION_TEXTS = 20_000
LEAVES_AT_ONCE = 64

Matrix = Any  # scipy's csr_matrix has no element type
Scores = NDArray[np.float32]


def capped_rows(leaf: NDArray[np.int64], config: TextConfig) -> NDArray[np.int64]:
    """Sorted rows, at most `texts_per_leaf` of each leaf, drawn at random."""
    shuffled = np.random.default_rng(config.seed).permutation(len(leaf))
    order = shuffled[np.argsort(leaf[shuffled], kind="stable")]
    _, start, count = np.unique(leaf[order], return_index=True, return_counts=True)
    rank = np.arange(len(leaf)) - np.repeat(start, count)
    return np.sort(order[rank < config.texts_per_leaf])


def make_vectorizers(
    config: TextConfig, n_texts: int, vocabularies: Sequence[list[str] | None] = (None, None)
) -> tuple[Any, Any]:
    """Vectorizers of words and of characters, new or with the vocabularies of fitted ones."""
    shared: dict[str, Any] = {"lowercase": False, "sublinear_tf": True, "dtype": np.float32}
    words = TfidfVectorizer(
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
        # a sequence seen once says nothing, unless there is little else
        min_df=2 if n_texts >= 200 else 1,
        vocabulary=vocabularies[1],
        **shared,
    )
    return words, characters


def tfidf(vectorizers: Sequence[Any], texts: Sequence[str], fit: bool = False) -> Matrix:
    """`(N, F)` sparse float32: words, then characters, each block of length one per row."""
    short = [" ".join(text.split()[:MAX_WORDS_PER_TEXT]) for text in texts]
    return csr_matrix(hstack([v.fit_transform(short) if fit else v.transform(short) for v in vectorizers]))


def linear_models(
    features: Matrix, target: NDArray[np.int64], n_classes: int, config: TextConfig
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Coefficients `(K, F)` and intercepts `(K,)` of naive Bayes, ridge regression and the log frequency."""
    bayes = ComplementNB(alpha=config.smoothing).fit(features, target)
    # what all leaves share cancels in the softmax; taking it out keeps the numbers small
    log_odds = bayes.feature_log_prob_ - bayes.feature_log_prob_.mean(axis=0)
    coef = np.empty((n_classes, features.shape[1]), np.float32)
    intercept = np.empty(n_classes, np.float32)
    for start in range(0, n_classes, LEAVES_AT_ONCE):
        block = np.arange(start, min(start + LEAVES_AT_ONCE, n_classes))
        indicators = (target[:, None] == block).astype(np.float32)
        ridge = Ridge(alpha=config.ridge, solver="sparse_cg", tol=1e-3, max_iter=200).fit(features, indicators)
        coef[block] = np.reshape(ridge.coef_, (len(block), -1))
        intercept[block] = ridge.intercept_
    frequency = np.log(np.bincount(target, minlength=n_classes) / len(target))
    return [
        (log_odds.astype(np.float32), np.zeros(n_classes)),
        (coef, intercept),
        (np.zeros((n_classes, 1), np.float32), frequency),
    ]


def out_of_fold(
    texts: Sequence[str], target: NDArray[np.int64], n_classes: int, config: TextConfig
) -> tuple[NDArray[np.int64], Scores]:
    """Rows `(M,)` and scores `(3, M, K)` of models that have not seen them, at most `CALIBRATION_TEXTS` rows."""
    rows: list[NDArray[np.int64]] = []
    scores: list[Scores] = []
    for inside, outside in _folds(texts, config):
        # a leaf that this fold has not seen cannot be judged by it
        seen, own = np.unique(target[inside], return_inverse=True)
        outside = outside[np.isin(target[outside], seen)][: CALIBRATION_TEXTS // config.folds]
        if len(seen) < 2 or not len(outside):
            continue
        vectorizers = make_vectorizers(config, len(inside))
        features = tfidf(vectorizers, [texts[row] for row in inside.tolist()], fit=True)
        parts = linear_models(features, own, len(seen), config)
        unseen = tfidf(vectorizers, [texts[row] for row in outside.tolist()])
        block = np.zeros((3, len(outside), n_classes), np.float32)
        for number, (coef, intercept) in enumerate(parts):
            found = (unseen @ coef.T if coef.shape[1] == unseen.shape[1] else 0) + intercept
            found = np.broadcast_to(found, (len(outside), len(seen)))
            block[number] = found.min(axis=1, keepdims=True)
            block[number][:, seen] = found
        rows.append(outside)
        scores.append(block)
    if not rows:
        return np.zeros(0, np.int64), np.zeros((3, 0, n_classes), np.float32)
    return np.concatenate(rows), np.concatenate(scores, axis=1)


def _folds(texts: Sequence[str], config: TextConfig) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    _, group = np.unique(np.array(texts, dtype=object), return_inverse=True)
    fold = np.random.default_rng(config.seed).permutation(group.max() + 1)[group] % config.folds
    for number in range(config.folds):
        if (fold == number).any() and (fold != number).any():
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)
