"""Pool weights and shape of the text model, fitted on scores of texts that its models have not seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from catalog.metrics.calibration import expected_calibration_error
from text.config import TextConfig
from text.encoders import Vectors
from text.normalize import ProductText
from text.scores import Scores, out_of_fold
from text.sharpness import sharpened

SHRINKAGE = 1e-3
"""L2 penalty that draws pool weights and shape to their defaults, which few texts cannot outweigh."""
# Used when there are too few texts to fit the weights: close to what the shelf benchmark gives, for naive Bayes, ridge
# regression and frequency, and for the discriminant of each encoder.
DEFAULT_WEIGHTS = (1.8, 4.5, 0.5)
ENCODER_WEIGHT = 0.1
PLAIN_SHAPE = np.array([1.0, 0.0])
MIN_CALIBRATION_TEXTS = 10


class Calibration(NamedTuple):
    """What turns scores into probabilities.

    Attributes:
        weights: `(3 + encoders,)` float64 pool weights; shape: `(2,)` float64 factor and power of `sharpened`;
        figures: texts and out-of-fold `nll` and `ece` with them, `nll_before` and `ece_before` with all weights 1.
    """

    weights: NDArray[np.float64]
    shape: NDArray[np.float64]
    figures: dict[str, float]


def calibrated(
    texts: Sequence[ProductText],
    vectors: Sequence[Vectors],
    target: NDArray[np.int64],
    n_classes: int,
    config: TextConfig,
) -> Calibration:
    """Pool weights, then shape, by minimal out-of-fold log loss; identical texts share a fold.

    Args:
        texts: N. vectors: `(N, D)` of each encoder. target: `(N,)` class of each in `0..n_classes - 1`.
    """
    # out of fold: on texts that they have learnt, the models are surer than on any other
    rows, scores = out_of_fold(texts, vectors, target, n_classes, config)
    usual = np.array([*DEFAULT_WEIGHTS, *(ENCODER_WEIGHT for _ in vectors)])
    return fit_pool(scores, target[rows], usual)


def fit_pool(scores: Scores, truth: NDArray[np.int64], usual: NDArray[np.float64]) -> Calibration:
    """Pool weights, then shape, by minimal log loss.

    Args:
        scores: `(S, M, K)` of S models that have not seen the M texts. truth: `(M,)` class of each text.
        usual: `(S,)` weights to which few texts are drawn, and which fewer than `MIN_CALIBRATION_TEXTS` get.
    """
    if len(truth) < MIN_CALIBRATION_TEXTS:
        return Calibration(usual, PLAIN_SHAPE.copy(), {})
    order = np.arange(len(truth))

    def pool_loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Log loss of `(S,)` weights and its gradient."""
        logs = log_softmax(np.tensordot(weights, scores, axes=1), axis=1)
        residual = np.exp(logs)
        residual[order, truth] -= 1
        away = weights - usual
        gradient = np.array([(residual * score).sum() for score in scores]) / len(truth) + 2 * SHRINKAGE * away
        return float(-logs[order, truth].mean() + SHRINKAGE * away @ away), gradient

    # a weight below zero would turn a model's opinion round, which only noise can ask for
    pool = minimize(pool_loss, usual, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(usual)).x
    pooled = np.tensordot(pool, scores, axes=1)

    def shape_loss(shape: NDArray[np.float64]) -> float:
        """Log loss of a `(2,)` shape."""
        away = shape - PLAIN_SHAPE
        logs = log_softmax(sharpened(pooled, shape), axis=1)
        return float(-logs[order, truth].mean() + SHRINKAGE * away @ away)

    shape = minimize(shape_loss, PLAIN_SHAPE, method="L-BFGS-B", bounds=[(0.05, 20.0), (0.0, 0.9)]).x
    figures = {"texts": float(len(truth))}
    for name, logits in (("_before", scores.sum(axis=0)), ("", sharpened(pooled, shape))):
        logs = log_softmax(logits, axis=1)
        figures["nll" + name] = float(-logs[order, truth].mean())
        confidence, right = np.exp(logs.max(axis=1)), logs.argmax(axis=1) == truth
        figures["ece" + name] = expected_calibration_error(confidence, right)
    return Calibration(np.asarray(pool, np.float64), np.asarray(shape, np.float64), figures)
