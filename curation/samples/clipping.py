"""No leaf larger than a limit: what stays of each, groups of copies whole."""

import numpy as np
from numpy.typing import NDArray

from curation.samples.drawing import Arrange


def clip(
    group: NDArray[np.int64],
    leaf: NDArray[np.int64],
    at_most: int,
    rng: np.random.Generator,
    arrange: Arrange | None = None,
) -> NDArray[np.bool_]:
    """Products that stay where every leaf keeps at most so many.

    Leaves that are not larger stay as they are. Of the others, the largest first, groups are taken at random, or as
    `arrange` orders them, as long as they fit; a group that fits no more in one of its leaves is left out whole.

    Args:
        group: `(n,)` int64 group of copies of each product, 0..n_groups-1; leaf: `(n,)` int64, from 0.

    Returns:
        `(n,)` bool.
    """
    sizes = np.bincount(leaf)
    is_large = sizes > at_most
    by_group = np.argsort(group, kind="stable")
    end = np.cumsum(np.bincount(group))
    # of no large leaf: nobody asks what else there is
    taken = np.ones(len(end), bool)
    taken[group[is_large[leaf]]] = False
    waiting = ~taken
    have = np.bincount(leaf[taken[group]], minlength=len(sizes))
    of_leaf = np.argsort(leaf, kind="stable")
    start = np.append(0, np.cumsum(sizes))
    large = np.flatnonzero(is_large)
    for one in large[np.argsort(-sizes[large], kind="stable")].tolist():
        products = of_leaf[start[one] : start[one + 1]]
        free = products[waiting[group[products]]]
        room = at_most - int(have[one])
        if len(free) and room > 0:
            seeds = products[taken[group[products]]]
            order = rng.permutation(np.unique(group[free])) if arrange is None else arrange(seeds, free, room)
            _take_what_fits(order, one, at_most, taken, have, leaf, by_group, end)
        waiting[group[free]] = False
    return taken[group]


def _take_what_fits(
    order: NDArray[np.int64],
    one: int,
    at_most: int,
    taken: NDArray[np.bool_],
    have: NDArray[np.int64],
    leaf: NDArray[np.int64],
    by_group: NDArray[np.int64],
    end: NDArray[np.int64],
) -> None:
    """Go through groups until the leaf `one` is full; changes `taken` and `have`."""
    for number in order.tolist():
        if have[one] >= at_most:
            return
        members = by_group[(end[number - 1] if number else 0) : end[number]]
        leaves, times = np.unique(leaf[members], return_counts=True)
        if (have[leaves] + times <= at_most).all():
            taken[number] = True
            have[leaves] += times
