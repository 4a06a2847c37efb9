"""A random sample of accepted products, and the live precision that its answers prove."""

import numpy as np
from numpy.typing import NDArray

from catalog.tree.taxonomy import Taxonomy

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def audit_keys(product_ids: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """`(N,)` int64 random-looking key of each product, distinct for distinct ids: the smallest are audited.

    SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). A key
    depends on id and seed alone, so that a sample is the same in whatever parts the products come.
    """
    z = product_ids.astype(np.uint64) + np.uint64((seed + 1) * GOLDEN & MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).view(np.int64)


class AuditSample:
    """The `size` products of smallest key among all that were added; memory does not grow with them.

    Attributes:
        rows: `(n,)` int64 what was added with each product kept, in order of key.
        keys: `(n,)` int64, ascending.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.rows, self.keys = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add(self, product_ids: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Consider `(n,)` products, each with a number to know it by."""
        keys = np.concatenate([self.keys, audit_keys(product_ids, self.seed)])
        best = np.argsort(keys, kind="stable")[: self.size]
        self.keys, self.rows = keys[best], np.concatenate([self.rows, rows])[best]

    @property
    def limit(self) -> int | None:
        """Largest key in the sample: an accepted product is in it when its key is not larger. None when empty."""
        return int(self.keys[-1]) if len(self.keys) else None


def right_at_each_level(given: NDArray[np.int64], suggested: NDArray[np.int64], tree: Taxonomy) -> tuple[int, ...]:
    """How many of `(N,)` suggested categories lie below the given one's Cat I, its Cat II, ..., and are the same one.

    Both are ids of the tree.
    """
    a, b = tree.leaf_index(given), tree.leaf_index(suggested)
    return tuple(int((tree.ancestor(level)[a] == tree.ancestor(level)[b]).sum()) for level in tree.levels)
