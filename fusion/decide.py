"""Accept the leaf, back off to a parent, or send to review: thresholds with a finite-sample guarantee."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from catalog.metrics.answer_path import AnswerPaths
from catalog.metrics.product_scores import ProductScores
from catalog.tree.taxonomy import Taxonomy

NEVER = 2.0
"""A threshold that no probability reaches."""
GRID = 200
STARTS = (0.0, 0.125, 0.25, 0.5)
"""Shares of the held-out products, surest first, from which thresholds are tried downwards. With the first alone, one
wrong label among the surest products sent everything to review, and one label in ten of Cdiscount's is wrong."""
MIN_OWN = 200
"""Held-out products put on a Cat I from which on it may have thresholds of its own; the others share theirs."""
OWN_TIMES = 3
"""A Cat I has thresholds of its own from so many times the products on that without a mistake prove the target."""


class Decision(StrEnum):
    """What becomes of a product."""

    ACCEPT = "accept"
    PARENT = "parent"
    REVIEW = "review"


@dataclass(frozen=True)
class Thresholds:
    """Smallest probability with which a node is given, by the Cat I that the product is put on.

    Attributes:
        table: `(n_cat1, D)` float32 thresholds at Cat I, Cat II, ...; `NEVER` = 2 for none.
        own: `(n_cat1,)` bool: fitted on this Cat I's products alone; the others share one fit.
    """

    table: NDArray[np.float32]
    own: NDArray[np.bool_]

    @classmethod
    def fit(cls, scores: ProductScores, tree: Taxonomy, target: float, confidence: float) -> Thresholds:
        """Thresholds at which what is given is right at least `target` of the time.

        Per group of products (a Cat I with `MIN_OWN` of them, or all other Cat I together) and from the leaf upwards:
        a parent's threshold is learnt on the products that no deeper node was given to, for which alone it is used.
        Each threshold is found by fixed-sequence testing, see `_threshold`: in each group the leaf's keeps the target
        with probability `confidence` over calibration samples, a parent's does so given the deeper ones. That holds
        for products that are independent (give one of those that share a photo) and like those that will come.
        """
        cat1, is_leaf = scores.predicted[:, 0], _is_leaf(scores.predicted, tree)
        enough = max(MIN_OWN, OWN_TIMES * _fewest(target, confidence))
        own = np.bincount(cat1, minlength=tree.n_nodes(1)) >= enough
        table = np.full((tree.n_nodes(1), tree.depth), NEVER, np.float32)
        groups = [np.array([node]) for node in np.flatnonzero(own)]
        # a Cat I with few products proves no threshold by itself, and would send everything to review
        for nodes in [*groups, np.flatnonzero(~own)]:
            rows = np.flatnonzero(np.isin(cat1, nodes))
            for level in reversed(tree.levels):
                # what lies further up and is a leaf was tried with the leaves: no parent is proved by it
                is_tried = is_leaf[rows, level - 1] == (level == tree.depth)
                tried = rows[is_tried]
                sure = scores.confidence[tried, level - 1]
                threshold = _threshold(sure, scores.correct[tried, level - 1], target, confidence)
                table[nodes, level - 1] = threshold
                is_given = is_tried.copy()
                is_given[is_tried] = sure >= threshold
                rows = rows[~is_given]
        return cls(table, own)

    def needed(self, nodes: NDArray[np.int64], tree: Taxonomy) -> NDArray[np.float32]:
        """`(N, D)` float32 probability from which each node of N answers' paths, `(N, D)`, is given; 2 for never.

        A leaf further up needs what all leaves need, whatever its level: it is accepted, not backed off to.
        """
        table = self.table[nodes[:, 0]]
        return np.where(_is_leaf(nodes, tree), table[:, -1:], table)

    def rows(self, tree: Taxonomy) -> list[list[object]]:
        """For people: Cat I, its thresholds from the leaf upwards (`never` for none), whether they are its own."""
        rows: list[list[object]] = []
        for node, (values, own) in enumerate(zip(self.table[:, ::-1], self.own, strict=True)):
            shown = [f"{value:.3f}" if value <= 1 else "never" for value in values]
            rows.append([tree.shown_path(1, node)[0], *shown, "own" if own else "shared"])
        return rows


def _threshold(confidence: NDArray[np.float32], correct: NDArray[np.bool_], target: float, level: float) -> float:
    """The lowest threshold that passed fixed-sequence testing with several starts.

    From each of `STARTS` thresholds are tried downwards, each against the one-sided Clopper-Pearson lower bound of
    its precision, until the first that fails; the starts share the allowed doubt, so the lowest that passed keeps the
    target with probability `level` over calibration samples (Angelopoulos et al., "Learn then Test", 2021). With one
    start a single wrong label among the surest products would end the search. The first threshold tried already
    accepts enough products for a pass to be possible.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered, right = confidence[order], np.cumsum(correct[order])
    doubt, fewest = (1 - level) / len(STARTS), _fewest(target, level)
    if len(ordered) < fewest:
        return NEVER
    # products of equal confidence are accepted together: how many are as sure as the n-th at least
    together = np.searchsorted(-ordered, -ordered, side="right")
    threshold = NEVER
    for start in {max(fewest, int(share * len(ordered))) for share in STARTS}:
        n = together[np.unique(np.linspace(start, len(ordered), GRID).astype(int)) - 1]
        k = right[n - 1]
        # scipy.stats.beta.ppf is the same, but importing scipy.stats takes 0.6 s of every prediction
        lower = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, doubt), 0.0)
        failed = np.flatnonzero(lower < target)
        n_passed = int(failed[0]) if len(failed) else len(n)
        if n_passed:
            threshold = min(threshold, float(ordered[n[n_passed - 1] - 1]))
    return threshold


def _fewest(target: float, level: float) -> int:
    """With every one of n accepted products right, the bound is doubt^(1/n): fewer than this many cannot pass."""
    return int(np.ceil(np.log((1 - level) / len(STARTS)) / np.log(target)))


def _is_leaf(nodes: NDArray[np.int64], tree: Taxonomy) -> NDArray[np.bool_]:
    """`(N, D)` bool: the node of a path, `(N, D)`, is the leaf itself, which may lie further up than level D."""
    leaves = nodes[:, -1]
    is_leaf = np.array(tree.levels) >= tree.path_lengths[leaves, None]
    for level in tree.levels[:-1]:
        # others may lie below the node that a leaf's path ends in
        is_leaf[:, level - 1] &= np.bincount(tree.ancestor(level))[tree.ancestor(level)[leaves]] == 1
    return is_leaf


def proved_only(needed: NDArray[np.float32]) -> tuple[float | None, ...]:
    """`(n,)` probabilities that are needed, for people and programs: None in the place of one that is never reached."""
    return tuple(None if one >= NEVER else one for one in needed.tolist())


def decide(paths: AnswerPaths, thresholds: Thresholds, tree: Taxonomy) -> NDArray[np.int64]:
    """`(N, 2)` int64 level (D accept, less back off to that parent, 0 review) and node index at that level.

    The deepest node on the answer's path whose probability reaches its level's threshold is given ("climbing"). A leaf
    is always given at level D, however short its path.
    """
    return _climbed(paths.nodes, paths.probabilities, thresholds.needed(paths.nodes, tree))


def given_by_scores(scores: ProductScores, thresholds: Thresholds, tree: Taxonomy) -> NDArray[np.int64]:
    """`decide`, `(N, 2)` int64, for N products of which only the scores were kept."""
    return _climbed(scores.predicted, scores.confidence, thresholds.needed(scores.predicted, tree))


def _climbed(
    nodes: NDArray[np.int64], confidence: NDArray[np.floating], needed: NDArray[np.float32]
) -> NDArray[np.int64]:
    """`(N, 2)` level and node given, from the nodes on the path, their probabilities and those needed, all `(N, D)`."""
    given = np.zeros((len(nodes), 2), np.int64)
    sure = confidence >= needed
    # from the top down: a deeper node is written over its parent
    for level in range(1, nodes.shape[1] + 1):
        here = sure[:, level - 1]
        given[here, 0], given[here, 1] = level, nodes[here, level - 1]
    return given


def decision_of(level: int, depth: int) -> Decision:
    """Decision that giving a node of this level means in a tree of `depth` levels; 0 gives none."""
    return {depth: Decision.ACCEPT, 0: Decision.REVIEW}.get(level, Decision.PARENT)
