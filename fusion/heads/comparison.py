"""Every head on the same held-out products, cross-fitted, and which of them decides."""

from dataclasses import dataclass

import numpy as np

from catalog.files.progress import Progress, counted
from catalog.metrics.intervals import paired_difference
from catalog.metrics.product_scores import ProductScores, concatenate_scores, score
from fusion.config import FusionConfig
from fusion.experts.copy_table import NAME as COPIES
from fusion.heads.base import Head, chunks
from fusion.heads.registry import HEADS, make_head
from fusion.training.held_out import HeldOut, without_copies

NLL_TIE = 0.005
"""Nats by which heads may differ and still be called equal: less than one held-out part differs from another."""


@dataclass(frozen=True)
class HeadComparison:
    """Heads that were fitted without the products they are scored on.

    Attributes:
        scores: of each head, row-aligned; chosen: name of the head that decides; reason: why, for people.
        without_copies: the chosen head on the same products with copies silent, None where copies are no expert.
    """

    scores: dict[str, ProductScores]
    chosen: str
    reason: str
    without_copies: ProductScores | None = None


def compare_heads(data: HeldOut, config: FusionConfig, progress: Progress | None = None) -> HeadComparison:
    """Cross-fit every head and choose by DESIGN's rule (or as configured)."""
    n_steps = len(HEADS) + 1
    scores = {name: cross_fit(data, name, config) for name in counted(HEADS, n_steps, progress, every=1)}
    chosen, reason = (config.head, "as configured") if config.head != "auto" else choose(scores)
    silenced = cross_fit(data, chosen, config, copies_silent=True) if COPIES in data.names else None
    if progress is not None:
        progress(n_steps, n_steps)
    return HeadComparison(scores, chosen, reason, silenced)


def cross_fit(data: HeldOut, name: str, config: FusionConfig, *, copies_silent: bool = False) -> ProductScores:
    """Scores of one head on products that took no part in fitting it, in the order of `data`.

    `copies_silent`: fitted with the copies, tested without them.
    """
    parts, rows_of = [], []
    shown = without_copies(data) if copies_silent else data
    for fitted, tested in data.parts(config.head_folds, config.seed):
        head = fit_head(data.select(fitted), name, config)
        # probabilities over all leaves are dense: at Cdiscount's 5,270 leaves 512 rows take 11 MB
        for rows in chunks(tested):
            parts.append(score_head(head, shown.select(rows)))
            rows_of.append(rows)
    return concatenate_scores(parts).select(np.argsort(np.concatenate(rows_of)))


def fit_head(data: HeldOut, name: str, config: FusionConfig) -> Head:
    """One head fitted on held-out products."""
    head = make_head(name, data.tree, data.names, config)
    return head.fit(data.experts, data.truth, data.n_images, data.prior)


def score_head(head: Head, data: HeldOut) -> ProductScores:
    """Scores of a fitted head; call it on chunks."""
    dense = head.predict_proba(data.experts, data.n_images)
    return score(dense, data.truth, data.product_ids, data.n_images, data.tree)


def choose(scores: dict[str, ProductScores]) -> tuple[str, str]:
    """The head that decides, and why.

    The highest leaf accuracy wins. Heads whose paired 95 % interval of the difference to it holds 0 are ties: among
    them the lowest NLL wins, and among those within `NLL_TIE` of it the simplest, which is the first in `HEADS`.
    """
    right = {name: head_scores.correct[:, -1] for name, head_scores in scores.items()}
    best = max(scores, key=lambda name: float(right[name].mean()))
    tied = [name for name in HEADS if name in scores and paired_difference(right[best], right[name])[1] <= 0]
    if len(tied) == 1:
        return best, "the highest leaf accuracy"
    # the better heads lie within two points of accuracy and far apart in calibration (bench/results/heads.txt: the
    # arithmetic mean is off by 0.20, the tree pool by 0.04): NLL tells them apart
    loss = {name: float(scores[name].nll[:, -1].mean()) for name in tied}
    good = [name for name in tied if loss[name] <= min(loss.values()) + NLL_TIE]
    others = ", ".join(name for name in tied if name != good[0])
    why = f"as accurate as {others} (no difference is shown), of lower NLL"
    return good[0], why if len(good) == 1 else f"{why}, or as low and simpler"
