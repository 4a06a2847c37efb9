"""Pools with one softmax over all leaves: the flat log-linear pool, and the tree pool's globally normalised twin.

Kept for comparison. The twin adds the levels' log conditional probabilities up and normalises once: an expert that is
uniform below a node then lowers that node's own probability (with p(book) = 0.60, a text that is uniform over 30 genres
leaves 0.048), which the locally normalised pool prevents.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from fusion.heads.base import Head, chunks
from fusion.heads.evidence import FLOOR, dense_rows, gather_evidence
from fusion.heads.log_linear import LogLinearFit, LogLinearWeights

N_CANDIDATES = 256
"""Leaves among which a product chooses in fitting: its likeliest ones and the true one. The tail adds nothing to a sum
of exponentials, and experts list fewer leaves than this."""
MAX_FITTED_VALUES = 10**8
"""Products times candidates times features in a fit: 400 MB."""


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
        return len(self.expert_names) * (self.tree.depth if self.by_level else 1)

    def _fit(self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.int64]) -> None:
        """Fit the weights; each product on which an expert speaks chooses among its likeliest leaves."""
        fit = LogLinearFit(len(experts), self.n_features)
        n_candidates = min(N_CANDIDATES, len(self.tree))
        at_most = max(1, MAX_FITTED_VALUES // (n_candidates * self.n_features))
        kept = np.sort(np.random.default_rng(0).permutation(len(truth))[:at_most])
        for rows in chunks(kept):
            sets = _speaking(experts, rows)
            spoken = rows[sets > 0]
            features = self._features(experts, spoken)
            candidates = self._candidates(experts, spoken, truth[spoken], n_candidates)
            chosen = np.take_along_axis(features, candidates[:, :, None], axis=1)
            fit.add("leaf", chosen, np.zeros(len(spoken), np.int64), n_images[spoken], sets[sets > 0])
        self.weights = fit.solve(self.shrinkage)

    def _predict(self, experts: Sequence[Probabilities], n_images: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.weights is None:
            raise ValueError("this pool has no weights yet: call fit first")
        out = np.tile(self.prior.astype(np.float32), (len(experts[0]), 1))
        for rows in chunks(np.arange(len(out))):
            sets = _speaking(experts, rows)
            some = np.flatnonzero(sets)
            weights = self.weights.at(n_images[rows[some]], sets[some])
            score = np.matmul(self._features(experts, rows[some]), weights[:, :, None])[:, :, 0]
            p = np.exp(score - score.max(axis=1, keepdims=True))
            out[rows[some]] = p / p.sum(axis=1, keepdims=True)
        return out

    def _candidates(
        self, experts: Sequence[Probabilities], rows: NDArray[np.int64], truth: NDArray[np.int64], k: int
    ) -> NDArray[np.int64]:
        """`(len(rows), k)` leaves, the true one first, then the likeliest of any expert."""
        likely = np.max([dense_rows(expert, rows, self.tree) for expert in experts], axis=0)
        # above every probability: a true leaf that no expert lists is scored, never dropped
        likely[np.arange(len(rows)), truth] = 2.0
        order: NDArray[np.int64] = np.argsort(-likely, axis=1, kind="stable")[:, :k]
        return order

    def _features(self, experts: Sequence[Probabilities], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """`(len(rows), n_leaves, F)`; 0 where an expert is silent."""
        logs = []
        if self.by_level:
            for evidence in gather_evidence(experts, rows, self.tree, centred=False):
                logs += [ratio[:, self.tree.ancestor(evidence.level)] for ratio in evidence.log_ratio]
        else:
            for expert in experts:
                log = np.log(np.maximum(dense_rows(expert, rows, self.tree), FLOOR))
                logs.append(np.where(expert.speaks[rows, None], log, 0.0))
        return np.stack(logs, axis=2)

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """See `Head.tensors`; arrays as in `LogLinearWeights.arrays`: `(F,)` and `(n, F)`."""
        assert self.weights is not None
        return super().tensors() | self.weights.arrays()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of `tensors`."""
        return super().shapes() | LogLinearWeights.shapes(len(self.expert_names), self.n_features)

    def take(self, tensors: Mapping[str, NDArray[np.float64]]) -> None:
        """Inverse of `tensors`: `(F,)` and `(n, F)`."""
        super().take(tensors)
        self.weights = LogLinearWeights.of_arrays(tensors)


def _speaking(experts: Sequence[Probabilities], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(len(rows),)` int64 bit set of the experts that speak on each product."""
    bits = [expert.speaks[rows].astype(np.int64) << b for b, expert in enumerate(experts)]
    return np.sum(bits, axis=0)
