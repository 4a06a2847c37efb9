"""95 % intervals: bootstrap over products, exact ones for shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import sparray
from scipy.special import betaincinv

TAIL = 0.025
"""What a 95 % interval leaves out on either side."""
MOST_DRAWS, FEWEST_DRAWS = 1000, 200
MAX_DRAWN = 20_000_000
"""Products drawn in all: from 20,000 products on the draws become fewer, at 100,000 they are at their fewest."""
BLOCK = 2**20
"""Products drawn together; at more products than this draws are made one at a time, so memory stays O(products)."""


@dataclass(frozen=True)
class MetricValue:
    """A figure with its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def to_json(self, name: str) -> dict[str, float | None]:
        """`NAME`, `NAME_low` and `NAME_high`; None where undefined, as JSON has no NaN."""
        numbers = {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}
        return {key: float(number) if math.isfinite(number) else None for key, number in numbers.items()}

    @classmethod
    def from_json(cls, figures: Mapping[str, float | None], name: str) -> MetricValue:
        """Inverse of `to_json`."""
        numbers = (figures[key] for key in (name, f"{name}_low", f"{name}_high"))
        return cls(*(math.nan if number is None else number for number in numbers))


Sums: TypeAlias = "NDArray[np.float64] | sparray"
Figures: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def n_draws(n: int) -> int:
    """Bootstrap draws for `n` products."""
    return int(np.clip(MAX_DRAWN // max(n, 1), FEWEST_DRAWS, MOST_DRAWS))


def bootstrap(parts: Sums, figures: Figures, seed: int = 0, draws: int | None = None) -> NDArray[np.float64]:
    """`(F, D)` figures of D catalogues drawn with replacement from N products (Efron, 1979).

    Every figure is a function of sums over products, so that a draw is a product of a matrix and a weight vector:
    how often each product was drawn.

    Args:
        parts: `(C, N)` dense or sparse; row c holds what each product adds to sum c.
        figures: from `(C, D)` sums of D draws to `(F, D)` figures; NaN where a draw leaves one undefined.
        draws: D; by default `n_draws(N)`.
    """
    rng = np.random.default_rng(seed)
    n = int(parts.shape[1])
    left = n_draws(n) if draws is None else draws
    at_a_time = max(1, BLOCK // max(n, 1))
    blocks = []
    while left > 0:
        block = min(left, at_a_time)
        drawn = rng.integers(0, n, size=(block, n))
        drawn += np.arange(block)[:, None] * n
        weights = np.bincount(drawn.ravel(), minlength=block * n).reshape(block, n).astype(np.float64)
        blocks.append(figures(np.asarray(parts @ weights.T)))
        left -= block
    return np.concatenate(blocks, axis=1)


def percentiles(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(F, 2)` percentile interval of `(F, D)` draws; draws that leave a figure undefined are left out."""
    return np.array([_interval(row[np.isfinite(row)]) for row in drawn]).reshape(len(drawn), 2)


def reflected(figures: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(F, 2)` basic interval of non-negative figures `(F,)`: twice the figure less the percentiles, not below 0.

    For figures that chance can only make larger, such as a calibration error: draws add chance a second time, the
    percentiles lie too high by about as much as the figure itself does, and turning them round takes that off
    (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 5.2).
    """
    return np.maximum(2 * figures[:, None] - percentiles(drawn)[:, ::-1], 0.0)


def _interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(values):
        return np.full(2, np.nan)
    return np.quantile(values, [TAIL, 1 - TAIL])


def exact_share(k: int, n: int, tail: float = TAIL) -> tuple[float, float]:
    """Interval of a share of `k` in `n` (Clopper and Pearson, 1934), but for a tail on either side; NaN without any."""
    if n == 0:
        return float("nan"), float("nan")
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low, high


def grouped_share(flags: NDArray[np.bool_], group: NDArray[np.int64], tail: float = TAIL) -> MetricValue:
    """The share of `(N,)` flags that is set, where products of one of `(N,)` groups are set or not together.

    The exact interval of as many independent products as would tell as much (Korn and Graubard, "Confidence intervals
    for proportions with small expected number of positive counts", 1998): of products that all stand alone that is
    `exact_share`, of ten articles in five colours each hardly more than that of ten products. NaN without any.

    `tail`: what the interval leaves out on either side.
    """
    n, n_set = len(flags), int(flags.sum())
    if not n:
        return MetricValue(math.nan, math.nan, math.nan)
    share, place = n_set / n, np.unique(group, return_inverse=True)[1]
    size, set_of = np.bincount(place), np.bincount(place, flags)
    if n_set in (0, n):
        # of groups that are all alike nothing tells how alike their members are
        return MetricValue(share, *exact_share(len(size) if n_set else 0, len(size), tail))
    worth = 1.0
    if len(size) > 1:
        between = float(((set_of - share * size) ** 2).sum()) * len(size) / (len(size) - 1)
        alone = n * share * (1 - share) * n / (n - 1)
        worth = n / max(1.0, between / alone)
    low = float(betaincinv(share * worth, (1 - share) * worth + 1, tail))
    high = float(betaincinv(share * worth + 1, (1 - share) * worth, 1 - tail))
    return MetricValue(share, low, high)


def accuracy_interval(correct: NDArray[np.bool_], seed: int = 0) -> tuple[float, float]:
    """Bootstrap 95 % interval of the share of `correct`, `(N,)` bool.

    The exact one where all or none are right, and all draws are the same.

    Resampling products with replacement draws a binomial count of correct ones, which is drawn directly.
    """
    n, k = len(correct), int(correct.sum())
    if k in (0, n):
        return exact_share(k, n)
    draws = np.random.default_rng(seed).binomial(n, correct.mean(), size=2000) / n
    low, high = np.quantile(draws, [TAIL, 1 - TAIL])
    return float(low), float(high)


def paired_difference(
    a: NDArray[np.bool_], b: NDArray[np.bool_], n_draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Accuracy of `a` minus `b`, `(N,)` bool each, on the same products: difference, low, high of the 95 % interval."""
    gain = a.astype(np.int8) - b.astype(np.int8)
    n = len(gain)
    shares = np.array([(gain == 1).mean(), (gain == -1).mean(), (gain == 0).mean()])
    # resampling the pairs draws multinomial counts of wins, losses and ties
    draws = np.random.default_rng(seed).multinomial(n, shares, size=n_draws)
    low, high = np.quantile((draws[:, 0] - draws[:, 1]) / n, [TAIL, 1 - TAIL])
    return float(gain.mean()), float(low), float(high)


def mean_intervals(values: NDArray[Any], seed: int = 0) -> NDArray[np.float64]:
    """`(F, 3)` mean of each column of `(N, F)` values over products, and its bootstrap interval (mean, low, high)."""
    parts = np.ascontiguousarray(values.T, np.float64)
    drawn = bootstrap(parts, lambda sums: sums / len(values), seed)
    return np.column_stack([parts.mean(axis=1), percentiles(drawn)])
