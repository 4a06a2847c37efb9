"""Accept the leaf, back off to a parent, or send to review: thresholds with a finite-sample guarantee."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from catalog.metrics import Scores
from catalog.taxonomy import LEVELS, Taxonomy

NEVER = 2.0
"""A threshold that no probability reaches."""
GRID = 200
STARTS = (0.0, 0.125, 0.25, 0.5)
"""Shares of the held-out products, surest first, from which thresholds are tried downwards."""


class Decision(StrEnum):
    """What becomes of a product."""

    ACCEPT = "accept"
    PARENT = "parent"
    REVIEW = "review"


@dataclass(frozen=True)
class Thresholds:
    """Smallest probability at Cat I, II, III (in this order) with which a node is given; `NEVER` = 2 for none."""

    cat1: float
    cat2: float
    leaf: float

    def of(self, level: int) -> float:
        """Threshold of a level."""
        return (self.cat1, self.cat2, self.leaf)[level - 1]


def fit_thresholds(scores: Scores, target: float, confidence: float) -> Thresholds:
    """Thresholds at which held-out products of each level are right at least `target` of the time.

    Fixed-sequence testing with several starts: from each of `STARTS` thresholds are tried downwards, each against
    the one-sided Clopper-Pearson lower bound of its precision, until the first that fails; the starts share the
    allowed doubt, so the lowest that passed keeps the target with probability `confidence` over calibration samples
    (Angelopoulos et al., "Learn then Test", 2021). With one start a single wrong label among the surest products
    would end the search. The first threshold tried already accepts enough products for a pass to be possible.
    """
    found = [_threshold(scores.confidence[:, i], scores.correct[:, i], target, confidence) for i in range(3)]
    return Thresholds(*found)


def _threshold(confidence: NDArray[np.float32], correct: NDArray[np.bool_], target: float, level: float) -> float:
    order = np.argsort(-confidence, kind="stable")
    ordered, right = confidence[order], np.cumsum(correct[order])
    doubt = (1 - level) / len(STARTS)
    # with every one of n accepted products right, the bound is doubt^(1/n): fewer cannot pass
    fewest = int(np.ceil(np.log(doubt) / np.log(target)))
    if len(ordered) < fewest:
        return NEVER
    threshold = NEVER
    for start in {max(fewest, int(share * len(ordered))) for share in STARTS}:
        for n in np.unique(np.linspace(start, len(ordered), GRID).astype(int)):
            # products of equal confidence are accepted together
            n = int(np.searchsorted(-ordered, -ordered[n - 1], side="right"))
            k = int(right[n - 1])
            lower = float(beta.ppf(doubt, k, n - k + 1)) if k else 0.0
            if lower < target:
                break
            threshold = min(threshold, float(ordered[n - 1]))
    return threshold


def decide(dense: NDArray[np.float32], thresholds: Thresholds, tree: Taxonomy) -> NDArray[np.int64]:
    """`(N, 2)` int64 level (3 accept, 2 or 1 back off to that parent, 0 review) and node index at that level.

    The deepest node whose probability reaches its level's threshold is given ("climbing").
    """
    given = np.zeros((len(dense), 2), np.int64)
    for level in LEVELS:
        mass = tree.node_mass(dense, level)
        node = mass.argmax(axis=1)
        sure = mass[np.arange(len(dense)), node] >= thresholds.of(level)
        given[sure] = np.stack([np.full(len(dense), level), node], axis=1)[sure]
    return given


def decision_of(level: int) -> Decision:
    """Decision that giving a node of this level means."""
    return {3: Decision.ACCEPT, 0: Decision.REVIEW}.get(level, Decision.PARENT)
