"""Log-linear weights by image count, by who speaks and by Cat I: their convex fit.

Every product chooses among candidates; the score of a candidate is the weighted sum of its features, and the
probability of each its softmax (McFadden, "Conditional logit analysis", 1974). The weight of an expert's feature is

    w = base + delta_count + delta_set + delta_cat1,  w >= 0

L2-shrunk towards the geometric mean of the experts (base) and towards 0 (deltas).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from catalog.product import MAX_IMAGES

log = logging.getLogger(__name__)
N_COUNTS = MAX_IMAGES + 1
MAX_EXPERTS = 12
BASE_PULL = 0.01
"""Shrinkage of the base against that of a delta: only just enough to fix it where nothing is seen."""
SIGN_PENALTIES = (10.0, 100.0, 1000.0)
"""Costs of a negative weight's square, per product, one after the other: each starts where the last one ended, as the
last alone would be too stiff to be minimised. It leaves weights that are negative by less than 0.001."""


FILE_NAMES = ("base", "by_count", "by_set", "by_shelf")
"""The arrays of `LogLinearWeights` in a file, in the order of its fields; the last keeps the name of earlier runs."""


@dataclass(frozen=True)
class LogLinearWeights:
    """Weights of F features, which belong to B experts in turn (feature f to expert f mod B).

    Attributes:
        base: `(F,)`; by_count: `(5, F)` deviation for 0..4 photos; by_set: `(2**B, F)` deviation for each set of
            speaking experts (bit b set: expert b speaks); by_cat1: `(n_cat1, F)` deviation of each Cat I, one row of
            zeros where all of them share their weights. Deviations of what was never seen in fitting are 0.
    """

    base: NDArray[np.float64]
    by_count: NDArray[np.float64]
    by_set: NDArray[np.float64]
    by_cat1: NDArray[np.float64]

    def at(
        self, counts: NDArray[np.int64], sets: NDArray[np.int64], cat1: NDArray[np.int64] | int = 0
    ) -> NDArray[np.float64]:
        """Non-negative weights `(..., F)` for arrays of counts, sets and Cat I that broadcast; 0 outside the set."""
        weights = self.base + self.by_count[counts] + self.by_set[sets] + self.by_cat1[cat1]
        return np.maximum(weights, 0.0) * speaks_in(sets, len(self.base), len(self.by_set))

    @staticmethod
    def shapes(n_experts: int, n_features: int, n_cat1: int = 1, prefix: str = "") -> dict[str, tuple[int, ...]]:
        """Names in a file and shapes of the arrays."""
        rows: list[tuple[int, ...]] = [(), (N_COUNTS,), (2**n_experts,), (n_cat1,)]
        return {prefix + name: (*n, n_features) for name, n in zip(FILE_NAMES, rows, strict=True)}

    def arrays(self, prefix: str = "") -> dict[str, NDArray[np.float64]]:
        """The `(F,)` base and the `(n, F)` deviations by their names in a file."""
        return {prefix + name: values for name, values in zip(FILE_NAMES, vars(self).values(), strict=True)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[np.float64]], prefix: str = "") -> LogLinearWeights:
        """Inverse of `arrays`: `(F,)` and `(n, F)`."""
        return cls(*(arrays[prefix + name] for name in FILE_NAMES))

    def table(self) -> NDArray[np.float64]:
        """`(5, 2**B, F)` weights of every count and set, deviations by Cat I apart."""
        return self.at(np.arange(N_COUNTS)[:, None], np.arange(len(self.by_set)))


def speaks_in(sets: NDArray[np.int64], n_features: int, n_sets: int) -> NDArray[np.int64]:
    """`(..., F)` int64: 1 for features of experts in the set, else 0; `sets`: `(...)` bit sets of experts."""
    expert = np.arange(n_features) % (n_sets.bit_length() - 1)
    return (np.asarray(sets)[..., None] >> expert) & 1


Block = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]
"""Products with as many candidates: `(n, C, F)` features, NaN for a candidate out of the choice; the true candidate;
the row of their cell."""


class LogLinearFit:
    """Gathers products and their candidates, then solves for the weights."""

    def __init__(self, n_experts: int, n_features: int | None = None, n_cat1: int = 1) -> None:
        self.n_features = n_features or n_experts
        self.n_sets, self.n_cat1 = 2**n_experts, n_cat1
        self._blocks: dict[object, list[Block]] = {}

    def add(
        self, among: object, features: NDArray[np.floating], target: NDArray[np.int64], counts: NDArray[np.int64],
        sets: NDArray[np.int64], cat1: int = 0,
    ) -> None:  # fmt: skip
        """Add n products that choose among the same candidates (`among` names them).

        Args:
            features: `(n, C, F)`, NaN in all features of a candidate that takes no part in this product's choice.
            target: `(n,)` the true candidate. counts: `(n,)` photos. sets: `(n,)` who speaks. cat1: their Cat I.
        """
        # products of one cell share their weights: a fit sees some dozens of cells, however many the products
        cell = (cat1 * N_COUNTS + counts) * self.n_sets + sets
        self._blocks.setdefault(among, []).append((features.astype(np.float32), target, cell))

    def problem(self) -> tuple[list[Block], Cells]:
        """Blocks with the row of each product's cell, and the cells that were seen."""
        joined = [tuple(np.concatenate(part) for part in zip(*pieces, strict=True)) for pieces in self._blocks.values()]
        codes = np.unique(np.concatenate([block[2] for block in joined])) if joined else np.zeros(0, np.int64)
        blocks = [(x, y, np.searchsorted(codes, cell)) for x, y, cell in joined]
        groups = [codes // self.n_sets % N_COUNTS, codes % self.n_sets]
        if self.n_cat1 > 1:
            groups.append(codes // (self.n_sets * N_COUNTS))
        return blocks, Cells(groups, speaks_in(codes % self.n_sets, self.n_features, self.n_sets))

    def solve(self, shrinkage: float) -> LogLinearWeights:
        """The weights of least penalised loss; without a product, the geometric mean of the experts."""
        f = self.n_features
        blocks, cells = self.problem()
        # of few experts the geometric mean is the best plain one (the challenge's teams: below six networks)
        start = np.full(f, 1.0 / (self.n_sets.bit_length() - 1))
        theta = cells.start(start)
        for sign_penalty in SIGN_PENALTIES if blocks else ():
            fitted = minimize(
                penalised_loss, theta, args=(blocks, cells, start, shrinkage, sign_penalty), jac=True,
                method="L-BFGS-B", options={"maxiter": 2000, "maxcor": 30, "ftol": 1e-7, "gtol": 1e-5},
            )  # fmt: skip
            theta = fitted.x
            if fitted.status == 1:
                log.warning("the weights of a head are not settled after %d steps", fitted.nit)
        base, seen = cells.split(theta)
        deltas = [np.zeros((n, f)) for n in (N_COUNTS, self.n_sets, self.n_cat1)]
        # where all Cat I share their weights there is no third group
        for delta, group, values in zip(deltas, cells.groups, seen, strict=False):
            delta[np.unique(group)] = values
        return LogLinearWeights(base, *deltas)


@dataclass(frozen=True)
class Cells:
    """The combinations of count, set and Cat I that were seen, C of them, and the parameters of their weights.

    Parameters: the base, then one deviation per feature for every seen count, set and, where they differ, Cat I.

    Attributes:
        groups: `(C,)` count, set and perhaps Cat I of each cell.
        speaks: `(C, F)` 1 for features of experts that speak there.
    """

    groups: list[NDArray[np.int64]]
    speaks: NDArray[np.int64]

    @cached_property
    def places(self) -> list[NDArray[np.int64]]:
        """For every group, `(C,)` the row of each cell's deviation."""
        return [np.unique(group, return_inverse=True)[1] for group in self.groups]

    def start(self, base: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(P,)` all parameters, from the `(F,)` base; deviations 0."""
        return np.concatenate([base, *(np.zeros(len(np.unique(g)) * len(base)) for g in self.groups)])

    def split(self, theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """Base `(F,)` and each group's `(seen, F)` deviations, as views."""
        f = self.speaks.shape[1]
        sizes = [f * len(np.unique(group)) for group in self.groups]
        base, *deviations = np.split(theta, f + np.cumsum([0, *sizes])[:-1]) if self.groups else [theta]
        return base, [values.reshape(-1, f) for values in deviations]

    def weights(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(C, F)` weights, which may be negative; 0 for who is silent."""
        base, deviations = self.split(theta)
        by_cell = [values[place] for values, place in zip(deviations, self.places, strict=True)]
        return (base + np.sum(by_cell, axis=0)) * self.speaks

    def gradient(self, by_cell: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gradient by the parameters of what has the gradient `by_cell`, `(C, F)`, by the weights."""
        heard = by_cell * self.speaks
        parts = [heard.sum(axis=0)]
        for group, place in zip(self.groups, self.places, strict=True):
            total = np.zeros((len(np.unique(group)), heard.shape[1]))
            np.add.at(total, place, heard)
            parts.append(total.ravel())
        return np.concatenate(parts)


def penalised_loss(
    theta: NDArray[np.float64], blocks: list[Block], cells: Cells, start: NDArray[np.float64],
    shrinkage: float, sign_penalty: float,
) -> tuple[float, NDArray[np.float64]]:  # fmt: skip
    """Mean over products of the log loss, with shrinkage and the cost of negative weights; and its gradient, `(P,)`.

    Convex in theta: log-sum-exp of linear scores, plus squares.

    Args:
        theta: `(P,)` parameters, see `Cells`. start: `(F,)` what the base is drawn to.
        sign_penalty: cost of a negative weight's square, per product.
    """
    f = len(start)
    weights = cells.weights(theta)
    off = theta.copy()
    off[:f] -= start
    pull = np.full(len(theta), shrinkage)
    pull[:f] *= BASE_PULL
    n = sum(len(target) for _, target, _ in blocks)
    negative = np.minimum(weights, 0.0)
    loss = 0.5 * float(pull @ off**2) + 0.5 * sign_penalty * n * float((negative**2).sum())
    by_cell = sign_penalty * n * negative
    for features, target, cell in blocks:
        block_loss, block_gradient = _softmax_loss(features, target, weights[cell])
        loss += block_loss
        np.add.at(by_cell, cell, block_gradient)
    gradient = cells.gradient(by_cell) + pull * off
    return loss / n, gradient / n


def _softmax_loss(
    features: NDArray[np.float32], target: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, NDArray[Any]]:
    """Summed log loss of `(n, C, F)` features under `(n, F)` weights, and its gradient by those weights."""
    # (n, C, F) @ (n, F, 1) is one matrix product per product, several times faster than einsum
    score = np.matmul(features, weights[:, :, None])[:, :, 0]
    out = np.isnan(score)
    # a child that nobody can name is no choice: it takes no probability from the others
    score[out] = -np.inf
    score -= score.max(axis=1, keepdims=True)
    p = np.exp(score)
    total = p.sum(axis=1, keepdims=True)
    rows = np.arange(len(target))
    loss = float((np.log(total[:, 0]) - score[rows, target]).sum())
    p /= total
    p[rows, target] -= 1.0
    known = np.where(out[:, :, None], 0.0, features) if out.any() else features
    return loss, np.matmul(p[:, None, :], known)[:, 0, :]
