"""Confident learning on each level of the tree, a batch of products at a time.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021: a product is
counted as a likely error where another node than its label is named at least as confidently as that node is, on
average, for the products labelled with it. cleanlab's batched inspector does the counting. Of a row of probabilities
it looks at the largest entry and at the label's own, so these two are all that it is given: memory does not depend on
how many leaves a row has, and scores that were kept without their probabilities can be audited too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from cleanlab.experimental.label_issues_batched import LabelInspector
from numpy.typing import NDArray

from catalog.files.progress import in_batches
from catalog.metrics.product_scores import ProductScores
from catalog.tree.taxonomy import Taxonomy

BATCH = 1024
"""Products shown to the inspector at a time: 22 MB for 5270 leaves."""
MARGIN = 1e-6
"""cleanlab's tolerance when a probability is held against a threshold."""


@dataclass(frozen=True)
class Counted:
    """What confident learning finds at one level.

    Attributes:
        thresholds: `(n_nodes,)` float64 mean probability of a node over the products labelled with it; infinite for a
            node without any, which then can be no one's likely true node.
        confident: `(N,)` bool: the likeliest node reaches its threshold.
        flagged: `(N,)` bool: it does, and is not the label's.
        n_issues: cleanlab's own count, which also lets nodes without a label be likely true nodes.
    """

    thresholds: NDArray[np.float64]
    confident: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    n_issues: int


def count_errors(scores: ProductScores, tree: Taxonomy) -> dict[int, Counted]:
    """Confident learning at each level of the tree on products whose `truth` is their label."""
    return {level: _at_level(scores, tree, level) for level in tree.levels}


def _at_level(scores: ProductScores, tree: Taxonomy, level: int) -> Counted:
    label, n_nodes = tree.ancestor(level)[scores.truth], tree.n_nodes(level)
    predicted, confidence = scores.likeliest[:, level - 1], scores.p_likeliest[:, level - 1]
    inspector = LabelInspector(num_class=n_nodes, store_results=False, verbose=False, n_jobs=1)
    for look in (inspector.update_confident_thresholds, inspector.score_label_quality):
        for labels, rows in _batches(scores, label, level, n_nodes):
            look(labels, rows)
    thresholds = np.array(inspector.get_confident_thresholds(silent=True), np.float64)
    thresholds[np.bincount(label, minlength=len(thresholds)) == 0] = np.inf
    confident = confidence >= thresholds[predicted] - MARGIN
    return Counted(thresholds, confident, confident & (predicted != label), int(inspector.get_num_issues(silent=True)))


def _batches(
    scores: ProductScores, label: NDArray[np.int64], level: int, n_nodes: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Labels and `(<= BATCH, n_nodes)` rows that hold the likeliest node's probability and the label's, else 0."""
    for batch in in_batches(np.arange(len(label)), BATCH):
        rows = np.arange(len(batch))
        shown = np.zeros((len(batch), n_nodes), np.float32)
        shown[rows, scores.likeliest[batch, level - 1]] = scores.p_likeliest[batch, level - 1]
        shown[rows, label[batch]] = scores.p_truth[batch, level - 1]
        yield label[batch], shown


@dataclass(frozen=True)
class LabelNoise:
    """The confident joint of labels and likely true leaves, sparse, and what it says of every leaf.

    Attributes:
        pairs: `(P, 2)` int64 label and likely true leaf that differ, the most frequent first; n: `(P,)` products.
        labelled: `(n_leaves,)` int64 audited products of each leaf.
        wrong: `(n_leaves,)` float64 share of them estimated to be wrong, NaN where no product is told confidently.
    """

    pairs: NDArray[np.int64]
    n: NDArray[np.int64]
    labelled: NDArray[np.int64]
    wrong: NDArray[np.float64]

    @property
    def estimate(self) -> float:
        """Wrong labels estimated among all audited products."""
        return float(np.nansum(self.wrong * self.labelled))


def label_noise(scores: ProductScores, counted: Counted, n_leaves: int) -> LabelNoise:
    """Estimate each leaf's share of wrong labels: rows of the confident joint, calibrated to the labels' counts.

    The joint is kept as pairs that occur: over 5270 leaves it would take 222 MB, nearly all of it zero.
    """
    label = scores.truth
    n_confident = np.bincount(label[counted.confident], minlength=n_leaves)
    n_flagged = np.bincount(label[counted.flagged], minlength=n_leaves)
    keys, n = np.unique(label[counted.flagged] * n_leaves + scores.predicted[counted.flagged, -1], return_counts=True)
    order = np.argsort(-n, kind="stable")
    pairs = np.stack([keys[order] // n_leaves, keys[order] % n_leaves], axis=1)
    wrong = np.divide(n_flagged, n_confident, out=np.full(n_leaves, np.nan), where=n_confident > 0)
    return LabelNoise(pairs, n[order], np.bincount(label, minlength=n_leaves), wrong)
