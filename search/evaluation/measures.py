"""Macro-average recall, the measure of eProduct ("A Million-Scale Visual Search Benchmark", arXiv 2107.05856, 2021).

For a query with m true matches, of which r are among the first k products found, R@k = r / min(k, m): one that finds
only true matches has 1, however many there are. MAR@k is its mean over queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import bootstrap, exact_share, percentiles
from search.evaluation.truth import Truth

DEPTHS = (1, 5, 10, 20, 100)
"""The k of MAR@k."""


@dataclass(frozen=True)
class Ranking:
    """The K best products of each of Q queries, the best first, each product once.

    Attributes:
        product_ids: `(Q, K)` int64 numbers of their ids. scores: `(Q, K)` float32, -inf where there are no more.
    """

    product_ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.product_ids)

    @property
    def depth(self) -> int:
        """K."""
        return self.product_ids.shape[1]

    def are_true(self, truth: Truth) -> NDArray[np.bool_]:
        """`(Q, K)` whether a product is a true match; row q of the ranking is of query q of the truth.

        Raises:
            ValueError: another number of queries.
        """
        if len(self) != len(truth):
            raise ValueError(f"the ranking is of {len(self)} queries, the truth of {len(truth)}")
        # queries and ids as one number each, so that all are looked up together
        ids, number = np.unique(np.concatenate([self.product_ids.ravel(), truth.match_ids]), return_inverse=True)
        found, true = np.split(number.astype(np.int64), [self.product_ids.size])
        query = np.repeat(np.arange(len(self)), self.depth)
        pairs = np.isin(query * len(ids) + found, truth.query_of_match * len(ids) + true)
        return pairs.reshape(self.product_ids.shape) & np.isfinite(self.scores)


def recall_at(are_true: NDArray[np.bool_], n_true: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """`(Q,)` R@k in [0, 1].

    Args:
        are_true: `(Q, K)` whether the product found at a place is a true match, each of them once; K may be less than
            k where there are no more products.
        n_true: `(Q,)` true matches of each query, at least 1.

    Raises:
        ValueError: k is less than 1, or a query without any match, whose recall is undefined.
    """
    if k < 1:
        raise ValueError(f"recall at {k}: k is 1 or more")
    if (n_true < 1).any():
        raise ValueError(f"{int((n_true < 1).sum())} queries have no true match: their recall is undefined")
    return are_true[:, :k].sum(axis=1) / np.minimum(k, n_true)


def first_match(are_true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """`(Q,)` place of the first true match of `(Q, K)` found, from 1; 0 where none was found."""
    n_before = (~np.logical_or.accumulate(are_true, axis=1)).sum(axis=1)
    return np.where(n_before < are_true.shape[1], n_before + 1, 0)


def mean_of_queries(
    values: NDArray[np.float64], group: NDArray[np.int64] | None = None, seed: int = 0, draws: int = 2000
) -> NDArray[np.float64]:
    """`(F, 3)` mean over queries of each column of `(Q, F)` values, and its 95 % interval (mean, low, high).

    Percentiles of a bootstrap; NaN without queries, and the interval NaN where there is nothing to draw among.

    Args:
        values: recalls, or differences of two searches' recalls.
        group: `(Q,)` queries of one group are drawn together: those of one product, or whose matches are the same, are
            right or wrong together. None: each by itself.
    """
    if not len(values):
        return np.full((values.shape[1], 3), np.nan)
    number = np.arange(len(values)) if group is None else np.unique(group, return_inverse=True)[1]
    sums = np.stack([np.bincount(number, column) for column in (*values.T, np.ones(len(values)))])
    drawn = bootstrap(sums, lambda of_draw: of_draw[:-1] / of_draw[-1:], seed, draws)
    if sums.shape[1] == 1:
        drawn[:] = np.nan
    return np.column_stack([values.mean(axis=0), percentiles(drawn)])


def macro_average(recalls: NDArray[np.float64], group: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """`(F, 3)` macro-averages of `(Q, F)` recalls with their intervals, see `mean_of_queries`.

    Where all is found, or nothing, every draw is the same, however few the queries are: there it is the exact interval
    of as many right ones as there are groups.
    """
    figures = mean_of_queries(recalls, group)
    n_groups = len(recalls) if group is None else len(np.unique(group))
    for at in np.flatnonzero((recalls == recalls[:1]).all(axis=0) & np.isin(figures[:, 0], (0, 1))).tolist():
        figures[at, 1:] = exact_share(n_groups * round(figures[at, 0]), n_groups)
    return figures
