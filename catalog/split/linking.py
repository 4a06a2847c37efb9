"""Products that belong on one side of a split beside those that share a photo: given groups, and pairs that look alike.

A group that is given stays whole. Pairs join what copies and given groups have left apart, the nearest pair first, and
only up to a number of products: one look leads to the next, and without a limit on to half of the catalogue.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import in_batches
from catalog.files.wording import percent, plural

Ints = NDArray[np.int64]
NO_GROUP = -1
"""Stands for a product without a group."""
BATCH = 100_000
"""Pairs that are Python's own numbers at a time: of millions they would be gigabytes."""
LARGEST = 0.5
"""Share of the products that one given group may have: of more there is no other side."""


def group_number(text: str) -> int:
    """What stands for a group that is called so: the first 63 bits of a digest; `NO_GROUP` of an empty text."""
    if not text:
        return NO_GROUP
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


@dataclass(frozen=True)
class LinkedBy:
    """How the products of a plan were linked beside exact copies: a part of the plan's identity.

    Attributes:
        group: what the given groups are of (a column, a file), empty where none were given.
        near_bits: bits of 64 in which the hashes of near copies may differ, None where none were looked for.
        near_cosine: cosine of embeddings from which products belong together, None where none were given.
        max_group: pairs that look alike join no more products than this.
        n_pairs, n_apart: such pairs, and those of them that the limit leaves in two groups.
        n_groups: groups of at least two products, by whatever links them.
    """

    group: str = ""
    near_bits: int | None = None
    near_cosine: float | None = None
    max_group: int = 0
    n_pairs: int = 0
    n_apart: int = 0
    n_groups: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any] | None) -> Self | None:
        """What `to_json` gave; None of a plan that links exact copies alone."""
        return None if told is None else cls(**told)


@dataclass(frozen=True)
class Together:
    """What is to be kept on one side beside exact copies, of a catalogue of P products.

    Attributes:
        group: `(P,)` int64 given group of each product, -1 where it has none; None: no groups are given.
        of: what those groups are of, for people.
        pairs: `(E, 2)` int64 positions of products that look alike, each pair once.
        distance: `(E,)` how far they are apart, in any unit: the nearest are joined first.
        max_group: limit of a group that pairs make.
        near_bits, near_cosine: see `LinkedBy`.
    """

    group: Ints | None = None
    of: str = ""
    pairs: Ints | None = None
    distance: NDArray[np.floating] | NDArray[np.integer] | None = None
    max_group: int = 0
    near_bits: int | None = None
    near_cosine: float | None = None

    def link(self, copies: Ints, positions: Ints) -> tuple[Ints, LinkedBy]:
        """`(n,)` group of each product at `positions`, `(n,)` rising; `copies`: `(n,)` their group by exact copies.

        Raises:
            ValueError: a given group, with the products that share photos with it, is of more than half of them.
        """
        linked = copies
        if self.group is not None:
            linked = _merged(copies, self.group[positions])
            self._check_size(linked, positions)
        n_pairs = n_apart = 0
        if self.pairs is not None and self.distance is not None:
            place = np.full(int(positions.max(initial=-1)) + 1, -1)
            place[positions] = np.arange(len(positions))
            known = (self.pairs < len(place)).all(axis=1)
            ends = place[self.pairs[known]]
            kept = (ends >= 0).all(axis=1)
            linked, n_apart = join_nearest(linked, ends[kept], self.distance[known][kept], self.max_group)
            n_pairs = int(kept.sum())
        return linked, LinkedBy(
            self.of, self.near_bits, self.near_cosine, self.max_group if self.pairs is not None else 0,
            n_pairs, n_apart, int((np.bincount(linked) > 1).sum()),
        )  # fmt: skip

    def _check_size(self, linked: Ints, positions: Ints) -> None:
        size = np.bincount(linked)
        largest = int(size.argmax())
        if size[largest] > LARGEST * len(linked):
            raise ValueError(
                f"one group by {self.of} has {plural(int(size[largest]), 'product')} of {len(linked):,} "
                f"({percent(size[largest] / len(linked))}, catalogue row {positions[linked == largest][0]} is one of "
                "them): it stays on one side, and too little is left for the other. Group by something finer, or leave "
                "the cell empty where a value says nothing"
            )


def _merged(copies: Ints, given: Ints) -> Ints:
    """`(n,)` groups of products that are linked by one or the other, `(n,)` each; `NO_GROUP` links nothing."""
    has_group = given != NO_GROUP
    names, number = np.unique(given[has_group], return_inverse=True)
    n_copies = int(copies.max(initial=-1)) + 1
    edges = np.stack([copies[has_group], number + n_copies], axis=1)
    return _components(edges, n_copies + len(names))[:n_copies][copies]


def _components(edges: Ints, n_nodes: int) -> Ints:
    """`(n_nodes,)` number of each node's linked group, by `(E, 2)` edges."""
    # 0.2 s: every command knows plans, few link
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(n_nodes, n_nodes))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def join_nearest(
    group: Ints, pairs: Ints, distance: NDArray[np.floating] | NDArray[np.integer], max_group: int
) -> tuple[Ints, int]:
    """Join groups by pairs of their products, the nearest pair first, up to `max_group` products.

    Args:
        group: `(n,)` group of each product, 0..G-1. pairs: `(E, 2)` places in it. distance: `(E,)`.

    Returns:
        `(n,)` int64 groups, 0..H-1, and how many pairs are left in two of them.
    """
    ends = np.sort(group[pairs], axis=1)
    order = np.lexsort((ends[:, 1], ends[:, 0], distance))
    ends = ends[order][ends[order, 0] != ends[order, 1]]
    size = np.bincount(group)
    whole = _components(ends, len(size))
    fits = np.bincount(whole, size) <= max_group
    # where everything that is linked is few enough, it is joined whatever the order: the loop has the rest
    root = np.where(fits[whole], len(size) + whole, np.arange(len(size)))
    contested = ends[~fits[whole[ends[:, 0]]]]
    parent, n_products = list(range(len(size))), size.tolist()
    for some in in_batches(contested, BATCH):
        for left, right in some.tolist():
            a, b = _root(parent, left), _root(parent, right)
            if a != b and n_products[a] + n_products[b] <= max_group:
                parent[b] = a
                n_products[a] += n_products[b]
    looped = ~fits[whole]
    root[looped] = [_root(parent, node) for node in np.flatnonzero(looped).tolist()]
    _, joined = np.unique(root, return_inverse=True)
    linked = joined[group]
    return linked, int((linked[pairs[:, 0]] != linked[pairs[:, 1]]).sum())


def _root(parent: list[int], node: int) -> int:
    while parent[node] != node:
        # halves the path for whoever asks next
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
