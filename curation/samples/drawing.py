"""Which products a sample takes: quotas per category, groups of copies whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.samples.allocation import allocate

Arrange = Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.int64]]
"""`(seeds, free, enough)` -> the groups of the `free` products in the order in which they are taken.

`seeds`, `free`: products of one category that are taken already, and that are not. `enough`: products wanted.
"""


@dataclass(frozen=True)
class Population:
    """What is drawn from.

    Attributes:
        group: `(n,)` int64 group of copies of each product, 0..n_groups-1, whose products are taken together.
        stratum: `(n,)` int64 category of each product that quotas are for (all zeros: one quota for all).
        leaf: `(n,)` int64 leaf of each product; only read for a minimum per leaf.
    """

    group: NDArray[np.int64]
    stratum: NDArray[np.int64]
    leaf: NDArray[np.int64]

    def among(self, kept: NDArray[np.bool_]) -> Population:
        """Those of `(n,)` bool; groups are whole there, and counted anew."""
        return Population(np.unique(self.group[kept], return_inverse=True)[1], self.stratum[kept], self.leaf[kept])


def draw(
    population: Population,
    n_products: int,
    power: float,
    min_per_leaf: int,
    rng: np.random.Generator,
    arrange: Arrange | None = None,
) -> NDArray[np.bool_]:
    """Draw about `n_products` products, groups whole.

    Every leaf first gets `min_per_leaf` products (or all it has). Then one category after the other fills its quota
    (see `allocate`) with groups, at random or as `arrange` orders them; a group that is larger than the room left is
    passed over, so large groups are rarer where quotas are small, and one that would overfill another category comes
    last. What a group adds to other categories, or a quota misses, changes the quotas of the categories that follow.
    The sum is `n_products` to within half the largest group.

    Returns:
        `(n,)` bool.

    Raises:
        ValueError: the minimum per leaf alone takes more than `n_products`, or there are not as many products.
    """
    group = population.group
    if n_products > len(group):
        raise ValueError(f"--products {n_products}: there are only {len(group)} to draw from")
    sizes = np.bincount(group)
    rank = rng.permutation(len(sizes))
    taken = _minimum(population, rank, min_per_leaf)
    if sizes[taken].sum() > n_products:
        raise ValueError(
            f"--min-per-leaf {min_per_leaf} alone takes {sizes[taken].sum()} products, --products is {n_products}: "
            "ask for more products or a smaller minimum"
        )
    filling = _Filling(population, taken, rank, n_products)
    filling.fill(power, rng, arrange)
    return taken[group]


class _Filling:
    """A sample while it grows: which groups are in, and what each category has of them.

    Attributes:
        taken: `(n_groups,)` bool, changed in place.
        have, available: `(n_strata,)` products of each category that are in, and in all.
        stuck: `(n_strata,)` bool, categories of which no more fits in.
    """

    def __init__(
        self, population: Population, taken: NDArray[np.bool_], rank: NDArray[np.int64], n_products: int
    ) -> None:
        self.group, self.stratum = population.group, population.stratum
        self.taken, self.n_products = taken, n_products
        self.sizes = np.bincount(self.group)
        self.available = np.bincount(self.stratum)
        self.have = np.bincount(self.stratum[taken[self.group]], minlength=len(self.available))
        self.quotas = np.zeros_like(self.available)
        self.stuck = self.have == self.available
        self._by_group = np.argsort(self.group, kind="stable")
        self._ends = np.cumsum(self.sizes)
        self._by_stratum = np.lexsort((rank[self.group], self.stratum))
        self._limits = np.concatenate([[0], np.cumsum(self.available)])

    def fill(self, power: float, rng: np.random.Generator, arrange: Arrange | None) -> None:
        """Go through the categories until the sample is full, or none can take more."""
        largest = np.zeros_like(self.available)
        np.maximum.at(largest, self.stratum, self.sizes[self.group])
        while self.have.sum() < self.n_products and not self.stuck.all():
            self.stuck |= self.have == self.available
            # the largest groups first: singles can make up for what those add or miss
            self._round(np.lexsort((rng.random(len(largest)), -largest)), power, rng, arrange)

    def _round(self, todo: NDArray[np.int64], power: float, rng: np.random.Generator, arrange: Arrange | None) -> None:
        planned = False
        for turn, category in enumerate(todo.tolist()):
            if not planned:
                self._plan(todo[turn:], power, rng)
            wanted = int(self.quotas[category] - self.have[category])
            planned = wanted == 0
            if wanted > 0:
                n_added = self._fill_one(category, wanted, arrange)
                self.stuck[category] = n_added == 0
                planned = bool(self.have[category] == self.quotas[category]) and n_added == wanted

    def _plan(self, rest: NDArray[np.int64], power: float, rng: np.random.Generator) -> None:
        """Share out what the categories done have left to the others."""
        have = self.have[rest]
        available = np.where(self.stuck[rest], have, self.available[rest])
        total = self.n_products - int(self.have.sum() - have.sum())
        total = int(np.clip(total, have.sum(), available.sum()))
        self.quotas[rest] = allocate(available, total, power, rng, have)

    def _fill_one(self, category: int, wanted: int, arrange: Arrange | None) -> int:
        """Take groups of one category; returns how many products they have, other categories' included."""
        products = self._by_stratum[self._limits[category] : self._limits[category + 1]]
        is_in = self.taken[self.group[products]]
        free = products[~is_in]
        group_of = self.group[free]
        if arrange is not None and wanted < len(free):
            order = arrange(products[is_in], free, wanted)
        else:
            order = group_of[np.diff(group_of, prepend=-1) != 0]
        groups, times = np.unique(group_of, return_counts=True)
        order = order[np.argsort(self._overfills(order, times[np.searchsorted(groups, order)]), kind="stable")]
        inside = times[np.searchsorted(groups, order)]
        new = order[_fit(inside, self.sizes[order], wanted, self.n_products - int(self.have.sum()))]
        self.taken[new] = True
        added = self._members(new)
        self.have += np.bincount(self.stratum[added], minlength=len(self.available))
        return len(added)

    def _overfills(self, groups: NDArray[np.int64], inside: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`(m,)` bool: groups that would bring another category over its quota; `inside`: `(m,)` products in this."""
        overfills = np.zeros(len(groups), bool)
        for i in np.flatnonzero(inside < self.sizes[groups]).tolist():
            touched, times = np.unique(self.stratum[self._members(groups[i : i + 1])], return_counts=True)
            overfills[i] = (self.have[touched] + times > self.quotas[touched]).any()
        return overfills

    def _members(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """All products of some groups."""
        sizes = self.sizes[groups]
        starts = self._ends[groups] - sizes
        return self._by_group[np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())]


def _fit(inside: NDArray[np.int64], whole: NDArray[np.int64], wanted: int, left: int) -> NDArray[np.int64]:
    """Numbers of the groups that fill a quota, the first ones that fit before others.

    Args:
        inside: `(m,)` products of each group in this category; `wanted`: how many of those the quota has room for.
        whole: `(m,)` products of each group; `left`: how many of those the whole sample has room for.
    """
    picked: list[NDArray[np.int64]] = []
    rest = np.arange(len(inside))
    while True:
        fits = rest[(inside[rest] <= wanted) & (whole[rest] <= left)]
        n = int(((np.cumsum(inside[fits]) <= wanted) & (np.cumsum(whole[fits]) <= left)).sum())
        if n == 0:
            break
        picked.append(fits[:n])
        wanted, left, rest = wanted - int(inside[fits[:n]].sum()), left - int(whole[fits[:n]].sum()), fits[n:]
    # what is left over is too large to fit: one more where that comes nearer than none
    others = np.setdiff1d(np.arange(len(inside)), np.concatenate(picked or [rest[:0]]))
    near = others[(inside[others] < 2 * wanted) & (whole[others] < 2 * left)]
    return np.concatenate([*picked, near[np.argsort(whole[near], kind="stable")[:1]]])


def _minimum(population: Population, rank: NDArray[np.int64], min_per_leaf: int) -> NDArray[np.bool_]:
    """`(n_groups,)` bool: the first groups by `rank` that give every leaf its minimum."""
    taken = np.zeros(len(rank), bool)
    if min_per_leaf == 0:
        return taken
    order = np.lexsort((rank[population.group], population.leaf))
    for of_leaf in np.split(order, np.flatnonzero(np.diff(population.leaf[order])) + 1):
        have = taken[population.group[of_leaf]]
        wanted = max(0, min_per_leaf - int(have.sum()))
        taken[population.group[of_leaf[~have][:wanted]]] = True
    return taken
