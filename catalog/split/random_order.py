"""Rows in a random order, those of one group beside each other."""

import numpy as np
from numpy.typing import NDArray


def grouped_at_random(group: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """`(N,)` int64 rows by rising number of their `(N,)` groups, within each in an order of chance."""
    shuffled = rng.permutation(len(group))
    return shuffled[np.argsort(group[shuffled], kind="stable")]


def rank_in_group(group: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """`(N,)` int64 place of each row, from 0, among those of its group, in an order of chance."""
    order = grouped_at_random(group, rng)
    _, start, count = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(start, count)
    return rank
