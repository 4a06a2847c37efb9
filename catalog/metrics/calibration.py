"""Calibration: how far stated confidence lies from the share that is right."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import exact_share

N_BINS = 15
Binning = Literal["width", "mass"]
MAX_SIMULATED = 5_000_000
"""Labels simulated for a floor."""


def bins_of(confidence: NDArray[np.floating], binning: Binning) -> NDArray[np.int64]:
    """`(N,)` bin 0..14 of each confidence: 15 bins of equal width on [0, 1], or of equal mass (equal counts).

    With equal mass, products of equal confidence share a bin, so that their order does not matter.
    """
    if binning == "width":
        return np.minimum((confidence * N_BINS).astype(np.int64), N_BINS - 1)
    ordered = np.sort(confidence)
    edges = ordered[np.arange(1, N_BINS) * len(ordered) // N_BINS]
    return np.searchsorted(edges, confidence, side="right")


def expected_calibration_error(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], binning: Binning = "width"
) -> float:
    """ECE with 15 bins: mean over products of the gap between a bin's mean confidence and its accuracy.

    Bins of equal width: Guo et al., "On Calibration of Modern Neural Networks", 2017; of equal mass: Nixon et al.,
    "Measuring Calibration in Deep Learning", 2019. NaN without products.

    Args:
        confidence: `(N,)` in [0, 1]; correct: `(N,)` bool.
    """
    if not len(confidence):
        return float("nan")
    return _gap(bins_of(confidence, binning), confidence, correct)


def calibration_floor(confidence: NDArray[np.floating], binning: Binning = "width", seed: int = 0) -> float:
    """ECE that a perfectly calibrated model with these confidences, `(N,)` in [0, 1], shows on so many products.

    Mean over simulated labels, each right with exactly its confidence: what chance alone makes of an error of 0.
    """
    n = len(confidence)
    if not n:
        return float("nan")
    rng, bins = np.random.default_rng(seed), bins_of(confidence, binning)
    times = int(np.clip(MAX_SIMULATED // n, 5, 200))
    return float(np.mean([_gap(bins, confidence, rng.random(n) < confidence) for _ in range(times)]))


def _gap(bins: NDArray[np.int64], confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> float:
    gap = np.bincount(bins, correct.astype(float) - confidence, minlength=N_BINS)
    return float(np.abs(gap).sum() / len(bins))


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of equal mass: `n` products, their mean confidence, the share that is right with its exact interval."""

    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> list[ReliabilityBin]:
    """The bins of equal mass of `confidence`, `(N,)` in [0, 1], and `correct`, `(N,)` bool, by rising confidence."""
    if not len(confidence):
        return []
    bins = bins_of(confidence, "mass")
    filled = []
    for inside in (bins == number for number in range(N_BINS)):
        n, k = int(inside.sum()), int(correct[inside].sum())
        if n:
            filled.append(ReliabilityBin(n, float(confidence[inside].mean()), k / n, *exact_share(k, n)))
    return filled
