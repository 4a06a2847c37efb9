"""An expert on trial: the head with it and without it, cross-fitted on the same products."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.files.progress import Bar
from catalog.metrics.intervals import mean_intervals, paired_difference
from catalog.metrics.product_scores import ProductScores
from fusion.config import FusionConfig
from fusion.heads.comparison import NLL_TIE, HeadComparison, compare_heads, cross_fit
from fusion.training.held_out import HeldOut


@dataclass(frozen=True)
class ExpertTrial:
    """Whether an expert makes the head better.

    Attributes:
        expert: its name. is_kept: it speaks in the run. why: for people.
        with_it, without_it: the head's cross-fitted scores, row-aligned.
    """

    expert: str
    is_kept: bool
    why: str
    with_it: ProductScores
    without_it: ProductScores


def try_expert(
    expert: str, data: HeldOut, config: FusionConfig, bar: Bar, *, keep: bool
) -> tuple[HeldOut, HeadComparison, ExpertTrial]:
    """Compare the heads without an expert, and see whether the one that decides there is better with it.

    Args:
        data: with the expert. keep: it stays whatever is measured.

    Returns:
        the evidence that the run is made of, the heads compared on it, and what was measured.
    """
    others = data.without(expert)
    with bar("heads") as progress:
        comparison = compare_heads(others, config, progress)
    without_it = comparison.scores[comparison.chosen]
    with bar(f"heads, with {expert}") as progress:
        # the head that is best without it is asked: another one may be better by chance
        with_it = cross_fit(data, comparison.chosen, config)
        is_better, why = judge(with_it.select(data.representatives), without_it.select(data.representatives))
        if is_better or keep:
            others, comparison = data, compare_heads(data, config, progress)
    return others, comparison, ExpertTrial(expert, is_better or keep, why, with_it, without_it)


def judge(with_it: ProductScores, without_it: ProductScores) -> tuple[bool, str]:
    """Whether a head is better with an expert, by its scores on the same products; and why, for people.

    It is when its leaf accuracy is higher by more than chance (the paired 95 % interval excludes 0); or when that shows
    no difference and its log loss is lower by more than `NLL_TIE` and more than chance.
    """
    gain, low, high = paired_difference(with_it.correct[:, -1], without_it.correct[:, -1])
    fall, least, most = mean_intervals((without_it.nll[:, -1] - with_it.nll[:, -1])[:, None])[0]
    why = (
        f"{100 * gain:+.1f} points of leaf accuracy ({100 * low:+.1f} to {100 * high:+.1f}), "
        f"{-fall:+.3f} of log loss ({-most:+.3f} to {-least:+.3f}) on {len(with_it)} held-out products, copies once"
    )
    if low > 0:
        return True, f"{why}: more accurate"
    if high >= 0 and least > 0 and fall > NLL_TIE:
        return True, f"{why}: as accurate, of lower log loss"
    return False, f"{why}: no better"
