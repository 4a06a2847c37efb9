"""What the decisions on labelled products were worth: precision, coverage, hierarchical precision and recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import MetricValue, bootstrap, exact_share, percentiles
from catalog.metrics.summary import ALL
from catalog.product import MAX_IMAGES
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.taxonomy import Taxonomy

ACCEPT, REVIEW, GIVEN = "accept", "review", "given without review"


def parent_at(level: int, level_names: Mapping[int, str] = LEVEL_NAMES) -> str:
    """The kind of decision that gives a parent at a level."""
    return f"parent at {level_names[level]}"


def kinds_of(depth: int, level_names: Mapping[int, str] = LEVEL_NAMES) -> dict[str, tuple[int, ...]]:
    """Levels of the answers that each kind of decision gives in a tree of so many levels; a review gives none."""
    parents = {parent_at(level, level_names): (level,) for level in range(depth - 1, 0, -1)}
    return {ACCEPT: (depth,), **parents, REVIEW: (0,), GIVEN: tuple(range(1, depth + 1))}


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
        decisions: by kind, see `kinds_of`.
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
        depth: D, levels of the tree.
        level: `(N,)` int64 level of the node given, D a leaf ... 0 nothing.
        right: `(N,)` bool: a node was given and is the true product's at its level.
        n_given, n_true: `(N,)` int64 nodes on the given path and on the true one, the root apart.
        overlap: `(N,)` int64 nodes that are on both.
        leaf_right: `(N,)` bool: the likeliest leaf, given or not, is the true one.
        n_images: `(N,)` int8.
        level_names: what the levels are called.
    """

    depth: int
    level: NDArray[np.int64]
    right: NDArray[np.bool_]
    n_given: NDArray[np.int64]
    n_true: NDArray[np.int64]
    overlap: NDArray[np.int64]
    leaf_right: NDArray[np.bool_]
    n_images: NDArray[np.int8]
    level_names: Mapping[int, str] = field(default_factory=lambda: LEVEL_NAMES)

    @classmethod
    def of(
        cls, given: NDArray[np.int64], truth: NDArray[np.int64], leaf_right: NDArray[np.bool_],
        n_images: NDArray[np.int8], tree: Taxonomy,
    ) -> DecisionOutcomes:  # fmt: skip
        """From `(N, 2)` level and node of `fusion.decide.decide` and `(N,)` true leaves."""
        level, n_true = given[:, 0], tree.path_lengths[truth]
        right, n_given, overlap = np.zeros(len(given), bool), np.zeros_like(level), np.zeros_like(level)
        for answered in tree.levels:
            rows = np.flatnonzero(level == answered)
            leaf, true = tree.first_leaf(answered)[given[rows, 1]], truth[rows]
            right[rows] = given[rows, 1] == tree.ancestor(answered)[true]
            n_given[rows] = np.minimum(answered, tree.path_lengths[leaf])
            # a path that ends further up has no nodes below that, though every level tells its leaf from others
            n_both = np.minimum(n_given[rows], n_true[rows])
            for above in tree.levels[:answered]:
                overlap[rows] += (tree.ancestor(above)[leaf] == tree.ancestor(above)[true]) & (above <= n_both)
        return cls(tree.depth, level, right, n_given, n_true, overlap, leaf_right, n_images, tree.level_names)

    @classmethod
    def joined(cls, parts: Sequence[DecisionOutcomes]) -> DecisionOutcomes:
        """Those of successive chunks as one."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _BY_PRODUCT}
        return cls(parts[0].depth, **arrays, level_names=parts[0].level_names)

    def __len__(self) -> int:
        return len(self.level)

    @property
    def is_accepted(self) -> NDArray[np.bool_]:
        """`(N,)` bool: the leaf was given."""
        return self.level == self.depth

    @property
    def is_parent(self) -> NDArray[np.bool_]:
        """`(N,)` bool: a node above the leaf was given."""
        return (self.level > 0) & (self.level < self.depth)

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """`(N,)` bool: nothing was given, a person must look."""
        return self.level == 0

    def select(self, rows: NDArray[np.bool_]) -> DecisionOutcomes:
        """The products of an `(N,)` mask."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _BY_PRODUCT})

    @cached_property
    def summary(self) -> dict[str, OutcomeSummary]:
        """Figures by image count and `all`; a count without products is left out."""
        groups = {str(n): self.n_images == n for n in range(MAX_IMAGES + 1)}
        groups[ALL] = np.ones(len(self), bool)
        return {name: self.select(rows)._summary() for name, rows in groups.items() if rows.any()}

    def _summary(self) -> OutcomeSummary:
        precision, recall, f1 = self._hierarchical()
        kinds = kinds_of(self.depth, self.level_names)
        decisions = {kind: self._decision(kind, levels) for kind, levels in kinds.items()}
        return OutcomeSummary(len(self), precision, recall, f1, decisions)

    def _decision(self, kind: str, levels: tuple[int, ...]) -> DecisionFigures:
        chosen = np.isin(self.level, levels)
        n, k, leaves = int(chosen.sum()), int(self.right[chosen].sum()), int(self.leaf_right[chosen].sum())
        return DecisionFigures(
            n, share=_exact(n, len(self)), precision=_exact(k, 0 if kind == REVIEW else n), leaf_right=_exact(leaves, n)
        )

    def _hierarchical(self) -> list[MetricValue]:
        """Micro-averaged hierarchical precision, recall and F of Kiritchenko et al. (2006).

        "Learning and Evaluation in the Presence of Class Hierarchies": nodes of the given and of the true path, the
        root apart, that are the same; over all given ones, over all true ones, and the harmonic mean of the two.
        """
        parts = np.stack([self.overlap, self.n_given, self.n_true]).astype(np.float64)

        def figures(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            shared, given, n_true = sums
            precision = np.divide(shared, given, out=np.full_like(shared, np.nan), where=given > 0)
            return np.stack([precision, shared / n_true, 2 * shared / (given + n_true)])

        values = figures(parts.sum(axis=1)[:, None])[:, 0].tolist()
        spans = percentiles(bootstrap(parts, figures)).tolist()
        return [MetricValue(value, *span) for value, span in zip(values, spans, strict=True)]


_BY_PRODUCT = ("level", "right", "n_given", "n_true", "overlap", "leaf_right", "n_images")


def _exact(k: int, n: int) -> MetricValue:
    """The share k of n with its exact interval; undefined without any."""
    return MetricValue(k / n, *exact_share(k, n)) if n else MetricValue(np.nan, np.nan, np.nan)
