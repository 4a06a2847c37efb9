"""The figures of an evaluation: a summary of scores by image count, each with its bootstrap 95 % interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from catalog.metrics.calibration import N_BINS, Binning, bins_of, calibration_floor
from catalog.metrics.intervals import MetricValue, bootstrap, exact_share, percentiles, reflected
from catalog.metrics.product_scores import ProductScores
from catalog.product import MAX_IMAGES

ALL = "all"
BAND_EDGES = (0, 1, 10, 100, 1000, 10_000)
"""Lower ends of the bands of leaves by their labelled products in training."""
BINNINGS: tuple[Binning, ...] = ("width", "mass")
SHARES = ("top1", "top5")
MEANS = (*SHARES, "nll")
LEVEL_VALUES = (*MEANS, "ece", "ece_mass")


class _Flat:
    """A dataclass as flat JSON: a figure stands with its interval, as `NAME`, `NAME_low` and `NAME_high`."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; `from_json` reads them back."""
        flat: dict[str, Any] = {}
        for name, value in vars(self).items():
            flat |= value.to_json(name) if isinstance(value, MetricValue) else {name: value}
        return flat

    @classmethod
    def from_json(cls, figures: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        kinds = get_type_hints(cls)
        return cls(
            **{
                name: MetricValue.from_json(figures, name) if kind is MetricValue else figures[name]
                for name, kind in kinds.items()
            }
        )


@dataclass(frozen=True)
class LevelSummary(_Flat):
    """Figures of some products at one level of the tree.

    Attributes:
        top1, top5: shares of products whose true node is on the path of the likeliest leaf, is that or one of the five
            likeliest; nll: in nats.
        ece, ece_mass: expected calibration error in bins of equal width, of equal mass; ece_floor, ece_mass_floor: what
            a calibrated model would show on as many products.
    """

    top1: MetricValue
    top5: MetricValue
    nll: MetricValue
    ece: MetricValue
    ece_mass: MetricValue
    ece_floor: float
    ece_mass_floor: float


@dataclass(frozen=True)
class BandSummary(_Flat):
    """Macro accuracy over the leaves with so many training products (`band`): `leaves` of them, with n products."""

    band: str
    leaves: int
    n: int
    macro_top1: MetricValue


@dataclass(frozen=True)
class Summary(_Flat):
    """Figures of n products, each with its bootstrap interval (of a share that is 0 or 1 the exact one).

    Attributes:
        hd1, hd5: mean tree distance, 0..D in a tree of D levels, of the likeliest leaf, of the five likeliest.
        macro_top1: mean over the true leaves of their products' accuracy.
        h_precision, h_recall, h_f1: hierarchical ones; answers are full paths here, so that they are one number.
        bands: by training products of the leaves, empty when these are not known; levels: by level, leaves last.
    """

    n: int
    hd1: MetricValue
    hd5: MetricValue
    macro_top1: MetricValue
    h_precision: MetricValue
    h_recall: MetricValue
    h_f1: MetricValue
    bands: tuple[BandSummary, ...]
    levels: dict[int, LevelSummary]

    @property
    def leaf(self) -> LevelSummary:
        """Figures at the lowest level."""
        return self.levels[max(self.levels)]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; `from_json` reads them back. Intervals stand as `NAME_low` and `NAME_high`."""
        levels = {str(level): figures.to_json() for level, figures in self.levels.items()}
        return super().to_json() | {"bands": [band.to_json() for band in self.bands], "levels": levels}

    @classmethod
    def from_json(cls, figures: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        bands = tuple(BandSummary.from_json(band) for band in figures["bands"])
        levels = {int(level): LevelSummary.from_json(of_level) for level, of_level in figures["levels"].items()}
        return super().from_json({**figures, "bands": bands, "levels": levels})


def summaries_json(by_count: Mapping[str, Summary]) -> dict[str, Any]:
    """What `summarize` returns in plain JSON types."""
    return {count: summary.to_json() for count, summary in by_count.items()}


def summarize(scores: ProductScores, training_counts: NDArray[np.int64] | None = None) -> dict[str, Summary]:
    """Figures by image count (`0`..`4`, `all`); a count without products is left out.

    `training_counts`: `(n_leaves,)` int64 labelled training products of each leaf, for the bands.
    """
    groups = {str(n): scores.n_images == n for n in range(MAX_IMAGES + 1)}
    groups[ALL] = np.ones(len(scores), bool)
    return {name: _summary(scores.select(rows), training_counts) for name, rows in groups.items() if rows.any()}


class SumFigures:
    """All figures of N scored products as functions of sums over products, for `catalog.metrics.intervals.bootstrap`.

    Attributes:
        parts: `(C, N)` sparse; row c holds what each product adds to sum c.
        names: F names of the figures.
        bands: by number in `BAND_EDGES`, which of the leaves that occur are of that band; n_of_leaf: their products.
    """

    def __init__(self, scores: ProductScores, training_counts: NDArray[np.int64] | None = None) -> None:
        """`scores`: at least one product; `training_counts`: `(n_leaves,)` int64."""
        self.n = n = len(scores)
        correct = scores.correct
        # what follows is in the order of `names`
        means = np.concatenate(
            [correct.T, scores.top5.T, scores.nll.T, scores.distance[None], scores.distance5[None]]
        ).astype(np.float64)
        gaps = [
            _one_hot(bins_of(scores.confidence[:, i], binning), N_BINS, correct[:, i] - scores.confidence[:, i])
            for binning in BINNINGS
            for i in range(len(scores.levels))
        ]
        leaves, leaf, self.n_of_leaf = np.unique(scores.truth, return_inverse=True, return_counts=True)
        per_leaf = [_one_hot(leaf, len(leaves), correct[:, -1]), _one_hot(leaf, len(leaves), np.ones(n))]
        self.parts = vstack([csr_array(means), *gaps, *per_leaf], format="csr")
        self.n_means, self.n_gaps, self.n_leaves = len(means), len(gaps), len(leaves)
        self.names = [
            *(f"{name}.{level}" for name in MEANS for level in scores.levels),
            "hd1",
            "hd5",
            *(f"{kind}.{level}" for kind in ("ece", "ece_mass") for level in scores.levels),
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
        groups = [np.ones(len(present), bool), *self.bands.values()]
        macro = [_mean_of_leaves(accuracy[leaves], present[leaves]) for leaves in groups]
        return np.concatenate([means / self.n, ece / self.n, np.stack(macro)])


def _one_hot(codes: NDArray[np.integer], n_codes: int, values: NDArray[Any]) -> csr_array:
    return csr_array((values.astype(np.float64), (codes, np.arange(len(codes)))), shape=(n_codes, len(codes)))


def _mean_of_leaves(accuracy: NDArray[np.float64], present: NDArray[np.float64]) -> NDArray[np.float64]:
    n = (present > 0).sum(axis=0)
    return np.divide(accuracy.sum(axis=0), n, out=np.full(accuracy.shape[1], np.nan), where=n > 0)


def _summary(scores: ProductScores, training_counts: NDArray[np.int64] | None) -> Summary:
    figures = SumFigures(scores, training_counts)
    values = figures(figures.parts.sum(axis=1)[:, None])[:, 0]
    drawn = bootstrap(figures.parts, figures)
    spans = percentiles(drawn)
    biased = [i for i, name in enumerate(figures.names) if name.startswith("ece")]
    spans[biased] = reflected(values[biased], drawn[biased])
    for i, name in enumerate(figures.names):
        # where all products are right, or none, every draw is the same, however few they are
        if name.startswith(SHARES) and values[i] in (0.0, 1.0):
            spans[i] = exact_share(round(values[i] * len(scores)), len(scores))
    named = {
        name: MetricValue(float(value), *span)
        for name, value, span in zip(figures.names, values, spans.tolist(), strict=True)
    }
    # of D nodes on the predicted path and D on the true one, D - HD are shared
    hd1 = named["hd1"]
    overlap = MetricValue(*(1 - distance / len(scores.levels) for distance in (hd1.value, hd1.high, hd1.low)))
    return Summary(
        n=len(scores), hd1=hd1, hd5=named["hd5"], macro_top1=named["macro_top1"],
        h_precision=overlap, h_recall=overlap, h_f1=overlap,
        bands=tuple(_band(figures, number, named[f"band.{number}"]) for number in figures.bands),
        levels={level: _level(scores.confidence[:, i], level, named) for i, level in enumerate(scores.levels)},
    )  # fmt: skip


def _level(confidence: NDArray[np.float32], level: int, named: Mapping[str, MetricValue]) -> LevelSummary:
    return LevelSummary(
        **{name: named[f"{name}.{level}"] for name in LEVEL_VALUES},
        ece_floor=calibration_floor(confidence, "width"),
        ece_mass_floor=calibration_floor(confidence, "mass"),
    )


def _band(figures: SumFigures, number: int, macro_top1: MetricValue) -> BandSummary:
    inside = figures.bands[number]
    return BandSummary(band_name(number), int(inside.sum()), int(figures.n_of_leaf[inside].sum()), macro_top1)


def band_name(number: int) -> str:
    """What is written for a band of `BAND_EDGES`: `0`, `1-9`, ..., `10000+`."""
    low, high = (*BAND_EDGES, None)[number], (*BAND_EDGES, None)[number + 1]
    if high is None:
        return f"{low}+"
    return str(low) if low == high - 1 else f"{low}-{high - 1}"


def risk_coverage(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`(N, 2)` coverage and error rate when only the most confident products are accepted."""
    order = np.argsort(-confidence, kind="stable")
    accepted = np.arange(1, len(order) + 1)
    return np.stack([accepted / len(order), np.cumsum(~correct[order]) / accepted], axis=1)
