"""The simplest heads: the best expert alone, and plain means of those that speak."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.product_scores import score_probabilities
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from fusion.heads.base import Head
from fusion.heads.evidence import FLOOR, dense_rows


class BestSingle(Head):
    """The expert that is right most often over all products, and where it is silent the next best."""

    def __init__(self, tree: Taxonomy, expert_names: Sequence[str]) -> None:
        super().__init__(tree, expert_names)
        self.accuracy: NDArray[np.float64] = np.zeros(len(expert_names))

    def _fit(self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.int64]) -> None:
        """Count each expert's right leaves; silence counts as wrong."""
        right = [int(score_probabilities(expert, truth, self.tree).correct[:, -1].sum()) for expert in experts]
        self.accuracy = np.array(right) / max(1, len(truth))

    def _predict(self, experts: Sequence[Probabilities], n_images: NDArray[np.int64]) -> NDArray[np.float32]:
        out = np.tile(self.prior.astype(np.float32), (len(experts[0]), 1))
        # the best is written last, over all others
        for b in np.argsort(self.accuracy, kind="stable"):
            rows = np.flatnonzero(experts[b].speaks)
            out[rows] = experts[b].dense(rows, len(self.tree))
        return out

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """See `Head.tensors`; `(B,)` accuracy."""
        return super().tensors() | {"accuracy": self.accuracy}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of `tensors`."""
        return super().shapes() | {"accuracy": (len(self.expert_names),)}

    def take(self, tensors: Mapping[str, NDArray[np.float64]]) -> None:
        """Inverse of `tensors`; `(B,)` accuracy."""
        super().take(tensors)
        self.accuracy = tensors["accuracy"]


class Mean(Head):
    """Arithmetic or geometric mean of the experts that speak on a product; nothing but the prior is fitted.

    In the geometric mean no probability is below 1e-6: one expert alone cannot rule a leaf out.
    """

    def __init__(self, tree: Taxonomy, expert_names: Sequence[str], *, geometric: bool) -> None:
        super().__init__(tree, expert_names)
        self.geometric = geometric

    def _fit(self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.int64]) -> None:
        """Keep the prior."""

    def _predict(self, experts: Sequence[Probabilities], n_images: NDArray[np.int64]) -> NDArray[np.float32]:
        n = len(experts[0])
        total, speaking = np.zeros((n, len(self.tree))), np.zeros(n)
        for expert in experts:
            dense = dense_rows(expert, np.arange(n), self.tree)
            term = np.log(np.maximum(dense, FLOOR)) if self.geometric else dense
            total += np.where(expert.speaks[:, None], term, 0.0)
            speaking += expert.speaks
        mean = total / np.maximum(speaking, 1)[:, None]
        if self.geometric:
            mean = np.exp(mean)
        mean[speaking == 0] = self.prior
        # a geometric mean does not sum to one
        return (mean / mean.sum(axis=1, keepdims=True)).astype(np.float32)
