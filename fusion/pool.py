"""The head: experts pooled node by node down the tree, normalised locally.

    p(child | parent) = softmax over the parent's children of
                        sum over experts b:  w[l, b, n, s] log p_b(child | parent)
    p(leaf) = product along its path

`l` is the level, `n` the image count, `s` the set of experts that speak at the node; w = base + delta_n + delta_s,
w >= 0. Log-linear pooling: Genest and Zidek, "Combining Probability Distributions", 1986; Hinton, "Products of
Experts", 1999. Because every node normalises its own children, an expert that is uniform below a node leaves the
node's own probability alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, minimize

from catalog.probabilities import Probabilities
from catalog.product import MAX_IMAGES
from catalog.taxonomy import LEVELS, Taxonomy
from fusion.evidence import FLOOR, Evidence, first_children, gather_evidence

N_COUNTS = MAX_IMAGES + 1
MAX_EXPERTS = 12
CHUNK = 512
MAX_FITTED = 200_000


@dataclass(frozen=True)
class LevelWeights:
    """Weights of one level.

    Attributes:
        base: `(B,)`; by_count: `(5, B)` deviation for 0..4 photos; by_set: `(2**B, B)` deviation for each set of
            speaking experts (bit b set: expert b speaks). Deviations of counts and sets never seen are 0.
    """

    base: NDArray[np.float64]
    by_count: NDArray[np.float64]
    by_set: NDArray[np.float64]

    def table(self) -> NDArray[np.float64]:
        """`(5, 2**B, B)` non-negative weights; 0 for experts outside the set."""
        n_sets, n_experts = self.by_set.shape
        inside = (np.arange(n_sets)[:, None] >> np.arange(n_experts)) & 1
        weights = self.base + self.by_count[:, None, :] + self.by_set[None, :, :]
        return np.maximum(weights, 0.0) * inside


class TreePool:
    """Locally normalised log-linear pool of experts on a tree; scikit-learn's fit and predict_proba."""

    def __init__(self, tree: Taxonomy, expert_names: Sequence[str], *, shrinkage: float = 10.0) -> None:
        """`shrinkage`: weight of the squared deviations against the summed log loss, in products.

        Raises:
            ValueError: no expert, or more than 12 (each set of experts has weights of its own).
        """
        if not 1 <= len(expert_names) <= MAX_EXPERTS:
            raise ValueError(f"a pool takes 1 to {MAX_EXPERTS} experts, got {len(expert_names)}")
        self.tree = tree
        self.expert_names = list(expert_names)
        self.shrinkage = shrinkage
        self.levels: list[LevelWeights] = []
        self.prior: NDArray[np.float64] = np.full(len(tree), 1 / len(tree))

    def fit(
        self,
        experts: Sequence[Probabilities],
        truth: NDArray[np.int64],
        n_images: NDArray[np.integer],
        prior: NDArray[np.floating] | None = None,
    ) -> TreePool:
        """Fit the weights on held-out probabilities.

        Args:
            experts: row-aligned held-out `Probabilities`, in the order of `expert_names`.
            truth: `(N,)` true leaf index.
            n_images: `(N,)` image count, 0..4.
            prior: `(n_leaves,)` training share of each leaf, spoken where no expert speaks.
        """
        self._check(experts)
        if prior is not None:
            floored = np.maximum(np.asarray(prior, np.float64), FLOOR)
            self.prior = floored / floored.sum()
        problems = [_LevelProblem(len(experts)) for _ in LEVELS]
        # a few dozen weights need no more products than this; memory stays bounded
        kept = np.sort(np.random.default_rng(0).permutation(len(truth))[:MAX_FITTED])
        for chunk in _chunks(len(kept)):
            rows = kept[chunk]
            for problem, evidence in zip(problems, gather_evidence(experts, rows, self.tree), strict=True):
                problem.add(evidence, truth[rows], np.asarray(n_images[rows], np.int64), self.tree)
        self.levels = [problem.solve(self.shrinkage) for problem in problems]
        return self

    def predict_proba(self, experts: Sequence[Probabilities], n_images: NDArray[np.integer]) -> NDArray[np.float32]:
        """`(N, n_leaves)` float32 probabilities of row-aligned experts; call it on chunks, the result is dense."""
        self._check(experts)
        if not self.levels:
            raise ValueError("this pool has no weights yet: call fit first")
        out = np.ones((len(experts[0]), len(self.tree)), np.float64)
        for rows in _chunks(len(out)):
            counts = np.asarray(n_images[rows], np.int64)
            for weights, evidence in zip(self.levels, gather_evidence(experts, rows, self.tree), strict=True):
                conditional = self._conditional(weights, evidence, counts)
                out[rows] *= conditional[:, self.tree.ancestor(evidence.level)]
        return out.astype(np.float32)

    def _conditional(self, weights: LevelWeights, evidence: Evidence, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(N, n_nodes)` p(node | parent), summing to one over the children of every parent."""
        parent, first = self.tree.parent(evidence.level), first_children(self.tree, evidence.level)
        w = weights.table()[counts[:, None], evidence.speaks]
        score = sum(w[:, parent, b] * ratio for b, ratio in enumerate(evidence.log_ratio))
        bits = 1 << np.arange(len(evidence.log_ratio))
        named_by = (evidence.covered * bits[:, None]).sum(axis=0)
        known = (evidence.speaks[:, parent] & named_by) != 0
        score = np.where(known, score, -np.inf)
        top = np.maximum.reduceat(score, first, axis=1)
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

    def _check(self, experts: Sequence[Probabilities]) -> None:
        names = [expert.expert for expert in experts]
        if names != self.expert_names:
            raise ValueError(f"this head pools {', '.join(self.expert_names)}; got {', '.join(names)}")
        for expert in experts:
            if expert.taxonomy != self.tree.fingerprint:
                raise ValueError(f"expert {expert.expert} was made with another category tree than this head")


def _chunks(n: int) -> list[NDArray[np.int64]]:
    return [np.arange(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


class _LevelProblem:
    """Multinomial logistic losses of one level: each product chooses among the children of its true parent."""

    def __init__(self, n_experts: int) -> None:
        self.n_experts = n_experts
        # per parent: lists of (n, n_children, B) features, (n,) true child, (n,) cell = count and set in one number
        self.blocks: dict[int, list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]]] = {}

    def add(self, evidence: Evidence, truth: NDArray[np.int64], counts: NDArray[np.int64], tree: Taxonomy) -> None:
        level = evidence.level
        node = tree.ancestor(level)[truth]
        parents = tree.parent(level)[node]
        starts = np.append(first_children(tree, level), tree.n_nodes(level))
        for parent in np.unique(parents):
            rows = np.flatnonzero(parents == parent)
            children = slice(starts[parent], starts[parent + 1])
            speaks = evidence.speaks[rows, parent]
            # the true child must be one that a speaking expert can name: else the loss is the same for all weights
            named_by = (evidence.covered[:, node[rows]].T * (1 << np.arange(self.n_experts))).sum(axis=1)
            kept = (speaks & named_by) != 0
            if not kept.any() or starts[parent + 1] - starts[parent] < 2:
                continue
            rows, speaks = rows[kept], speaks[kept]
            features = np.stack([ratio[rows, children] for ratio in evidence.log_ratio], axis=2).astype(np.float64)
            all_named = (evidence.covered[:, children] * (1 << np.arange(self.n_experts))[:, None]).sum(axis=0)
            # a child that nobody who speaks can name takes no part in the softmax
            features[(speaks[:, None] & all_named) == 0] = np.nan
            cell = counts[rows] * 2**self.n_experts + speaks
            self.blocks.setdefault(int(parent), []).append((features, node[rows] - starts[parent], cell))

    def solve(self, shrinkage: float) -> LevelWeights:
        b, n_sets = self.n_experts, 2**self.n_experts
        blocks = [tuple(np.concatenate(part) for part in zip(*own, strict=True)) for own in self.blocks.values()]
        cells = np.unique(np.concatenate([block[2] for block in blocks])) if blocks else np.zeros(0, np.int64)
        counts, sets = np.unique(cells // n_sets), np.unique(cells % n_sets)
        # parameters: base (B), one deviation per seen count and expert, one per seen set and expert
        design = np.zeros((len(cells), b, b * (1 + len(counts) + len(sets))))
        for i, cell in enumerate(cells):
            for e in range(b):
                if cell % n_sets >> e & 1:
                    at_count = 1 + np.searchsorted(counts, cell // n_sets)
                    at_set = 1 + len(counts) + np.searchsorted(sets, cell % n_sets)
                    design[i, e, [e, at_count * b + e, at_set * b + e]] = 1.0
        theta = np.zeros(design.shape[2])
        start = np.full(b, 1.0 / b)
        theta[:b] = start
        if blocks:
            indexed = [(f, y, np.searchsorted(cells, cell)) for f, y, cell in blocks]
            inside = design.any(axis=2)
            # w >= 0 for every seen count and set: with it each expert can be damped, never turned round
            bounds = LinearConstraint(design[inside], 0, np.inf)
            result = minimize(
                _loss, theta, args=(indexed, design, start, shrinkage), jac=True, method="SLSQP",
                constraints=[bounds], options={"maxiter": 500, "ftol": 1e-9},
            )  # fmt: skip
            theta = result.x
        by_count, by_set = np.zeros((N_COUNTS, b)), np.zeros((n_sets, b))
        by_count[counts] = theta[b : b * (1 + len(counts))].reshape(-1, b)
        by_set[sets] = theta[b * (1 + len(counts)) :].reshape(-1, b)
        return LevelWeights(theta[:b], by_count, by_set)


def _loss(
    theta: NDArray[np.float64],
    blocks: list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]],
    design: NDArray[np.float64],
    start: NDArray[np.float64],
    shrinkage: float,
) -> tuple[float, NDArray[np.float64]]:
    """Mean over products of the log loss plus the shrinkage, and its gradient; convex in theta."""
    weights = design @ theta
    off = theta.copy()
    # the base is drawn towards the geometric mean, only just enough to fix it where nothing is seen
    off[: len(start)] = (theta[: len(start)] - start) * 0.1
    loss = 0.5 * shrinkage * float(off @ off)
    gradient_off = shrinkage * off
    gradient_off[: len(start)] *= 0.1
    by_cell = np.zeros_like(weights)
    n = 0
    for features, target, cell in blocks:
        score = np.einsum("ncb,nb->nc", features, weights[cell])
        score = np.where(np.isnan(score), -np.inf, score)
        score -= score.max(axis=1, keepdims=True)
        p = np.exp(score)
        total = p.sum(axis=1, keepdims=True)
        rows = np.arange(len(target))
        loss += float((np.log(total[:, 0]) - score[rows, target]).sum())
        p /= total
        p[rows, target] -= 1.0
        np.add.at(by_cell, cell, np.einsum("nc,ncb->nb", p, np.nan_to_num(features)))
        n += len(target)
    gradient = np.einsum("cbp,cb->p", design, by_cell) + gradient_off
    return loss / n, gradient / n
