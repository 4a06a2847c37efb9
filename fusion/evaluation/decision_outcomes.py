"""What the decisions on labelled products were worth: precision, coverage, hierarchical precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import MetricValue, bootstrap, exact_share, percentiles
from catalog.metrics.summary import ALL
from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import LEVELS, Taxonomy

ACCEPT, CAT2, CAT1, REVIEW, GIVEN = "accept", "parent at Cat II", "parent at Cat I", "review", "given without review"
KINDS = {ACCEPT: (3,), CAT2: (2,), CAT1: (1,), REVIEW: (0,), GIVEN: LEVELS}
"""Levels of the answers that each kind of decision gives; a review gives none."""


@dataclass(frozen=True)
class DecisionFigures:
    """What one kind of decision was worth, with exact intervals.

    Attributes:
        n: products decided so; share: of all products.
        precision: share of the nodes given that are right, undefined for a review; leaf_right: of the likeliest leaves.
    """

    n: int
    share: MetricValue
    precision: MetricValue
    leaf_right: MetricValue


@dataclass(frozen=True)
class OutcomeSummary:
    """What the decisions on n products were worth.

    Attributes:
        h_precision, h_recall, h_f1: hierarchical ones of what was given, with bootstrap intervals.
        decisions: by kind, see `KINDS`.
    """

    n: int
    h_precision: MetricValue
    h_recall: MetricValue
    h_f1: MetricValue
    decisions: dict[str, DecisionFigures]


@dataclass(frozen=True)
class DecisionOutcomes:
    """Answers to N labelled products.

    Attributes:
        level: `(N,)` int64 level of the node given, 3 a leaf ... 0 nothing.
        overlap: `(N,)` int64 nodes on the given path, the root apart, that are on the true one.
        leaf_right: `(N,)` bool: the likeliest leaf, given or not, is the true one.
        n_images: `(N,)` int8.
    """

    level: NDArray[np.int64]
    overlap: NDArray[np.int64]
    leaf_right: NDArray[np.bool_]
    n_images: NDArray[np.int8]

    @classmethod
    def of(
        cls, given: NDArray[np.int64], truth: NDArray[np.int64], leaf_right: NDArray[np.bool_],
        n_images: NDArray[np.int8], tree: Taxonomy,
    ) -> DecisionOutcomes:  # fmt: skip
        """From `(N, 2)` level and node of `fusion.decide.decide` and `(N,)` true leaves."""
        level, overlap = given[:, 0], np.zeros(len(given), np.int64)
        for answered in LEVELS:
            rows = np.flatnonzero(level == answered)
            leaf = tree.first_leaf(answered)[given[rows, 1]]
            for above in LEVELS[:answered]:
                overlap[rows] += tree.ancestor(above)[leaf] == tree.ancestor(above)[truth[rows]]
        return cls(level, overlap, leaf_right, n_images)

    def __len__(self) -> int:
        return len(self.level)

    @property
    def right(self) -> NDArray[np.bool_]:
        """`(N,)` bool: a node was given and is on the true path."""
        return (self.level > 0) & (self.overlap == self.level)

    def select(self, rows: NDArray[np.bool_]) -> DecisionOutcomes:
        """The products of an `(N,)` mask."""
        return DecisionOutcomes(self.level[rows], self.overlap[rows], self.leaf_right[rows], self.n_images[rows])

    @cached_property
    def summary(self) -> dict[str, OutcomeSummary]:
        """Figures by image count and `all`; a count without products is left out."""
        groups = {str(n): self.n_images == n for n in range(MAX_IMAGES + 1)}
        groups[ALL] = np.ones(len(self), bool)
        return {name: self.select(rows)._summary() for name, rows in groups.items() if rows.any()}

    def _summary(self) -> OutcomeSummary:
        precision, recall, f1 = self._hierarchical()
        decisions = {kind: self._decision(kind) for kind in KINDS}
        return OutcomeSummary(len(self), precision, recall, f1, decisions)

    def _decision(self, kind: str) -> DecisionFigures:
        chosen = np.isin(self.level, KINDS[kind])
        n, k, leaves = int(chosen.sum()), int(self.right[chosen].sum()), int(self.leaf_right[chosen].sum())
        return DecisionFigures(
            n, share=_exact(n, len(self)), precision=_exact(k, 0 if kind == REVIEW else n), leaf_right=_exact(leaves, n)
        )

    def _hierarchical(self) -> list[MetricValue]:
        """Micro-averaged hierarchical precision, recall and F of Kiritchenko et al. (2006).

        "Learning and Evaluation in the Presence of Class Hierarchies": nodes of the given and of the true path, the
        root apart, that are the same; over all given ones, over all true ones, and the harmonic mean of the two.
        """
        parts = np.stack([self.overlap, self.level]).astype(np.float64)
        n_true = len(LEVELS) * len(self)

        def figures(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            shared, given = sums
            precision = np.divide(shared, given, out=np.full_like(shared, np.nan), where=given > 0)
            return np.stack([precision, shared / n_true, 2 * shared / (given + n_true)])

        values = figures(parts.sum(axis=1)[:, None])[:, 0].tolist()
        spans = percentiles(bootstrap(parts, figures)).tolist()
        return [MetricValue(value, *span) for value, span in zip(values, spans, strict=True)]


def _exact(k: int, n: int) -> MetricValue:
    """The share k of n with its exact interval; undefined without any."""
    return MetricValue(k / n, *exact_share(k, n)) if n else MetricValue(np.nan, np.nan, np.nan)
