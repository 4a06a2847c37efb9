"""Losses that draw photos of one group together, and a leaf's words into their vectors."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mosaic.config import MatchingConfig
from mosaic.training.matching.attributes import TitleAttributes
from mosaic.training.matching.groups import ALONE
from mosaic.training.objective import Objective


def with_margin(cosines: Tensor, margin: float) -> Tensor:
    """`(B, G)` or any shape of cosines -> cos(angle + margin) of each: with it a photo must still reach its own group.

    Deng et al. 2019, "ArcFace: Additive Angular Margin Loss", equation 3. Where the angle would pass pi the cosine
    would rise again: there a line goes on falling.
    """
    # the derivative of the square root has no end at 1
    cosines = cosines.clamp(-1 + 1e-6, 1 - 1e-6)
    turned = cosines * math.cos(margin) - (1 - cosines**2).sqrt() * math.sin(margin)
    return torch.where(cosines > -math.cos(margin), turned, cosines - margin * math.sin(margin))


class GroupVectors(nn.Module):
    """A vector for each group, and a softmax over them (ArcFace)."""

    def __init__(self, means: NDArray[np.float32], margin: float, scale: float) -> None:
        """`means`: `(G, D)` where each begins: the mean of its photos, or learning would first have to find it."""
        super().__init__()
        self.weights = nn.Parameter(torch.from_numpy(means).clone())
        self.margin, self.scale = margin, scale

    def forward(self, vectors: Tensor, group: Tensor) -> Tensor:
        """`(B, D)` float32 of length 1 and `(B,)` groups in 0..G-1 -> `()` mean loss in nats."""
        cosines = vectors @ F.normalize(self.weights).T
        own = F.one_hot(group, len(self.weights)).bool()
        logits = self.scale * torch.where(own, with_margin(cosines, self.margin), cosines)
        return F.cross_entropy(logits, group)


class PhotoMemory(nn.Module):
    """Photos held against those of the last batches: vectors drift slowly enough.

    Wang et al. 2020, "Cross-Batch Memory for Embedding Learning". A softmax for each pair of one group: its cosine,
    less the margin, against those of all other groups.
    """

    vectors: Tensor
    groups: Tensor
    filled: Tensor

    def __init__(self, size: int, width: int, margin: float, scale: float) -> None:
        """`size`: photos that are remembered."""
        super().__init__()
        self.margin, self.scale = margin, scale
        self.register_buffer("vectors", torch.zeros(size, width))
        self.register_buffer("groups", torch.full((size,), ALONE))
        # photos remembered so far: the next one takes the place of the oldest
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def forward(self, vectors: Tensor, group: Tensor) -> Tensor:
        """`(B, D)` float32 of length 1 and `(B,)` groups -> `()` mean loss in nats, 0 where no photo has another."""
        n_known = min(int(self.filled), len(self.vectors))
        others = torch.cat([vectors, self.vectors[:n_known]])
        groups = torch.cat([group, self.groups[:n_known]])
        cosines = vectors @ others.T
        same = group[:, None] == groups
        itself = torch.zeros_like(same)
        itself.fill_diagonal_(True)
        pairs = same & ~itself
        against = (self.scale * cosines).masked_fill(same, -torch.inf).logsumexp(1, keepdim=True)
        own = self.scale * with_margin(cosines, self.margin)
        # log(1 + e^(others - own)): the softmax of one pair against all that must be further away
        losses = F.softplus(against - own)
        # each photo counts once, however many pairs it has
        per_photo = torch.where(pairs, losses, 0).sum(1) / pairs.sum(1).clamp(min=1)
        if self.training:
            self._remember(vectors.detach(), group)
        return per_photo.sum() / pairs.any(1).sum().clamp(min=1)

    def _remember(self, vectors: Tensor, group: Tensor) -> None:
        size = len(self.vectors)
        kept = min(size, len(vectors))
        places = (self.filled + torch.arange(kept, device=vectors.device)) % size
        self.vectors[places] = vectors[-kept:].to(self.vectors.dtype)
        self.groups[places] = group[-kept:]
        self.filled += kept


class WordVectors(nn.Module):
    """Whether a photo's title has each word of its leaf: independent answers, of the photo's vector."""

    def __init__(self, width: int, n_words: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.weights = nn.Parameter(torch.zeros(n_words, width))
        self.bias = nn.Parameter(torch.zeros(n_words))

    def forward(self, vectors: Tensor, has: Tensor, asked: Tensor) -> Tensor:
        """`(B, D)` of length 1, `(B, A)` bool answers, whether they are asked -> `()` mean loss in nats, or 0."""
        logits = self.scale * vectors @ self.weights.T + self.bias
        losses = F.binary_cross_entropy_with_logits(logits, has.float(), reduction="none")
        return torch.where(asked, losses, 0).sum() / asked.sum().clamp(min=1)


class MatchingObjective(Objective):
    """The leaf, the group and the words of photos."""

    def __init__(
        self, config: MatchingConfig, positions: NDArray[np.int64], group: NDArray[np.int64], leaf: NDArray[np.int64],
        attributes: TitleAttributes, groups: GroupVectors | PhotoMemory, width: int,
    ) -> None:  # fmt: skip
        """What is known of products, `(N,)` rising `positions` in the catalogue: group or `ALONE`, leaf and words."""
        super().__init__()
        self.config, self.attributes, self.groups = config, attributes, groups
        self._positions, self._group, self._leaf = positions, group, leaf
        asks_words = bool(attributes.names) and config.attributes > 0
        self.words = WordVectors(width, len(attributes.names), config.scale) if asks_words else None

    def forward(self, features: Tensor, leaf_loss: Tensor, products: NDArray[np.int64]) -> Tensor:
        """See `Objective`: `(B, D)` features and `(B,)` products -> `()` loss in nats."""
        rows = np.searchsorted(self._positions, products)
        # a softmax over thousands of groups loses the rare ones in bfloat16
        with torch.autocast(features.device.type, enabled=False):
            vectors = F.normalize(features.float())
            loss = self.config.classification * leaf_loss + self._of_groups(vectors, self._group[rows])
            if self.words is not None:
                loss = loss + self.config.attributes * self._of_words(self.words, vectors, rows)
        return loss

    def _of_groups(self, vectors: Tensor, group: NDArray[np.int64]) -> Tensor:
        known = torch.from_numpy(np.flatnonzero(group != ALONE)).to(vectors.device)
        if not len(known):
            # processes that train together wait for the gradient of every weight
            return sum((weights.sum() for weights in self.groups.parameters()), vectors.new_zeros(())) * 0
        loss: Tensor = self.groups(vectors[known], torch.from_numpy(group).to(vectors.device)[known])
        return loss

    def _of_words(self, words: WordVectors, vectors: Tensor, rows: NDArray[np.int64]) -> Tensor:
        has = self.attributes.has[rows].toarray()
        # a product without a title says nothing, and one of another leaf is not asked
        asked = (self._leaf[rows][:, None] == self.attributes.leaf) & has.any(1, keepdims=True)
        loss: Tensor = words(vectors, *(torch.from_numpy(part).to(vectors.device) for part in (has, asked)))
        return loss
