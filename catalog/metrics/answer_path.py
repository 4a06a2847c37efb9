"""The answer to a product: the likeliest leaf and its path. This is what is given, what is written, what is scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.tree.taxonomy import Taxonomy


@dataclass(frozen=True)
class AnswerPaths:
    """The paths of N answers in a tree of D levels: column 0 is level 1, the last one the leaves'.

    Attributes:
        nodes: `(N, D)` int64 node index at each level.
        probabilities: `(N, D)` float32, falling towards the leaf.
    """

    nodes: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def leaves(self) -> NDArray[np.int64]:
        """`(N,)` int64 the likeliest leaf."""
        return self.nodes[:, -1]


def answer_paths(dense: NDArray[np.floating], tree: Taxonomy) -> AnswerPaths:
    """The paths of the likeliest leaves of `(N, n_leaves)` probabilities; the first among equals.

    The likeliest node of each level by itself would be no answer: its Cat I may be another than its leaf's. Nor is it
    right more often in general: docs/results.md has the figures of both.
    """
    leaves = dense.argmax(axis=1)
    rows = np.arange(len(leaves))
    nodes = np.stack([tree.ancestor(level)[leaves] for level in tree.levels], axis=1)
    masses = (tree.node_mass(dense, level) for level in tree.levels)
    probabilities = [mass[rows, nodes[:, column]] for column, mass in enumerate(masses)]
    return AnswerPaths(nodes, np.stack(probabilities, axis=1).astype(np.float32))
