"""Labels that are likely wrong, the ones whose correction brings most first."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.product_scores import ProductScores
from catalog.tree.taxonomy import Taxonomy
from curation.audit.confident import Counted, LabelNoise, count_errors, label_noise
from curation.audit.evidence import LabelEvidence


class Order(StrEnum):
    """Which suspects a person looks at first."""

    TREE = "tree"
    LEAVES = "leaves"


TIMES = ("once", "twice", "three times", "four times", "five times", "six times", "seven times", "eight times")


def first_come(order: Order, tree: Taxonomy) -> str:
    """What the first suspects of an order have, for people."""
    if order is Order.LEAVES:
        return (
            "First come those whose leaf itself is in doubt, the likeliest leaf far above the label's, however near "
            "the two are in the tree."
        )
    times = f"counts {TIMES[tree.depth - 1]} one between siblings"
    across = f": a certain mistake across {tree.level_names[1]} {times}" if tree.depth > 1 else ""
    return f"First come those whose correction is expected to bring most{across}."


@dataclass(frozen=True)
class Suspects:
    """The audited products in the order in which a person should look at them; the first `len(self)` are suspects.

    Attributes:
        order: `(n,)` int64 rows of the evidence, suspects first.
        n_suspects: how many of them are suspects.
        gain: `(n,)` float64 expected tree distance that a correction takes away, by row of the evidence.
        by: what the order follows.
        counted: what confident learning found at each level.
        noise: what it says of every leaf.
    """

    order: NDArray[np.int64]
    n_suspects: int
    gain: NDArray[np.float64]
    by: Order
    counted: Mapping[int, Counted]
    noise: LabelNoise

    def __len__(self) -> int:
        return self.n_suspects

    @property
    def rows(self) -> NDArray[np.int64]:
        """`(len(self),)` int64 rows of the suspects in the evidence."""
        return self.order[: self.n_suspects]


def find_suspects(evidence: LabelEvidence, tree: Taxonomy, by: Order = Order.TREE) -> Suspects:
    """Find and rank the suspects; which they are does not depend on the order.

    A label is suspected where confident learning flags it at any level of the tree and another leaf is likelier. Sums
    over many leaves are far surer than single ones: of two books that the network cannot tell apart neither leaf
    reaches its threshold, yet a mug among them has no probability left on its Cat I.
    """
    scores = evidence.scores
    counted = count_errors(scores, tree)
    flagged = np.any([counted[level].flagged for level in tree.levels], axis=0)
    suspected = flagged & ~scores.correct[:, -1]
    gain = expected_gain(scores)
    urgency = [-gain] if by is Order.TREE else [-leaf_margin(scores), ~counted[tree.depth].flagged]
    # ties by id: two audits of the same catalogue list the same suspects, whatever its order
    order = np.lexsort((scores.product_ids, *urgency, ~suspected))
    return Suspects(order, int(suspected.sum()), gain, by, counted, label_noise(scores, counted[tree.depth], len(tree)))


def leaf_margin(scores: ProductScores) -> NDArray[np.float32]:
    """`(N,)` probability of the likeliest leaf less that of the label's, 0..1."""
    return scores.confidence[:, -1] - scores.p_truth[:, -1]


def expected_gain(scores: ProductScores) -> NDArray[np.float64]:
    """`(N,)` expected tree distance to the truth that the likeliest nodes save over the label's, 0..D.

    The tree distance of two leaves is the number of levels at which they differ, so that its expectation is a sum
    over levels, here of the likeliest node's probability less that of the label's: a certain mistake across Cat I
    counts D times one between siblings. The label's expected distance by itself (one less its probability, summed)
    is large for every product that the expert is unsure of, and found fewer wrong labels.
    """
    return (scores.p_likeliest.astype(np.float64) - scores.p_truth).sum(axis=1)
