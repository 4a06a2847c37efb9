"""What each expert says at each node of the tree: centred log conditional probabilities, and whether it speaks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy

FLOOR = 1e-6
"""Smallest conditional probability: an expert that is sure and wrong costs a product, not the whole fit."""

MIN_MASS = 1e-6
"""An expert with less mass at a node has no opinion on its children."""


@dataclass(frozen=True)
class Evidence:
    """Evidence of B experts on N products at one level of the tree, for all its nodes.

    Attributes:
        level: one of the tree's.
        log_ratio: B arrays `(N, n_nodes)` float32: log p_b(child | parent), less its mean over the parent's
            children that b can name; 0 where b does not speak or cannot name the child. Subtracting a mean
            changes no softmax, and makes 0 mean "no opinion" for a child outside b's support.
        speaks: `(N, n_parents)` int64 bit set of the experts that speak at each parent.
        covered: `(B, n_nodes)` bool: b can name a leaf below the node.
    """

    level: int
    log_ratio: list[NDArray[np.float32]]
    speaks: NDArray[np.int64]
    covered: NDArray[np.bool_]

    def named_by(self) -> NDArray[np.int64]:
        """`(n_nodes,)` int64 bit set of the experts that can name each node."""
        bits = 1 << np.arange(len(self.covered))
        return (self.covered * bits[:, None]).sum(axis=0)


def gather_evidence(
    experts: Sequence[Probabilities], rows: NDArray[np.integer], tree: Taxonomy, *, centred: bool = True
) -> list[Evidence]:
    """Evidence on `(n,)` rows of row-aligned experts, one item per level.

    An expert speaks at a node when it is not silent on the product, its support covers two or more of the node's
    children, and it has mass there. `centred=False` leaves the mean in: plain log conditional probabilities, a child
    outside the support at the floor.
    """
    dense = [dense_rows(expert, rows, tree) for expert in experts]
    return [_at_level(level, dense, [expert.support for expert in experts], tree, centred) for level in tree.levels]


def dense_rows(expert: Probabilities, rows: NDArray[np.integer], tree: Taxonomy) -> NDArray[np.float32]:
    """`(len(rows), n_leaves)` float32; zeros where the expert is silent: no mass at any node, it speaks nowhere."""
    full = np.zeros((len(rows), len(tree)), np.float32)
    speaking = np.flatnonzero(expert.speaks[rows])
    full[speaking] = expert.dense(rows[speaking], len(tree))
    return full


def _at_level(
    level: int, dense: list[NDArray[np.float32]], supports: list[NDArray[np.int32]], tree: Taxonomy, centred: bool
) -> Evidence:
    parent, first_child, n_parents = tree.parent(level), first_children(tree, level), n_parents_of(tree, level)
    n_rows = len(dense[0])
    speaks = np.zeros((n_rows, n_parents), np.int64)
    covered = np.zeros((len(dense), tree.n_nodes(level)), bool)
    log_ratio = []
    for b, (leaves, support) in enumerate(zip(dense, supports, strict=True)):
        covered[b, tree.ancestor(level)[support]] = True
        n_covered = np.add.reduceat(covered[b].astype(np.int64), first_child)
        mass = tree.node_mass(leaves, level)
        # children lie side by side below their parent, so that sums over them are sums over runs
        above = np.add.reduceat(mass, first_child, axis=1)
        here = (above > MIN_MASS) & (n_covered >= 2)
        speaks |= here.astype(np.int64) << b
        log = np.log(np.maximum(mass / np.maximum(above, MIN_MASS)[:, parent], FLOOR))
        named = here[:, parent]
        if centred:
            log = np.where(covered[b], log, 0.0)
            mean = np.add.reduceat(log, first_child, axis=1) / np.maximum(n_covered, 1)
            log, named = log - mean[:, parent], named & covered[b]
        log_ratio.append(np.where(named, log, 0.0).astype(np.float32))
    return Evidence(level, log_ratio, speaks, covered)


def n_parents_of(tree: Taxonomy, level: int) -> int:
    """Number of nodes one level up; the root alone above level 1."""
    return 1 if level == 1 else tree.n_nodes(level - 1)


def first_children(tree: Taxonomy, level: int) -> NDArray[np.int64]:
    """`(n_parents,)` first child at `level` of each node one level up."""
    return np.flatnonzero(np.diff(tree.parent(level), prepend=-1))
