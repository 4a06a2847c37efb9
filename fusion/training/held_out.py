"""What a head may be fitted on: the experts' row-aligned held-out probabilities, with the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.metrics.product_scores import score_probabilities
from catalog.probabilities import Probabilities, Silence, silent_everywhere
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.tree.taxonomy import Taxonomy
from fusion.experts.all_experts import AllExperts, describe
from fusion.experts.copy_table import NAME as COPIES

MAX_PRODUCTS = 100_000
"""Heads have a few dozen weights, and their cross-fitting is dense: more products would cost hours and tell nothing."""


@dataclass(frozen=True)
class HeldOut:
    """Evidence of all experts on N held-out products.

    Attributes:
        experts: in the order of the head.
        truth: `(N,)` leaf; n_images: `(N,)`; product_ids: `(N,)`.
        group: `(N,)` int64: products that share a photo are of one group, and of one part in cross-fitting.
        prior: `(n_leaves,)` training share of each leaf.
        absent: why a kind of expert is not among them, by its name.
    """

    experts: list[Probabilities]
    truth: NDArray[np.int64]
    n_images: NDArray[np.int8]
    group: NDArray[np.int64]
    prior: NDArray[np.float64]
    tree: Taxonomy
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def product_ids(self) -> NDArray[np.int64]:
        """`(N,)` int64."""
        return self.experts[0].product_ids

    @property
    def names(self) -> list[str]:
        """Of the experts."""
        return [expert.expert for expert in self.experts]

    def __len__(self) -> int:
        return len(self.truth)

    def select(self, rows: NDArray[np.int64]) -> HeldOut:
        """The products of `(n,)` rows."""
        experts = [expert.select(rows) for expert in self.experts]
        truth, n_images, group = self.truth[rows], self.n_images[rows], self.group[rows]
        return replace(self, experts=experts, truth=truth, n_images=n_images, group=group)

    def without(self, expert: str) -> HeldOut:
        """The same products without what an expert says."""
        return replace(self, experts=[each for each in self.experts if each.expert != expert])

    @property
    def representatives(self) -> NDArray[np.bool_]:
        """`(N,)` bool: the first product of every group. Copies are no independent evidence of precision."""
        first = np.unique(self.group, return_index=True)[1]
        return np.isin(np.arange(len(self)), first)

    def parts(self, n_parts: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """`(n,)` rows to fit on and `(m,)` rows to test on, each part in turn; a group is never on both sides."""
        groups, place = np.unique(self.group, return_inverse=True)
        part = (np.random.default_rng(seed).permutation(len(groups)) % n_parts)[place]
        for held_out in range(n_parts):
            yield np.flatnonzero(part != held_out), np.flatnonzero(part == held_out)


def gather_held_out(data: TrainingData, all_experts: AllExperts, seed: int = 0) -> tuple[HeldOut, AllExperts]:
    """Align the experts' held-out probabilities and look up the truth; and those experts that have something to say.

    At most `MAX_PRODUCTS` products are taken, by chance.
    """
    all_experts.runs[0].check_tree(data.tree, "the workspace's")
    experts, silent = all_experts.held_out(MAX_PRODUCTS, seed)
    prior = np.zeros(len(data.tree))
    # as the first expert's networks counted it
    prior[experts[0].support] = experts[0].frequency
    ids = experts[0].product_ids
    positions = catalog_positions(data.catalog, ids)
    # a head fitted on one of two copies has seen the answer to the other
    group = data.plan.linked(data.catalog, positions)
    counts = data.catalog.n_images[positions]
    absent = {kind.family: kind.absence for kind in silent}
    held_out = HeldOut(experts, data.leaf[positions], counts, group, prior, data.tree, absent)
    return held_out, all_experts.without(silent)


def evaluated_experts(data: HeldOut) -> list[EvaluatedModel]:
    """Every expert, measured on the held-out products where it speaks."""
    models = []
    for expert in data.experts:
        scores = score_probabilities(expert, data.truth, data.tree, data.n_images)
        if len(scores):
            models.append(EvaluatedModel(expert.expert, describe(expert.expert), scores, len(scores) / len(data)))
    return models


def without_copies(data: HeldOut) -> HeldOut:
    """The same products with the copies silent: how the head does on products that are new in every photo."""
    experts = list(data.experts)
    place = data.names.index(COPIES)
    experts[place] = silent_everywhere(experts[place], data.product_ids, Silence.NO_COPY)
    return replace(data, experts=experts)
