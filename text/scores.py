"""Scores of texts by leaf, linear in their features: naive Bayes, ridge regression, frequency, discriminants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.covariance import shrunk_covariance
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import ComplementNB

from catalog.files.progress import in_batches
from catalog.split.random_order import rank_in_group
from text.config import TextConfig
from text.encoders import Vectors
from text.features import Matrix, fit_tfidf, make_vectorizers, tfidf
from text.normalize import ProductText

CALIBRATION_TEXTS = 20_000
"""Their scores by every model and leaf are held at once."""
LEAVES_AT_ONCE = 64
"""Ridge regressions fitted together: their indicators are as many dense columns over all texts."""
ROWS_AT_ONCE = 65_536

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class LinearModel:
    """Coefficients `(K, F)` float32, F = 0 for a model that looks at no feature, and intercepts `(K,)`."""

    coef: NDArray[np.float32]
    intercept: NDArray[Any]

    def scores(self, features: Matrix) -> NDArray[Any]:
        """`(N, K)` scores of N rows of features."""
        if not self.coef.shape[1]:
            return np.broadcast_to(self.intercept, (features.shape[0], len(self.intercept)))
        return np.asarray(features @ self.coef.T + self.intercept)


def capped_rows(leaf: NDArray[np.int64], config: TextConfig) -> NDArray[np.int64]:
    """`(M,)` int64 sorted rows of `(N,)` leaves, at most `texts_per_leaf` of each leaf, drawn at random."""
    return np.flatnonzero(rank_in_group(leaf, np.random.default_rng(config.seed)) < config.texts_per_leaf)


def linear_models(
    features: Matrix, vectors: Sequence[Vectors], target: NDArray[np.int64], n_classes: int, config: TextConfig
) -> list[LinearModel]:
    """Naive Bayes, ridge regression and log frequency on TF-IDF, then one discriminant per encoder.

    Args:
        features: `(N, F)` sparse, see `tfidf`. vectors: `(N, D)` of each encoder.
        target: `(N,)` class of each text in `0..n_classes - 1`, every class at least once.
    """
    # the complement's counts, because leaves differ a hundredfold in size: plain naive Bayes leans to the large ones
    # (Rennie et al., "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", 2003)
    bayes = ComplementNB(alpha=config.smoothing).fit(features, target)
    # what all leaves share cancels in the softmax; taking it out keeps the numbers small
    log_odds = bayes.feature_log_prob_ - bayes.feature_log_prob_.mean(axis=0)
    coef = np.empty((n_classes, features.shape[1]), np.float32)
    intercept = np.empty(n_classes, np.float32)
    for block in in_batches(np.arange(n_classes), LEAVES_AT_ONCE):
        indicators = (target[:, None] == block).astype(np.float32)
        ridge = Ridge(alpha=config.ridge, solver="sparse_cg", tol=1e-3, max_iter=200).fit(features, indicators)
        coef[block] = np.reshape(ridge.coef_, (len(block), -1))
        intercept[block] = ridge.intercept_
    frequency = np.log(np.bincount(target, minlength=n_classes) / len(target))
    return [
        LinearModel(log_odds.astype(np.float32), np.zeros(n_classes)),
        LinearModel(coef, intercept),
        LinearModel(np.zeros((n_classes, 0), np.float32), frequency),
        *(discriminant(encoded, target, n_classes, config.covariance_shrinkage) for encoded in vectors),
    ]


def discriminant(vectors: Vectors, target: NDArray[np.int64], n_classes: int, shrinkage: float) -> LinearModel:
    """Fisher's linear discriminant with equal priors: class means under one shrunk covariance.

    Closed form, so a million texts cost two passes; on the shelf benchmark also better than logistic regression
    (leaf accuracy of the vectors alone 0.44 and 0.45 against 0.43, `bench/text_model.py`).

    Args:
        vectors: `(N, D)`. target: `(N,)` class of each, every class at least once. shrinkage: in (0, 1].
    """
    members = csr_matrix((np.ones(len(target), np.float32), (target, np.arange(len(target)))), (n_classes, len(target)))
    means = np.asarray(members @ vectors, np.float64) / np.bincount(target, minlength=n_classes)[:, None]
    scatter = np.zeros((vectors.shape[1],) * 2)
    for rows in in_batches(np.arange(len(target)), ROWS_AT_ONCE):
        away = vectors[rows] - means[target[rows]]
        scatter += away.T @ away
    # one text per class leaves no scatter at all: then every direction counts alike
    covariance = shrunk_covariance(scatter / len(target), shrinkage) + 1e-6 * np.eye(len(scatter))
    coef = np.linalg.solve(covariance, means.T).T
    return LinearModel(coef.astype(np.float32), -0.5 * (coef * means).sum(axis=1))


def out_of_fold(
    texts: Sequence[ProductText],
    vectors: Sequence[Vectors],
    target: NDArray[np.int64],
    n_classes: int,
    config: TextConfig,
) -> tuple[NDArray[np.int64], Scores]:
    """Rows `(M,)` and scores `(S, M, K)` of S models that have not seen them, at most `CALIBRATION_TEXTS` rows.

    Args:
        texts: N. vectors: `(N, D)` of each encoder. target: `(N,)` class of each in `0..n_classes - 1`.
    """
    rows: list[NDArray[np.int64]] = []
    scores: list[Scores] = []
    for inside, outside in _folds(texts, config):
        # a leaf that this fold has not seen cannot be judged by it
        outside = outside[np.isin(target[outside], target[inside])][: CALIBRATION_TEXTS // config.folds]
        if len(np.unique(target[inside])) < 2 or not len(outside):
            continue
        learnt, unseen = ([texts[row] for row in some.tolist()] for some in (inside, outside))
        encoded = [v[inside] for v in vectors], [v[outside] for v in vectors]
        rows.append(outside)
        scores.append(scores_of_unseen(learnt, target[inside], unseen, n_classes, config, encoded))
    if not rows:
        return np.zeros(0, np.int64), np.zeros((3 + len(vectors), 0, n_classes), np.float32)
    return np.concatenate(rows), np.concatenate(scores, axis=1)


def scores_of_unseen(
    texts: Sequence[ProductText],
    target: NDArray[np.int64],
    unseen: Sequence[ProductText],
    n_classes: int,
    config: TextConfig,
    vectors: tuple[Sequence[Vectors], Sequence[Vectors]] = ((), ()),
) -> Scores:
    """`(S, M, K)` scores of M unseen texts by the models of `linear_models`, which learn from N others.

    Args:
        texts: N. target: `(N,)` class of each in `0..n_classes - 1`, two or more of them. unseen: M.
        vectors: `(N, D)` and `(M, D)` of each encoder.
    """
    seen, seen_target = np.unique(target, return_inverse=True)
    vectorizers = make_vectorizers(config)
    features = fit_tfidf(vectorizers, texts)
    models = linear_models(features, vectors[0], seen_target, len(seen), config)
    unseen_features = tfidf(vectorizers, unseen)
    scores = np.zeros((len(models), len(unseen), n_classes), np.float32)
    inputs = [unseen_features, unseen_features, unseen_features, *vectors[1]]
    for number, (model, given) in enumerate(zip(models, inputs, strict=True)):
        of_seen = model.scores(given)
        # a leaf without a text to learn from scores as low as the least likely of those that have one
        scores[number] = of_seen.min(axis=1, keepdims=True)
        scores[number][:, seen] = of_seen
    return scores


def _folds(texts: Sequence[ProductText], config: TextConfig) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    # a copy of a text in the other part would make the models look surer than they are
    _, group = np.unique(np.array([text.tokens for text in texts], dtype=object), return_inverse=True)
    fold = np.random.default_rng(config.seed).permutation(group.max() + 1)[group] % config.folds
    for number in range(config.folds):
        if (fold == number).any() and (fold != number).any():
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)
