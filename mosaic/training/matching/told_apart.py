"""Whether groups of a leaf are different products at all, as a network sees them that knows the tree.

Groceries of one class that were grouped at random: 0.49 to 0.50 on three shelves. Clothes, the colours of an article
among them: 0.58 to 0.68 by a network that had learnt from them, 0.62 to 0.73 by one that had not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mosaic.training.matching.groups import ALONE

MAX_PHOTOS = 300
"""Of a leaf, in random order: its figure is a mean over photos."""
PRIOR = 40
"""Photos that the mean of a leaf's shelf counts for: 20 photos alone lie 0.08 off (groups of groceries at random)."""


def own_group_closer(vectors: NDArray[np.float32], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """`(Q,)` how often one of a photo's own group is closer to it than one of another group, half for a tie.

    Of the photos of `(n,)` groups with unit vectors `(n, D)` those that have both. 0.5 is chance.
    """
    cosines = vectors @ vectors.T
    shares = []
    for row, of_group in zip(cosines, group, strict=True):
        own = (group == of_group) & (of_group != ALONE)
        others = np.sort(row[group != of_group])
        own_cosines = row[own]
        # the photo itself, which is closest
        own_cosines = np.delete(own_cosines, np.argmax(own_cosines)) if own.any() else own_cosines
        if len(own_cosines) and len(others):
            below = np.searchsorted(others, own_cosines, "left") + np.searchsorted(others, own_cosines, "right")
            shares.append(float(below.mean()) / (2 * len(others)))
    return np.array(shares)


def share_told_apart(
    vectors: NDArray[np.float32], group: NDArray[np.int64], leaf: NDArray[np.int64], shelf_of_leaf: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """`(L,)` for each leaf of the tree how often a photo is closer to its own group; NaN where no photo tells.

    A leaf's few photos are drawn to the mean of its shelf, see `PRIOR`.

    Args:
        vectors: `(P, D)` float32 of length 1; group: `(P,)`, or `ALONE`; leaf: `(P,)`.
        shelf_of_leaf: `(L,)` the node of Cat I above each leaf.
    """
    sums, counts = np.zeros(len(shelf_of_leaf)), np.zeros(len(shelf_of_leaf))
    # photos without a group tell nothing of it, and may be more of any group
    order = rng.permutation(np.flatnonzero(group != ALONE))
    for one in np.unique(leaf[order]).tolist():
        rows = order[leaf[order] == one][:MAX_PHOTOS]
        shares = own_group_closer(vectors[rows], group[rows])
        sums[one], counts[one] = shares.sum(), len(shares)
    _, shelf = np.unique(shelf_of_leaf, return_inverse=True)
    with np.errstate(invalid="ignore"):
        of_shelf = (np.bincount(shelf, sums) / np.bincount(shelf, counts))[shelf]
    return (sums + PRIOR * of_shelf) / (counts + PRIOR)
