"""The head: experts pooled node by node down the tree, normalised locally.

    p(child | parent) = softmax over the parent's children of
                        sum over experts b:  w[l, b, n, s] log p_b(child | parent)
    p(leaf) = product along its path

`l` is the level, `n` the image count, `s` the set of experts that speak at the node; w = base + delta_n + delta_s,
w >= 0 (and + a delta of the Cat I above, where every Cat I has weights of its own). Log-linear pooling: Genest and
Zidek, "Combining Probability Distributions", 1986; Hinton, "Products of Experts", 1999. Because every node normalises
its own children, an expert that is uniform below a node leaves the node's own probability alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from fusion.heads.base import Head, chunks
from fusion.heads.evidence import FLOOR, Evidence, first_children, gather_evidence, n_parents_of
from fusion.heads.log_linear import LogLinearFit, LogLinearWeights


class TreePool(Head):
    """Locally normalised log-linear pool of experts on a tree."""

    def __init__(
        self, tree: Taxonomy, expert_names: Sequence[str], *, shrinkage: float = 10.0, by_cat1: bool = False
    ) -> None:
        """A pool without weights yet.

        Args:
            shrinkage: weight of the squared deviations against the summed log loss, in products.
            by_cat1: every Cat I has a deviation of its own at the levels below it.
        """
        super().__init__(tree, expert_names)
        self.shrinkage, self.by_cat1 = shrinkage, by_cat1
        self.levels: list[LogLinearWeights] = []

    def _fit(self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.int64]) -> None:
        """Fit the weights; each product chooses among the children of its true parents, level by level."""
        problems = [LogLinearFit(len(experts), n_cat1=self._n_cat1(level)) for level in self.tree.levels]
        for rows in chunks(np.arange(len(truth))):
            for problem, evidence in zip(problems, gather_evidence(experts, rows, self.tree), strict=True):
                self._add(problem, evidence, truth[rows], n_images[rows])
        self.levels = [problem.solve(self.shrinkage) for problem in problems]

    def _add(
        self, problem: LogLinearFit, evidence: Evidence, truth: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> None:
        level, tree = evidence.level, self.tree
        node = tree.ancestor(level)[truth]
        parents, cat1_of = tree.parent(level)[node], self._cat1_of_parent(level)
        starts = np.append(first_children(tree, level), tree.n_nodes(level))
        named = evidence.named_by()
        for parent in np.unique(parents):
            rows = np.flatnonzero(parents == parent)
            children = slice(starts[parent], starts[parent + 1])
            speaks = evidence.speaks[rows, parent]
            # the true child must be one that a speaking expert can name: else the loss is the same for all weights
            kept = (speaks & named[node[rows]]) != 0
            if not kept.any() or starts[parent + 1] - starts[parent] < 2:
                continue
            rows, speaks = rows[kept], speaks[kept]
            features = np.stack([ratio[rows, children] for ratio in evidence.log_ratio], axis=2)
            # a child that nobody who speaks can name takes no part in the softmax
            features[(speaks[:, None] & named[children]) == 0] = np.nan
            problem.add(int(parent), features, node[rows] - starts[parent], counts[rows], speaks, int(cat1_of[parent]))

    def _predict(self, experts: Sequence[Probabilities], n_images: NDArray[np.int64]) -> NDArray[np.float32]:
        if not self.levels:
            raise ValueError("this pool has no weights yet: call fit first")
        out = np.ones((len(experts[0]), len(self.tree)), np.float64)
        for rows in chunks(np.arange(len(out))):
            counts = n_images[rows]
            for weights, evidence in zip(self.levels, gather_evidence(experts, rows, self.tree), strict=True):
                conditional = self._conditional(weights, evidence, counts)
                out[rows] *= conditional[:, self.tree.ancestor(evidence.level)]
        return out.astype(np.float32)

    def weights_at(
        self, weights: LogLinearWeights, evidence: Evidence, counts: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """`(N, n_parents, B)` weights of one level's nodes."""
        return weights.at(counts[:, None], evidence.speaks, self._cat1_of_parent(evidence.level))

    def _conditional(
        self, weights: LogLinearWeights, evidence: Evidence, counts: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """`(N, n_nodes)` p(node | parent), summing to one over the children of every parent."""
        parent, first = self.tree.parent(evidence.level), first_children(self.tree, evidence.level)
        w = self.weights_at(weights, evidence, counts)
        score = sum(w[:, parent, b] * ratio for b, ratio in enumerate(evidence.log_ratio))
        known = (evidence.speaks[:, parent] & evidence.named_by()) != 0
        score = np.where(known, score, -np.inf)
        top = np.maximum.reduceat(score, first, axis=1)
        # where nobody speaks the largest score is -inf, and -inf less itself is no number
        raw = np.exp(score - np.where(np.isfinite(top), top, 0.0)[:, parent])
        total = np.add.reduceat(raw, first, axis=1)
        # children that no speaking expert can name keep the floor, so that their products are scored, not dropped
        conditional = np.where(known, raw / np.maximum(total, FLOOR)[:, parent], FLOOR)
        conditional /= np.add.reduceat(conditional, first, axis=1)[:, parent]
        return np.where((total > 0)[:, parent], conditional, self._prior_conditional(evidence.level))

    def _prior_conditional(self, level: int) -> NDArray[np.float64]:
        mass = self.tree.node_mass(self.prior[None], level)
        above = np.add.reduceat(mass, first_children(self.tree, level), axis=1)
        conditional: NDArray[np.float64] = mass / above[:, self.tree.parent(level)]
        return conditional

    def _n_cat1(self, level: int) -> int:
        return self.tree.n_nodes(1) if self.by_cat1 and level > 1 else 1

    def _cat1_of_parent(self, level: int) -> NDArray[np.int64]:
        """`(n_parents,)` row of the deviations by Cat I: the Cat I above, or 0."""
        if self._n_cat1(level) == 1:
            return np.zeros(n_parents_of(self.tree, level), np.int64)
        return self.tree.ancestor(1)[self.tree.first_leaf(level - 1)]

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """See `Head.tensors`; each level's arrays as in `LogLinearWeights.arrays`: `(F,)` and `(n, F)`."""
        tensors = super().tensors()
        for level, weights in zip(self.tree.levels, self.levels, strict=True):
            tensors |= weights.arrays(f"level{level}.")
        return tensors

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of `tensors`."""
        shapes, b = super().shapes(), len(self.expert_names)
        for level in self.tree.levels:
            shapes |= LogLinearWeights.shapes(b, b, self._n_cat1(level), f"level{level}.")
        return shapes

    def take(self, tensors: Mapping[str, NDArray[np.float64]]) -> None:
        """Inverse of `tensors`: `(F,)` and `(n, F)`."""
        super().take(tensors)
        self.levels = [LogLinearWeights.of_arrays(tensors, f"level{level}.") for level in self.tree.levels]
