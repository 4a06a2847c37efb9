"""How well held-out products are found by one of their photos: by vectors before and after learning to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import MetricValue, mean_intervals
from catalog.runs.run import Run
from mosaic.inference.embedding import GAIN
from mosaic.training.batches import occurrence

K = 10
LEARNT, PLAIN = "match_recall_at_10", "plain_recall_at_10"
MAX_QUERIES, MAX_OF_GROUP, MAX_OTHERS = 2000, 100, 20_000
"""Of a held-out part: products that are searched for, photos of a group, and other photos among which they are."""
BLOCK = 256
"""Queries compared with all photos at a time."""


@dataclass(frozen=True)
class Searches:
    """Photos that are searched for among others.

    Attributes:
        query: `(Q,)` int64 photo of each search, in 0..P-1; group: `(P,)` int64 of each photo: those of a query's own
            are to be found. Numbers below 0 are no group.
    """

    query: NDArray[np.int64]
    group: NDArray[np.int64]

    def recalls(self, vectors: NDArray[np.floating], k: int = K) -> NDArray[np.float64]:
        """`(Q,)` share of what is to be found among the `k` nearest other photos, of at most `k`.

        `vectors`: `(P, D)` of length 1. The macro-average over queries is the eProduct challenge's measure.
        """
        recalls = [np.zeros(0)]
        everything = vectors.astype(np.float32)
        for start in range(0, len(self.query), BLOCK):
            query = self.query[start : start + BLOCK]
            cosines = everything[query] @ everything.T
            cosines[np.arange(len(query)), query] = -np.inf
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
            own = self.group[query][:, None]
            n_true = (self.group == own).sum(1) - 1
            # among fewer than k others the query itself comes last
            hits = (self.group[nearest] == own) & (nearest != query[:, None])
            recalls.append(hits.sum(1) / np.minimum(n_true, k))
        return np.concatenate(recalls)


def first_photos(positions: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(Q,)` the first photo of each product that has another one to be found.

    `(P,)` rising positions and groups of photos; groups below 0 have one photo alone.
    """
    _, first = np.unique(positions, return_index=True)
    return first[group[first] >= 0]


def drawn_searches(
    positions: NDArray[np.int64], group: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """As many searches as a measure takes, and among what: all of them in a small catalogue.

    Args:
        positions: `(P,)` rising, of photos; group: `(P,)`, below 0 none.

    Returns:
        `(Q,)` photos that search, as numbers among those that are kept, and `(P,)` bool which are: what the searches
        are to find, and others.
    """
    query = np.sort(rng.permutation(first_photos(positions, group))[:MAX_QUERIES])
    order = rng.permutation(len(group))
    is_asked = np.isin(group[order], group[query])
    of_groups, others = order[is_asked], order[~is_asked]
    kept = np.zeros(len(group), bool)
    kept[of_groups[occurrence(group[of_groups]) < MAX_OF_GROUP]] = True
    kept[others[:MAX_OTHERS]] = True
    kept[query] = True
    return (np.cumsum(kept) - 1)[query], kept


@dataclass(frozen=True)
class MatchingRecall:
    """Macro-average recall at 10 on held-out products, with 95 % intervals over queries.

    Attributes:
        plain, learnt: by the vectors of the network that was the start, and of the one that has learnt to match;
        gain: learnt less plain, on the same queries.
    """

    n_queries: int
    plain: MetricValue
    learnt: MetricValue
    gain: MetricValue

    @classmethod
    def of(cls, recalls: Sequence[NDArray[np.float64]]) -> MatchingRecall:
        """Of `(Q, 2)` recalls of each held-out part, plain and learnt."""
        pairs = np.concatenate([np.zeros((0, 2)), *recalls])
        if not len(pairs):
            nothing = MetricValue(np.nan, np.nan, np.nan)
            return cls(0, nothing, nothing, nothing)
        figures = mean_intervals(np.column_stack([pairs, pairs[:, 1] - pairs[:, 0]]))
        return cls(len(pairs), *(MetricValue(*row) for row in figures.tolist()))

    def to_json(self) -> dict[str, float | int | None]:
        """As a run's metrics hold it."""
        figures = self.plain.to_json(PLAIN) | self.learnt.to_json(LEARNT) | self.gain.to_json(GAIN)
        return {"match_queries": self.n_queries, **figures}

    def __str__(self) -> str:
        if not self.n_queries:
            return "no held-out product has another photo to be found by"
        return (
            f"held out {self.n_queries} queries: recall@{K} {self.learnt.value:.3f}, before {self.plain.value:.3f} "
            f"(gain {self.gain.value:+.3f}, 95 % interval {self.gain.low:+.3f} to {self.gain.high:+.3f})"
        )


def recall_line(run: Run) -> str:
    """What a run that matches has measured, for people."""
    figures = [MetricValue.from_json(run.metrics, name) for name in (PLAIN, LEARNT, GAIN)]
    return str(MatchingRecall(int(run.metrics["match_queries"]), *figures))
