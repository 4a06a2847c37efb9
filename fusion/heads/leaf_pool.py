"""Pools with one softmax over all leaves: the flat log-linear pool, and the tree pool's globally normalised twin.

Kept for comparison. The twin adds the levels' log conditional probabilities up and normalises once: an expert that is
uniform below a node then lowers that node's own probability, which the locally normalised pool prevents.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities
from catalog.taxonomy import Taxonomy
from fusion.heads.base import Head, chunks, load_tensors, save_tensors
from fusion.heads.evidence import FLOOR, dense_rows, gather_evidence
from fusion.heads.log_linear import LogLinearFit, LogLinearWeights

MAX_FITTED_VALUES = 2 * 10**7
"""Products times leaves times features in a fit (80 MB): a few dozen weights need no more."""
WEIGHTS = ("base", "by_count", "by_set", "by_shelf")


class LeafPool(Head):
    """Log-linear pool over the leaves.

    Features of a leaf are each expert's log probability, or (`by_level`) its log conditional probabilities along the
    leaf's path, so that every level has weights of its own.
    """

    def __init__(
        self, tree: Taxonomy, expert_names: Sequence[str], *, shrinkage: float = 10.0, by_level: bool = False
    ) -> None:
        super().__init__(tree, expert_names)
        self.shrinkage, self.by_level = shrinkage, by_level
        self.weights: LogLinearWeights | None = None

    @property
    def n_features(self) -> int:
        """Features of a leaf."""
        return len(self.expert_names) * (3 if self.by_level else 1)

    def fit(
        self,
        experts: Sequence[Probabilities],
        truth: NDArray[np.int64],
        n_images: NDArray[np.integer],
        prior: NDArray[np.floating] | None = None,
    ) -> LeafPool:
        """Fit the weights; each product on which an expert speaks chooses among all leaves."""
        self.check(experts)
        self.set_prior(prior)
        fit = LogLinearFit(len(experts), self.n_features)
        at_most = max(1, MAX_FITTED_VALUES // (len(self.tree) * self.n_features))
        kept = np.sort(np.random.default_rng(0).permutation(len(truth))[:at_most])
        for rows in chunks(kept):
            sets = _speaking(experts, rows)
            some = np.flatnonzero(sets)
            features = self._features(experts, rows[some])
            fit.add("leaf", features, truth[rows[some]], np.asarray(n_images[rows[some]], np.int64), sets[some])
        self.weights = fit.solve(self.shrinkage)
        return self

    def predict_proba(self, experts: Sequence[Probabilities], n_images: NDArray[np.integer]) -> NDArray[np.float32]:
        """See `Head.predict_proba`."""
        self.check(experts)
        if self.weights is None:
            raise ValueError("this pool has no weights yet: call fit first")
        out = np.tile(self.prior.astype(np.float32), (len(experts[0]), 1))
        for rows in chunks(np.arange(len(out))):
            sets = _speaking(experts, rows)
            some = np.flatnonzero(sets)
            weights = self.weights.at(np.asarray(n_images[rows[some]], np.int64), sets[some])
            score = np.matmul(self._features(experts, rows[some]), weights[:, :, None])[:, :, 0]
            p = np.exp(score - score.max(axis=1, keepdims=True))
            out[rows[some]] = p / p.sum(axis=1, keepdims=True)
        return out

    def _features(self, experts: Sequence[Probabilities], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(len(rows), n_leaves, F)`; 0 where an expert is silent."""
        if not self.by_level:
            logs = []
            for expert in experts:
                log = np.log(np.maximum(dense_rows(expert, rows, self.tree), FLOOR))
                logs.append(np.where(expert.speaks[rows, None], log, 0.0))
            return np.stack(logs, axis=2)
        return np.stack(
            [
                ratio[:, self.tree.ancestor(evidence.level)]
                for evidence in gather_evidence(experts, rows, self.tree, centred=False)
                for ratio in evidence.log_ratio
            ],
            axis=2,
        )

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        save_tensors(path, {"prior": self.prior, **{name: getattr(self.weights, name) for name in WEIGHTS}})

    def load(self, path: Path) -> LeafPool:
        """Inverse of `save`."""
        f = self.n_features
        shapes: dict[str, tuple[int, ...]] = {"prior": (len(self.tree),), "base": (f,)}
        shapes |= {"by_count": (5, f), "by_set": (2 ** len(self.expert_names), f), "by_shelf": (1, f)}
        tensors = load_tensors(path, shapes)
        self.prior = tensors["prior"]
        self.weights = LogLinearWeights(*(tensors[name] for name in WEIGHTS))
        return self


def _speaking(experts: Sequence[Probabilities], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(len(rows),)` int64 bit set of the experts that speak on each product."""
    bits = [expert.speaks[rows].astype(np.int64) << b for b, expert in enumerate(experts)]
    return np.sum(bits, axis=0)
