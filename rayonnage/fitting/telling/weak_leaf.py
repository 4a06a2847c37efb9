"""Categories whose products are put elsewhere: which are surely weak, and what they are taken for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.confusions import Confusion, find_confusions
from catalog.metrics.intervals import TAIL, MetricValue, grouped_share
from catalog.metrics.product_scores import ProductScores

MOST = 10
"""Categories that are named."""
MOST_CONFUSED = 3
"""Others that each of them is said to be taken for."""


@dataclass(frozen=True)
class WeakLeaf:
    """One leaf of whose held-out products some are wrong.

    Attributes:
        n, n_right: its held-out products, and how many of them are right; right: their share.
        n_labelled: all that were learnt from in the end.
        is_surely_weak: its products are right less often than all are, and chance does not explain it, though many
            leaves were looked at.
        confused: what it is taken for, the most frequent first.
    """

    leaf: int
    n: int
    n_right: int
    right: MetricValue
    n_labelled: int
    is_surely_weak: bool
    confused: tuple[Confusion, ...]


def weakest_leaves(
    scores: ProductScores, group: NDArray[np.int64], training_counts: NDArray[np.int64], most: int = MOST
) -> list[WeakLeaf]:
    """The leaves that are weakest for sure: by the upper end of their accuracy's interval, not by the figure.

    One product that is wrong makes 0 %, and says next to nothing; twelve of twenty that are wrong say much.

    Args:
        group: `(N,)`, see `catalog.metrics.intervals.grouped_share`; training_counts: `(n_leaves,)`.
    """
    correct = scores.correct[:, -1]
    overall, confusions = grouped_share(correct, group), find_confusions(scores)
    # of forty leaves that are all alike one would seem weak by chance
    tail, weak = TAIL / len(np.unique(scores.truth)), []
    for leaf in np.unique(scores.truth[~correct]).tolist():
        rows = scores.truth == leaf
        right = grouped_share(correct[rows], group[rows])
        is_surely_weak = grouped_share(correct[rows], group[rows], tail).high < overall.value
        confused = tuple([one for one in confusions if one.truth == leaf][:MOST_CONFUSED])
        weak.append(WeakLeaf(
            leaf, int(rows.sum()), int(correct[rows].sum()), right, int(training_counts[leaf]),
            is_surely_weak, confused,
        ))  # fmt: skip
    return sorted(weak, key=lambda one: (not one.is_surely_weak, one.right.high, one.right.value, one.leaf))[:most]
