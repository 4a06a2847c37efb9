"""Which products a sample takes: quotas per category, groups of copies whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.sampling.allocation import allocate

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
    passed over, so large groups are rarer where quotas are small. What a group adds to other categories, or a quota
    misses, changes the quotas of the categories that follow; those with the largest groups go first. The sum is
    `n_products` to within half the largest group.

    Returns:
        `(n,)` bool.

    Raises:
        ValueError: the minimum per leaf alone takes more than `n_products`, or there are not as many products.
    """
    group, stratum = population.group, population.stratum
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
    by_group = np.argsort(group, kind="stable")
    ends = np.cumsum(sizes)
    by_stratum = np.lexsort((rank[group], stratum))
    available = np.bincount(stratum)
    limits = np.concatenate([[0], np.cumsum(available)])
    have = np.bincount(stratum[taken[group]], minlength=len(available))
    todo = _largest_groups_first(sizes[group], stratum, rng)
    quotas = np.zeros(len(available), np.int64)
    planned = False
    for turn, own in enumerate(todo.tolist()):
        if not planned:
            rest = todo[turn:]
            total = n_products - int(have.sum() - have[rest].sum())
            total = int(np.clip(total, have[rest].sum(), available[rest].sum()))
            quotas[rest] = allocate(available[rest], total, power, rng, have[rest])
        products = by_stratum[limits[own] : limits[own + 1]]
        is_taken = taken[group[products]]
        free = products[~is_taken]
        wanted = int(quotas[own] - have[own])
        if 0 < wanted < len(free) and arrange is not None:
            order = arrange(products[is_taken], free, wanted)
        else:
            order = group[free][np.diff(group[free], prepend=-1) != 0]
        groups, times = np.unique(group[free], return_counts=True)
        own_sizes = times[np.searchsorted(groups, order)]
        new = order[_fit(own_sizes, sizes[order], wanted, n_products - int(have.sum()))]
        taken[new] = True
        added = by_group[_ranges(ends[new] - sizes[new], sizes[new])]
        have += np.bincount(stratum[added], minlength=len(available))
        planned = bool(have[own] == quotas[own]) and len(added) == max(wanted, 0)
    return taken[group]


def _fit(own: NDArray[np.int64], whole: NDArray[np.int64], wanted: int, left: int) -> NDArray[np.int64]:
    """Numbers of the groups that fill a quota, the first ones that fit before others.

    Args:
        own: `(m,)` products of each group in this category; `wanted`: how many of those the quota has room for.
        whole: `(m,)` products of each group; `left`: how many of those the whole sample has room for.
    """
    picked: list[NDArray[np.int64]] = []
    rest = np.arange(len(own))
    while True:
        fits = rest[(own[rest] <= wanted) & (whole[rest] <= left)]
        n = int(((np.cumsum(own[fits]) <= wanted) & (np.cumsum(whole[fits]) <= left)).sum())
        if n == 0:
            break
        picked.append(fits[:n])
        wanted, left, rest = wanted - int(own[fits[:n]].sum()), left - int(whole[fits[:n]].sum()), fits[n:]
    # what is left over is too large to fit: one more where that comes nearer than none
    others = np.setdiff1d(np.arange(len(own)), np.concatenate(picked or [rest[:0]]))
    near = others[(own[others] < 2 * wanted) & (whole[others] < 2 * left)]
    return np.concatenate([*picked, near[np.argsort(whole[near], kind="stable")[:1]]])


def _ranges(starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """`start, start + 1, ...` of each range, one after the other."""
    return np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())


def _largest_groups_first(
    size: NDArray[np.int64], stratum: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Categories by the largest group that they have a part in, equal ones in random order; `size`: `(n,)`."""
    largest = np.zeros(int(stratum.max()) + 1, np.int64)
    np.maximum.at(largest, stratum, size)
    return np.lexsort((rng.random(len(largest)), -largest))


def _minimum(population: Population, rank: NDArray[np.int64], min_per_leaf: int) -> NDArray[np.bool_]:
    """`(n_groups,)` bool: the first groups by `rank` that give every leaf its minimum."""
    taken = np.zeros(len(rank), bool)
    if min_per_leaf == 0:
        return taken
    order = np.lexsort((rank[population.group], population.leaf))
    for own in np.split(order, np.flatnonzero(np.diff(population.leaf[order])) + 1):
        have = taken[population.group[own]]
        wanted = max(0, min_per_leaf - int(have.sum()))
        taken[population.group[own[~have][:wanted]]] = True
    return taken
