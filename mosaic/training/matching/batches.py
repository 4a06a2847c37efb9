"""What is shown when: photos of a group together, and beside them others of their leaf, the hardest to tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mosaic.training.batches import CountBatchSampler, occurrence
from mosaic.training.matching.groups import ALONE

PHOTOS_OF_GROUP = 4
"""That stand together at most: a leaf that is one group would fill batches of its own."""


class WithinLeafSampler(CountBatchSampler):
    """Batches of one photo per example that hold a few photos of each of some leaves.

    Not all of one leaf: the batch statistics of a network that sees one leaf at a time fit none.
    """

    def __init__(self, *args: object, group: NDArray[np.int64], photos_per_leaf: int, alone: float, **options: object):
        """`group`: `(N,)` of each example, or `ALONE`; `alone`: of those an epoch shows this share of the others."""
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.group, self.photos_per_leaf, self.alone = group, photos_per_leaf, alone

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """`(<= N,)` example numbers of an epoch: runs of photos of one leaf in random order."""
        labels, group = self.examples.labels, self.group
        n_groups = int(group.max(initial=ALONE)) + 1
        own = np.where(group == ALONE, n_groups + np.arange(len(group)), group)
        # whole groups first come, first served: a limit of a leaf does not tear them
        order = np.lexsort((rng.random(len(group)), rng.permutation(n_groups + len(group))[own]))
        is_alone = group[order] == ALONE
        n_alone = int(self.alone * (~is_alone).sum())
        order = order[~is_alone | (np.cumsum(is_alone) <= n_alone)]
        order = order[occurrence(labels[order]) < self.limits[labels[order]]]
        return _in_runs(order, own, labels, self.photos_per_leaf, rng)


def _in_runs(
    order: NDArray[np.int64], group: NDArray[np.int64], labels: NDArray[np.int64], length: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:  # fmt: skip
    """The examples of `order` as runs of one leaf of about `length` photos, pieces of groups whole."""
    piece_of_group = occurrence(group[order]) // PHOTOS_OF_GROUP
    _, first, piece, sizes = np.unique(
        np.stack([group[order], piece_of_group, labels[order]]), axis=1,
        return_index=True, return_inverse=True, return_counts=True,
    )  # fmt: skip
    piece = piece.ravel()
    leaf = labels[order[first]]
    pieces = np.lexsort((rng.random(len(first)), leaf))
    before = np.cumsum(sizes[pieces]) - sizes[pieces]
    starts = np.flatnonzero(np.diff(leaf[pieces], prepend=-1))
    within = before - np.repeat(before[starts], np.diff(starts, append=len(pieces)))
    _, run = np.unique(np.stack([leaf[pieces], within // length]), axis=1, return_inverse=True)
    place = np.empty(len(pieces), np.int64)
    run = run.ravel()
    shuffled = rng.permutation(int(run.max(initial=-1)) + 1)
    place[pieces[np.argsort(shuffled[run], kind="stable")]] = np.arange(len(pieces))
    return order[np.argsort(place[piece], kind="stable")]
