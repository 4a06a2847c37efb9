"""The figures of an evaluation: summary of scores by image count, each with its bootstrap 95 % interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from catalog.metrics.calibration import N_BINS, Binning, bins_of, calibration_floor
from catalog.metrics.intervals import bootstrap, exact_share, percentiles, reflected
from catalog.metrics.product_scores import LIST, ProductScores
from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import LEVELS

ALL = "all"
BAND_EDGES = (0, 1, 10, 100, 1000, 10_000)
"""Lower ends of the bands of leaves by their labelled products in training."""
BINNINGS: tuple[Binning, ...] = ("width", "mass")
SHARES = ("top1", "top5")
MEANS = (*SHARES, "nll")


def summarize(scores: ProductScores, training_counts: NDArray[np.int64] | None = None) -> dict[str, dict[str, Any]]:
    """Figures by image count (`1`..`4`, `all`) in plain JSON types; a count without products is left out.

    Each is `{n, hd1, hd5, h_precision, h_recall, h_f1, macro_top1, bands, levels: {1|2|3: {...}}}`, per level `top1`,
    `top5`, `nll`, `ece` (equal width), `ece_mass` (equal mass) and the floors `ece_floor` and `ece_mass_floor`. Beside
    every figure but the floors stand `NAME_low` and `NAME_high`, the bootstrap interval (of a share that is 0 or 1 the
    exact one). Answers are full paths here, so hierarchical precision, recall and F are one number. `bands`: macro
    accuracy over the leaves with so many `training_counts`, `(n_leaves,)`; empty when they are not given.
    """
    groups = {str(n): scores.n_images == n for n in range(MAX_IMAGES + 1)}
    groups[ALL] = np.ones(len(scores), bool)
    return {name: _figures(scores.select(rows), training_counts) for name, rows in groups.items() if rows.any()}


class SumFigures:
    """All figures of N scored products as functions of sums over products, for `catalog.intervals.bootstrap`.

    Attributes:
        parts: `(C, N)` sparse; row c holds what each product adds to sum c.
        names: F names of the figures.
        bands: by number in `BAND_EDGES`, which of the leaves that occur are of that band; n_of_leaf: their products.
    """

    def __init__(self, scores: ProductScores, training_counts: NDArray[np.int64] | None = None) -> None:
        """`scores`: at least one product; `training_counts`: `(n_leaves,)` int64."""
        n = len(scores)
        correct = scores.correct
        nll = scores.nll
        self.n = n
        # what follows is in the order of `names`
        means = np.concatenate(
            [correct.T, (scores.rank < LIST).T, nll.T, scores.distance[None], scores.distance5[None]]
        ).astype(np.float64)
        gaps = [
            _one_hot(bins_of(scores.confidence[:, i], binning), N_BINS, correct[:, i] - scores.confidence[:, i])
            for binning in BINNINGS
            for i in range(len(LEVELS))
        ]
        leaves, leaf, self.n_of_leaf = np.unique(scores.truth, return_inverse=True, return_counts=True)
        per_leaf = [_one_hot(leaf, len(leaves), correct[:, 2]), _one_hot(leaf, len(leaves), np.ones(n))]
        self.parts = vstack([csr_array(means), *gaps, *per_leaf], format="csr")
        self.n_means, self.n_gaps, self.n_leaves = len(means), len(gaps), len(leaves)
        self.names = [
            *(f"{name}.{level}" for name in MEANS for level in LEVELS),
            "hd1",
            "hd5",
            *(f"{'ece' if binning == 'width' else 'ece_mass'}.{level}" for binning in BINNINGS for level in LEVELS),
            "macro_top1",
        ]
        self.bands: dict[int, NDArray[np.bool_]] = {}
        if training_counts is not None:
            band = np.searchsorted(BAND_EDGES, training_counts[leaves], side="right") - 1
            self.bands = {int(b): band == b for b in np.unique(band)}
            self.names += [f"band.{b}" for b in self.bands]

    def __call__(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(F, D)` figures of `(C, D)` sums; NaN where a draw holds no product of a band."""
        means, gaps, right, present = np.split(
            sums, np.cumsum([self.n_means, self.n_gaps * N_BINS, self.n_leaves]).tolist()
        )
        ece = np.abs(gaps).reshape(self.n_gaps, N_BINS, -1).sum(axis=1)
        accuracy = np.divide(right, present, out=np.zeros_like(right), where=present > 0)
        macro = [_mean_of_leaves(accuracy, present)]
        macro += [_mean_of_leaves(accuracy[own], present[own]) for own in self.bands.values()]
        return np.concatenate([means / self.n, ece / self.n, np.stack(macro)])


def _one_hot(codes: NDArray[np.integer], n_codes: int, values: NDArray[Any]) -> csr_array:
    return csr_array((values.astype(np.float64), (codes, np.arange(len(codes)))), shape=(n_codes, len(codes)))


def _mean_of_leaves(accuracy: NDArray[np.float64], present: NDArray[np.float64]) -> NDArray[np.float64]:
    n = (present > 0).sum(axis=0)
    return np.divide(accuracy.sum(axis=0), n, out=np.full(accuracy.shape[1], np.nan), where=n > 0)


def _figures(scores: ProductScores, training_counts: NDArray[np.int64] | None) -> dict[str, Any]:
    own = SumFigures(scores, training_counts)
    found = own(own.parts.sum(axis=1)[:, None])[:, 0]
    drawn = bootstrap(own.parts, own)
    span = percentiles(drawn)
    biased = [i for i, name in enumerate(own.names) if name.startswith("ece")]
    span[biased] = reflected(found[biased], drawn[biased])
    for i, name in enumerate(own.names):
        # where all products are right, or none, every draw is the same, however few they are
        if name.startswith(SHARES) and found[i] in (0.0, 1.0):
            span[i] = exact_share(round(found[i] * len(scores)), len(scores))
    values = {name: (found[i], *span[i]) for i, name in enumerate(own.names)}
    figures: dict[str, Any] = {"n": len(scores)}
    for name in ("hd1", "hd5", "macro_top1"):
        figures |= with_interval(name, *values[name])
    # of three nodes on the predicted path and three on the true one, 3 - HD are shared
    overlap = [1 - value / len(LEVELS) for value in values["hd1"]]
    for name in ("h_precision", "h_recall", "h_f1"):
        figures |= with_interval(name, overlap[0], overlap[2], overlap[1])
    figures["bands"] = [_band(own, number, values) for number in own.bands]
    figures["levels"] = {str(level): _level(scores, i, level, values) for i, level in enumerate(LEVELS)}
    return figures


def _level(
    scores: ProductScores, column: int, level: int, values: dict[str, tuple[float, ...]]
) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for name in (*MEANS, "ece", "ece_mass"):
        figures |= with_interval(name, *values[f"{name}.{level}"])
    confidence = scores.confidence[:, column]
    return figures | {
        "ece_floor": calibration_floor(confidence, "width"),
        "ece_mass_floor": calibration_floor(confidence, "mass"),
    }


def _band(own: SumFigures, number: int, values: dict[str, tuple[float, ...]]) -> dict[str, Any]:
    inside = own.bands[number]
    return {
        "band": band_name(number),
        "leaves": int(inside.sum()),
        "n": int(own.n_of_leaf[inside].sum()),
        **with_interval("macro_top1", *values[f"band.{number}"]),
    }


def band_name(number: int) -> str:
    """What is written for a band of `BAND_EDGES`: `0`, `1-9`, ..., `10000+`."""
    low, high = (*BAND_EDGES, None)[number], (*BAND_EDGES, None)[number + 1]
    if high is None:
        return f"{low}+"
    return str(low) if low == high - 1 else f"{low}-{high - 1}"


def with_interval(name: str, value: float, low: float, high: float) -> dict[str, float | None]:
    """`NAME`, `NAME_low` and `NAME_high` as JSON has them: None where undefined."""
    named = {name: value, f"{name}_low": low, f"{name}_high": high}
    return {key: float(number) if math.isfinite(number) else None for key, number in named.items()}


def risk_coverage(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`(N, 2)` coverage and error rate when only the most confident products are accepted."""
    order = np.argsort(-confidence, kind="stable")
    accepted = np.arange(1, len(order) + 1)
    return np.stack([accepted / len(order), np.cumsum(~correct[order]) / accepted], axis=1)
