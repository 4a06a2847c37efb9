"""The loss of a fit: leaf and parents, rare leaves, wrong labels, blended mosaics."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from catalog.tree.taxonomy import Taxonomy
from mosaic.config import TrainingConfig


class LeafLoss(nn.Module):
    """Mean loss of a batch, in nats."""

    def __init__(
        self, training: TrainingConfig, frequency: NDArray[np.floating], parents: NDArray[np.integer] | None = None
    ) -> None:
        """`frequency`: `(S,)` how often each leaf of the support is shown; `parents`: `(D - 1, S)` nodes above each.

        Raises:
            ValueError: `parent_loss` without `parents`.
        """
        super().__init__()
        self.training_config = training
        # a leaf of the support that is never shown has no logarithm
        share = np.maximum(np.asarray(frequency, np.float64), 1e-12)
        share /= share.sum()
        self.register_buffer("log_share", torch.from_numpy(np.log(share)).float(), persistent=False)
        # scikit-learn's "balanced" weights: 1 on average over products
        weights = torch.from_numpy(1 / (len(share) * share)).float() if training.class_weights else None
        self.register_buffer("weights", weights, persistent=False)
        if training.parent_loss and parents is None:
            raise ValueError("parent_loss needs the tree")
        self.register_buffer("parents", None if parents is None else torch.from_numpy(parents), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """`(B, S)` logits and `(B,)` labels in 0..S-1 -> scalar."""
        config = self.training_config
        # a softmax over thousands of leaves loses the rare ones in bfloat16
        logits = logits.float()
        # Menon et al. 2021, "Long-tail learning via logit adjustment", equation 10
        log_p = F.log_softmax(logits + config.logit_adjustment * self.get_buffer("log_share"), dim=1)
        losses = self._of_leaf(log_p).gather(1, labels[:, None])[:, 0]
        if config.label_smoothing:
            # on the logits as they are predicted with: adjusted, it would lift the leaves that are never shown
            even = self._of_leaf(F.log_softmax(logits, dim=1)).mean(1)
            losses = (1 - config.label_smoothing) * losses + config.label_smoothing * even
        if self.weights is not None:
            losses = losses * self.get_buffer("weights")[labels]
        if config.parent_loss:
            losses = losses + config.parent_loss * self._parent(log_p, labels)
        return losses.mean()

    def _of_leaf(self, log_p: Tensor) -> Tensor:
        """`(B, S)` loss if that leaf is the true one: cross-entropy, or (1 - p^q) / q (Zhang, Sabuncu 2018)."""
        q = self.training_config.robustness
        return -log_p if q == 0 else (1 - (q * log_p).exp()) / q

    def _parent(self, log_p: Tensor, labels: Tensor) -> Tensor:
        """`(B,)` mean over the levels above the leaves of the cross-entropy of the summed leaves; 0 without such."""
        parents = self.get_buffer("parents")
        total = torch.zeros_like(log_p[:, 0])
        for of_leaf in parents:
            siblings = of_leaf == of_leaf[labels][:, None]
            # in logarithms: of a parent that is missed by far the probabilities are 0 in float32
            total = total - log_p.masked_fill(~siblings, -torch.inf).logsumexp(1)
        return total / max(1, len(parents))


def parents_of(tree: Taxonomy, support: NDArray[np.integer]) -> NDArray[np.int64]:
    """`(D - 1, S)` int64 node of each leaf of a support at each level above the leaves, Cat I first."""
    nodes = [tree.ancestor(level)[support] for level in tree.levels[:-1]]
    return np.array(nodes, np.int64).reshape(-1, len(support))
