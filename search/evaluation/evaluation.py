"""What a search is worth on queries whose matches are known: all of them, and kinds of them, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from catalog.files.wording import aligned, plural
from catalog.metrics.intervals import MetricValue
from catalog.reports.estimate import Estimate
from catalog.sources.source import NO_CATEGORY
from search.evaluation.measures import DEPTHS, Ranking, first_match, macro_average, mean_of_queries, recall_at
from search.evaluation.truth import Truth

MATCH_BANDS = (1, 2, 5, 10)
"""Where bands of numbers of true matches begin."""
SHOWN_DEPTH = 10
"""The k by which categories and single queries are compared: that of eProduct's ranking."""


@dataclass(frozen=True)
class QueryKind:
    """Queries that have something in common.

    Attributes:
        name: what. n: queries. n_groups: of them that are drawn together, see `linked_queries`.
        recalls: `(F, 3)` MAR@k at `DEPTHS` with its 95 % interval (mean, low, high), in [0, 1].
    """

    name: str
    n: int
    n_groups: int
    recalls: NDArray[np.float64]

    def estimates(self, depths: Sequence[int] = DEPTHS) -> list[Estimate]:
        """MAR@k at these k, as tables show it."""
        return [Estimate.of(MetricValue(*self.recalls[DEPTHS.index(k)].tolist())) for k in depths]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; figures in [0, 1]."""
        figures: dict[str, float | None] = {}
        for k, row in zip(DEPTHS, self.recalls.tolist(), strict=True):
            figures |= MetricValue(*row).to_json(f"mar@{k}")
        return {"name": self.name, "queries": self.n, "groups": self.n_groups, **figures}


@dataclass(frozen=True)
class SearchEvaluation:
    """A ranking beside the truth.

    Attributes:
        category_ids: `(Q,)` int64 labels of the queries, `NO_CATEGORY` where there is none.
        seen: `(C,)` int64 categories that the network has learnt; None: not known.
    """

    truth: Truth
    ranking: Ranking
    category_ids: NDArray[np.int64]
    seen: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def are_true(self) -> NDArray[np.bool_]:
        """`(Q, K)` whether the product found at a place is a true match."""
        return self.ranking.are_true(self.truth)

    @cached_property
    def recalls(self) -> NDArray[np.float64]:
        """`(Q, F)` R@k of every query at `DEPTHS`."""
        return np.stack([recall_at(self.are_true, self.truth.n_true, k) for k in DEPTHS], axis=1)

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """`(Q,)` queries that are drawn together."""
        return linked_queries(self.truth)

    @property
    def n_silent(self) -> int:
        """Queries for which nothing was found, as none of their photos can be read: their recall is 0."""
        return int((~np.isfinite(self.ranking.scores)).all(axis=1).sum())

    def kind(self, name: str, rows: NDArray[np.bool_]) -> QueryKind:
        """Figures of the queries at `(Q,)` flagged rows."""
        group = self.group[rows]
        return QueryKind(name, int(rows.sum()), len(np.unique(group)), macro_average(self.recalls[rows], group))

    @cached_property
    def kinds(self) -> list[QueryKind]:
        """All queries; by number of true matches; by whether the network has learnt their category."""
        kinds = {"all": np.ones(len(self), bool)}
        n_true = self.truth.n_true
        for low, above in zip(MATCH_BANDS, (*MATCH_BANDS[1:], None), strict=True):
            rows = (n_true >= low) & (n_true < (above or np.inf))
            kinds[f"{_band(low, above)} true {'match' if above == low + 1 == 2 else 'matches'}"] = rows
        if self.seen is not None:
            is_seen, is_labelled = np.isin(self.category_ids, self.seen), self.category_ids != NO_CATEGORY
            kinds |= {
                "categories learnt from": is_seen,
                "categories never learnt from": is_labelled & ~is_seen,
                "no category": ~is_labelled,
            }
        return [self.kind(name, rows) for name, rows in kinds.items() if rows.any()]

    def categories(self, name_of: Callable[[int], str] = str) -> list[QueryKind]:
        """By the queries' category, those of most queries first; `name_of`: what a category's number is called."""
        numbers, n = np.unique(self.category_ids, return_counts=True)
        order = numbers[np.argsort(-n, kind="stable")].tolist()
        return [
            self.kind("no category" if number == NO_CATEGORY else name_of(number), self.category_ids == number)
            for number in order
        ]

    def worst_first(self) -> NDArray[np.int64]:
        """`(Q,)` places of the queries, the worst first: those of which least is found, and that latest."""
        place = first_match(self.are_true)
        late = np.where(place == 0, self.ranking.depth + 1, place)
        return np.lexsort((np.arange(len(self)), -late, self.recalls.mean(axis=1)))

    @property
    def text(self) -> str:
        """The figures as a table for the terminal."""
        rows = [["MAR@k, %", "queries", *(f"@{k}" for k in DEPTHS), f"95 % interval @{SHOWN_DEPTH}"]]
        for kind in self.kinds:
            interval = kind.estimates([SHOWN_DEPTH])[0].interval
            rows.append([kind.name, f"{kind.n:,}", *(one.text for one in kind.estimates()), interval])
        lines = [aligned(rows, "<" + ">" * (len(DEPTHS) + 2))]
        if self.n_silent:
            silent = plural(self.n_silent, "query", "queries")
            lines.append(f"{silent} for which nothing was found, as no photo of it can be read: counted as not found")
        return "\n".join(lines)

    def to_json(self, name_of: Callable[[int], str] = str) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "queries": len(self),
            "without_answer": self.n_silent,
            "kinds": [kind.to_json() for kind in self.kinds],
            "categories": [kind.to_json() for kind in self.categories(name_of)],
        }


def linked_queries(truth: Truth) -> NDArray[np.int64]:
    """`(Q,)` a number for each query, equal for those that share a true match, be it by way of others.

    They are right or wrong together: a bootstrap that drew each by itself would promise too narrow an interval.
    """
    matches, column = np.unique(truth.match_ids, return_inverse=True)
    n, shape = len(truth), (len(truth) + len(matches),) * 2
    edges = coo_array((np.ones(len(column), np.int8), (truth.query_of_match, n + column)), shape=shape)
    return connected_components(edges, directed=False)[1][:n].astype(np.int64)


def difference(
    one: SearchEvaluation, other: SearchEvaluation, group: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """`(F, 3)` MAR@k of `one` less that of `other` at `DEPTHS`, on the same queries, with its paired 95 % interval.

    `group`: `(Q,)` queries that are drawn together; None: each by itself.

    Raises:
        ValueError: the queries are not the same.
    """
    if not np.array_equal(one.truth.query_ids, other.truth.query_ids):
        raise ValueError("two rankings of different queries: their figures cannot be paired")
    return mean_of_queries(one.recalls - other.recalls, group)


def _band(low: int, above: int | None) -> str:
    if above is None:
        return f"{low}+"
    return str(low) if above == low + 1 else f"{low}-{above - 1}"
