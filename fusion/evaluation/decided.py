"""What the decisions on labelled products were worth: precision, coverage, hierarchical precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import bootstrap, exact_share, percentiles
from catalog.metrics.summary import ALL, with_interval
from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import LEVELS, Taxonomy

ACCEPT, CAT2, CAT1, REVIEW, GIVEN = "accept", "parent at Cat II", "parent at Cat I", "review", "given without review"
KINDS = {ACCEPT: (3,), CAT2: (2,), CAT1: (1,), REVIEW: (0,), GIVEN: LEVELS}
"""Levels of the answers that each kind of decision gives; a review gives none."""


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
        cls,
        given: NDArray[np.int64],
        truth: NDArray[np.int64],
        leaf_right: NDArray[np.bool_],
        n_images: NDArray[np.int8],
        tree: Taxonomy,
    ) -> DecisionOutcomes:
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
        """A part of the products."""
        return DecisionOutcomes(self.level[rows], self.overlap[rows], self.leaf_right[rows], self.n_images[rows])

    @cached_property
    def summary(self) -> dict[str, dict[str, Any]]:
        """Figures by image count and `all`, in plain JSON types; a count without products is left out.

        Each is `{n, h_precision, h_recall, h_f1, decisions: {kind: {n, share, precision, leaf_right}}}` with `NAME_low`
        and `NAME_high`: bootstrap intervals of the hierarchical figures, exact ones of the shares. `precision` is the
        share of the given nodes that are right, None for a review.
        """
        groups = {str(n): self.n_images == n for n in range(MAX_IMAGES + 1)}
        groups[ALL] = np.ones(len(self), bool)
        return {name: self.select(rows)._figures() for name, rows in groups.items() if rows.any()}

    def _figures(self) -> dict[str, Any]:
        return {"n": len(self), **self._hierarchical(), "decisions": {kind: self._decision(kind) for kind in KINDS}}

    def _decision(self, kind: str) -> dict[str, Any]:
        chosen = np.isin(self.level, KINDS[kind])
        n, k, leaves = int(chosen.sum()), int(self.right[chosen].sum()), int(self.leaf_right[chosen].sum())
        precision = (np.nan, np.nan, np.nan) if kind == REVIEW or not n else (k / n, *exact_share(k, n))
        return {
            "n": n,
            **with_interval("share", n / len(self), *exact_share(n, len(self))),
            **with_interval("precision", *precision),
            **with_interval("leaf_right", leaves / n if n else np.nan, *exact_share(leaves, n)),
        }

    def _hierarchical(self) -> dict[str, float | None]:
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

        found = figures(parts.sum(axis=1)[:, None])[:, 0]
        span = percentiles(bootstrap(parts, figures))
        named: dict[str, float | None] = {}
        for name, value, (low, high) in zip(("h_precision", "h_recall", "h_f1"), found, span, strict=True):
            named |= with_interval(name, value, low, high)
        return named
