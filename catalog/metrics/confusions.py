"""Which leaves are taken for which others."""

from dataclasses import dataclass

import numpy as np

from catalog.metrics.product_scores import ProductScores


@dataclass(frozen=True)
class Confusion:
    """`n` of the `of` products of leaf `truth` were put on leaf `predicted`."""

    truth: int
    predicted: int
    n: int
    of: int


def find_confusions(scores: ProductScores) -> list[Confusion]:
    """Every pair of true and predicted leaf that differ, the most frequent first."""
    wrong = scores.select(~scores.correct[:, -1])
    of = np.bincount(scores.truth)
    pairs, counts = np.unique(np.stack([wrong.truth, wrong.predicted[:, -1]], axis=1), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [Confusion(int(pairs[i, 0]), int(pairs[i, 1]), int(counts[i]), int(of[pairs[i, 0]])) for i in order]
