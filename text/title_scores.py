"""Scores of titles by leaf that thousands of leaves can afford: sparse centroids of words, linear discriminants on a
few hundred numbers for a title, frequency.

A dense weight for each term and leaf, as of what is read on photos, would be 3 GB for 150,000 terms and 5,000 leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from text.calibration import Calibration, fit_pool
from text.hashed_terms import Matrix
from text.scores import LinearModel, discriminant
from text.title_features import TitleFeatures
from text.titles import TitleWords

DIMENSIONS = 192
"""Numbers that stand for a title; on 423 titles of a clothes shop 64 to 256 did alike, more leaves want more."""
BASIS_TEXTS = 20_000
"""Titles that the directions are learnt from: no label is looked at, so that more would tell nothing new."""
FOLDS = 5
CALIBRATION_SCORES = 5_000_000
"""Titles times leaves whose scores out of fold tell the weights."""
MAX_CALIBRATION_TEXTS = 20_000
USUAL_WEIGHTS = (10.0, 0.15, 0.5)
"""Of centroids, discriminant and frequency, where there are too few titles to fit them."""
ENCODER_WEIGHT = 0.15
COVARIANCE_SHRINKAGE = 0.2
ENCODER_SHRINKAGE = 0.7
"""As for what is read on photos, see `covariance_shrinkage` in `text.config`."""


def basis_of(features: Matrix, seed: int) -> NDArray[np.float32]:
    """`(F, D)` float32 directions in which `(N, F)` features spread most: latent semantic analysis.

    Deerwester et al., "Indexing by Latent Semantic Analysis", 1990; by random projections (Halko et al., 2011).
    """
    from sklearn.utils.extmath import randomized_svd

    n_texts = features.shape[0]
    if n_texts > BASIS_TEXTS:
        features = features[np.sort(np.random.default_rng(seed).permutation(n_texts)[:BASIS_TEXTS])]
    n_directions = max(1, min(DIMENSIONS, min(features.shape) - 1))
    basis = randomized_svd(features, n_directions, n_iter=1, random_state=seed)[2].T
    return np.ascontiguousarray(basis, np.float32)


@dataclass(frozen=True)
class TitleModels:
    """The three models of K classes, or four.

    Attributes:
        centroids: `(F, K)` sparse float32, columns of length one; latent: of the vectors;
        frequency: `(K,)` log share of the titles; meaning: of an encoder's vectors, where there are any.
    """

    centroids: Matrix
    latent: LinearModel
    frequency: NDArray[np.float64]
    meaning: LinearModel | None

    @classmethod
    def fit(cls, features: TitleFeatures, target: NDArray[np.int64], n_classes: int) -> TitleModels:
        """`target`: `(N,)` class of each title, every class at least once.

        A leaf's centroid is the sum of its titles' words (Rocchio, 1971): it is as sparse as they are. Naive Bayes,
        which is as sparse with Dirichlet smoothing, had 33 to 65 % of made-up titles of 1,000 leaves right, by how much
        it smoothed, centroids 99 %. Complement naive Bayes had 97 %, but a weight for every word and leaf.
        """
        members = csr_matrix(
            (np.ones(len(target), np.float32), (target, np.arange(len(target)))), (n_classes, len(target))
        )
        centroids: Any = csr_matrix(members @ features.words)
        length = np.sqrt(np.asarray(centroids.multiply(centroids).sum(axis=1), np.float64)).ravel()
        centroids.data /= np.repeat(length, np.diff(centroids.indptr)).astype(np.float32)
        return cls(
            csr_matrix(centroids.T),
            discriminant(features.vectors, target, n_classes, COVARIANCE_SHRINKAGE),
            np.log(np.bincount(target, minlength=n_classes) / len(target)),
            discriminant(features.encoded, target, n_classes, ENCODER_SHRINKAGE) if features.encoded.shape[1] else None,
        )

    def scores(self, features: TitleFeatures) -> NDArray[np.float32]:
        """`(S, N, K)` of centroids, discriminant and frequency, and of what the encoder says."""
        scores = np.empty((3 + (self.meaning is not None), len(features.vectors), len(self.frequency)), np.float32)
        scores[0] = (features.words @ self.centroids).toarray()
        scores[1] = self.latent.scores(features.vectors)
        scores[2] = self.frequency
        if self.meaning is not None:
            scores[3] = self.meaning.scores(features.encoded)
        return scores


def side_by_side(words: Matrix, characters: Matrix) -> Matrix:
    """`(N, F + G)` sparse."""
    return csr_matrix(hstack([words, characters]))


def calibrated(
    titles: Sequence[TitleWords], features: TitleFeatures, target: NDArray[np.int64], n_classes: int, seed: int,
    step: Callable[[], None],
) -> Calibration:  # fmt: skip
    """Weights and shape by scores of titles that the models have not seen; identical titles share a fold.

    Args:
        titles: N. features: theirs. target: `(N,)` class of each in `0..n_classes - 1`.
        step: called `FOLDS` times, as it comes forward.
    """
    rng = np.random.default_rng(seed)
    number_of: dict[str, int] = {}
    group = np.array([number_of.setdefault(title.key, len(number_of)) for title in titles])
    fold = rng.permutation(group.max() + 1)[group] % FOLDS
    n_wanted = min(MAX_CALIBRATION_TEXTS, max(FOLDS, CALIBRATION_SCORES // n_classes)) // FOLDS
    usual = np.array([*USUAL_WEIGHTS, *([ENCODER_WEIGHT] if features.encoded.shape[1] else [])])
    scores, truth = [np.zeros((len(usual), 0, n_classes), np.float32)], [np.zeros(0, np.int64)]
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        seen, seen_target = np.unique(target[inside], return_inverse=True)
        # a leaf that this fold has not seen cannot be judged by it
        outside = outside[np.isin(target[outside], seen)]
        outside = np.sort(rng.permutation(outside)[:n_wanted])
        step()
        if len(seen) < 2 or not len(outside):
            continue
        models = TitleModels.fit(features.rows(inside), seen_target, len(seen))
        of_seen = models.scores(features.rows(outside))
        # and scores there as low as the least likely
        block = np.repeat(of_seen.min(axis=2, keepdims=True), n_classes, axis=2)
        block[:, :, seen] = of_seen
        scores.append(block)
        truth.append(target[outside])
    return fit_pool(np.concatenate(scores, axis=1), np.concatenate(truth), usual)
