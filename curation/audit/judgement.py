"""Suspects held against the truth, where it is known: how many are wrong labels, how many wrong labels are suspects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.metrics.intervals import exact_share, n_draws, percentiles
from catalog.reports.estimate import Estimate
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import LabelEvidence
from curation.audit.suspects import Suspects, leaf_margin

LOOKED_AT = (10, 50, 250, 1000, 10_000)
"""Products that a person looks at, the first of a ranking."""
OURS, LEAVES, LOWEST, RANDOM = "this audit", "leaves alone", "lowest probability", "by chance"
POINTS = 200
"""Points of a curve."""
RANKINGS = {
    OURS: "suspects at any level, in the order of this audit",
    LEAVES: "confident learning on leaves only, by the likeliest leaf's probability less the label's",
    LOWEST: "lowest probability of the label first",
    RANDOM: "any order, on average",
}


@dataclass(frozen=True)
class Ranked:
    """One order in which a person could look at the products.

    Attributes:
        average_precision: over all products, with its bootstrap interval; across: of mistakes across Cat I alone.
        precision_at: products looked at -> share of them that is wrong, with its exact interval.
        distance: share of the distance that the best order would repair in as many looks as there are wrong labels.
        curve: `(<= POINTS, 2)` recall and precision along the order, empty for chance.
    """

    average_precision: Estimate
    across: Estimate
    precision_at: dict[int, Estimate]
    distance: Estimate
    curve: NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """What the suspects are worth on the n products whose true leaf is known.

    Attributes:
        n, n_wrong, n_suspects: products with a known truth, wrong labels and suspects among them.
        precision: share of suspects that are wrong; repaired: of wrong suspects whose suggestion is the truth.
        recall: by tree distance of the mistake, 0 for all: wrong labels and the share that is suspected.
        by_part: by tree distance of label and suggestion: suspects and the share that is wrong.
        rankings: by name, as in `RANKINGS`.
    """

    n: int
    n_wrong: int
    n_suspects: int
    precision: Estimate
    repaired: Estimate
    recall: dict[int, tuple[int, Estimate]]
    by_part: dict[int, tuple[int, Estimate]]
    rankings: dict[str, Ranked]


def judge(evidence: LabelEvidence, suspects: Suspects, truth: NDArray[np.int64], tree: Taxonomy) -> Judgement:
    """Hold the suspects against `truth`, `(n,)` leaves of the audited products, -1 where unknown.

    Raises:
        ValueError: the truth of not one audited product is known.
    """
    known = truth != UNKNOWN
    if not known.any():
        raise ValueError(f"--truth knows none of the {len(truth)} audited products")
    scores = evidence.scores.select(known)
    true, label, n = truth[known], evidence.label[known], int(known.sum())
    distance = tree.distance(true, label)
    wrong = distance > 0
    position = np.empty(len(truth), np.int64)
    position[suspects.order] = np.arange(len(truth))
    suspected = position[known] < len(suspects)
    hit = suspected & wrong
    orders = {
        OURS: np.argsort(position[known]),
        LEAVES: np.lexsort((-leaf_margin(scores), ~suspects.counted[tree.depth].flagged[known])),
        LOWEST: np.argsort(scores.p_truth[:, -1], kind="stable"),
    }
    return Judgement(
        n=n,
        n_wrong=int(wrong.sum()),
        n_suspects=int(suspected.sum()),
        precision=Estimate.share(wrong[suspected]),
        repaired=Estimate.share(scores.predicted[hit, -1] == true[hit]),
        recall=_by_distance(suspected, {0: wrong, **{d: distance == d for d in tree.levels}}),
        by_part=_by_distance(wrong, {d: suspected & (scores.distance == d) for d in tree.levels}),
        rankings={
            **{name: _ranked(order, distance, tree.depth) for name, order in orders.items()},
            RANDOM: _by_chance(distance, tree.depth),
        },
    )


def _by_distance(flags: NDArray[np.bool_], groups: dict[int, NDArray[np.bool_]]) -> dict[int, tuple[int, Estimate]]:
    """Members of each group that has any, and the share of them that is flagged."""
    return {d: (int(of.sum()), Estimate.share(flags[of])) for d, of in groups.items() if of.any()}


def _ranked(order: NDArray[np.int64], distance: NDArray[np.int64], depth: int) -> Ranked:
    repaired = distance[order]
    wrong = repaired > 0
    n, n_wrong = len(wrong), int(wrong.sum())
    hits = np.cumsum(wrong)
    best = np.sort(distance)[::-1][:n_wrong].sum()
    thin = np.unique(np.linspace(0, n - 1, POINTS).astype(int)) if n_wrong else np.zeros(0, int)
    return Ranked(
        average_precision=_average_precision(wrong),
        across=_average_precision(repaired == depth),
        precision_at={k: Estimate(hits[k - 1] / k, *exact_share(int(hits[k - 1]), k)) for k in LOOKED_AT if k < n},
        distance=Estimate(float(repaired[:n_wrong].sum() / best) if n_wrong else None),
        curve=np.column_stack([hits[thin] / max(n_wrong, 1), hits[thin] / (thin + 1)]),
    )


def _average_precision(wrong: NDArray[np.bool_], seed: int = 0) -> Estimate:
    """Average precision of products in their order, with its bootstrap interval (products drawn with replacement)."""
    if not wrong.any():
        return Estimate(None)
    n, rng = len(wrong), np.random.default_rng(seed)
    drawn = [weighted_precision(wrong, np.bincount(rng.integers(0, n, n), minlength=n)) for _ in range(n_draws(n))]
    low, high = percentiles(np.array([drawn]))[0].tolist()
    return Estimate(weighted_precision(wrong, np.ones(n, np.int64)), low, high)


def weighted_precision(wrong: NDArray[np.bool_], times: NDArray[np.int64]) -> float:
    """Average precision where each product stands so many `times`, `(n,)`, in its place; NaN without a wrong one."""
    hits = times * wrong
    n_hits = np.cumsum(hits)
    if not n_hits[-1]:
        return float("nan")
    precision = n_hits / np.maximum(np.cumsum(times), 1)
    return float((hits * precision).sum() / n_hits[-1])


def _by_chance(distance: NDArray[np.int64], depth: int) -> Ranked:
    """What any order brings on average: nothing is drawn."""
    n, n_wrong, n_across = len(distance), int((distance > 0).sum()), int((distance == depth).sum())
    base = n_wrong / n
    best = np.sort(distance)[::-1][:n_wrong].sum()
    return Ranked(
        average_precision=Estimate(base if n_wrong else None),
        across=Estimate(n_across / n if n_across else None),
        precision_at={k: Estimate(base) for k in LOOKED_AT if k < n},
        distance=Estimate(float(distance.mean() * n_wrong / best) if n_wrong else None),
        curve=np.zeros((0, 2)),
    )
