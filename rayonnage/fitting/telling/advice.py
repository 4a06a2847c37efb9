"""What would help most: each with what to do for it and, where that can be known, how much it may bring."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress_lines import duration_text
from catalog.files.wording import joined, percent, plural
from catalog.metrics.intervals import MetricValue, grouped_share
from catalog.runs.workspace import RECIPE
from catalog.sources.address import shown
from catalog.tree.taxonomy import path_text
from fusion.proof import LevelProof
from rayonnage.fitting.amounts import time_option
from rayonnage.fitting.planning.choosing import PLANNED
from rayonnage.fitting.recipe import Choice
from rayonnage.fitting.telling.outcome import ASKED, FEW_PRODUCTS, FitOutcome

FEW_LABELLED = (5, 10, 20, 50)
"""Labelled products of a category below which it may be called rare: the first that tells weak ones from others."""
ENOUGH = 20
"""Held-out products that two groups need before they are compared."""
SURE = 0.9
"""From this probability on a product that is put elsewhere than it is labelled casts doubt on its label."""
MORE_PRODUCTS = "label more products, of every category some, and fit again with them"
NAMED = 3
"""Categories that a sentence names."""


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes:
        what: why it would help. how: a command between backticks, or what to do without one.
        points: what it may bring, as a share of all products that would be right, in [0, 1]; None where that cannot be
            known.
        is_limit: it cannot bring more than that, and may bring less.
        is_urgent: without it nothing can be given unseen.
    """

    what: str
    how: str
    points: float | None = None
    is_limit: bool = True
    is_urgent: bool = False

    @property
    def gain(self) -> str:
        """How much, for people; empty where it is not known."""
        if self.points is None:
            return ""
        return f"{'at most' if self.is_limit else 'about'} {100 * self.points:.1f} points"


def advice_of(outcome: FitOutcome) -> list[Advice]:
    """What would help, what brings most first; what nobody can know stands behind, in the order of its effort."""
    found = [
        *_proof(outcome),
        *_rare_leaves(outcome),
        *_doubtful_labels(outcome),
        *_contradicting_labels(outcome),
        *_second_photo(outcome),
        *_left_out(outcome),
        *_other_choices(outcome),
        *_titles(outcome),
        *_more_of_everything(outcome),
    ]
    # sorted is stable: of equals the order above is kept
    return sorted(found, key=lambda one: (not one.is_urgent, -(one.points or 0.0)))


def fit_again(outcome: FitOutcome, *options: str) -> str:
    """The command that fits this workspace again, between backticks."""
    fit = outcome.recipe.fit
    given = [
        value for option, value in (("--tree", fit.tree), ("--names", fit.names)) if value for value in (option, value)
    ]
    command = shlex.join(["rayonnage", "fit", shown(fit.catalog), *given, *options])
    return f"`{command}{outcome.workspace.option}`"


def _proof(outcome: FitOutcome) -> list[Advice]:
    """More held-out products, where too few are there to prove anything at the first share that is asked for."""
    if outcome.proof.shares[ASKED[0]][1:].any():
        return []
    nearest = min(outcome.proof.levels, key=_distance)
    wanted = "" if nearest.wanted is None else f"; about {nearest.wanted:,} like these would do for a {nearest.name}"
    what = f"{outcome.proof.unproved}, so nothing is given unseen at that share{wanted}"
    if outcome.is_folded or nearest.wanted is None:
        return [Advice(what, MORE_PRODUCTS, is_urgent=True)]
    recipe = outcome.workspace.folder / RECIPE
    how = (
        f"hold every product out once ({outcome.n_labelled:,} instead of {len(outcome.scores):,}): set `folds: 5` and "
        f"`held_out: null` in {recipe}, then {fit_again(outcome, '--recipe', str(recipe))}"
    )
    return [Advice(what, how, is_urgent=True)]


def _distance(proof: LevelProof) -> float:
    return math.inf if proof.wanted is None else proof.wanted


def _rare_leaves(outcome: FitOutcome) -> list[Advice]:
    """More products of categories with few, where these are shown to be right less often than others."""
    correct, labelled = outcome.scores.correct[:, -1], outcome.training_counts[outcome.scores.truth]
    for few in FEW_LABELLED:
        rare = labelled < few
        gap = _gap(correct, rare, outcome.group)
        if gap is None:
            continue
        low, high = gap
        wrong = np.bincount(outcome.scores.truth[rare & ~correct], minlength=len(outcome.tree))
        named = [int(leaf) for leaf in np.argsort(-wrong, kind="stable")[:NAMED] if wrong[leaf]]
        leaves = [
            f"{path_text(outcome.tree.shown[leaf])} ({outcome.training_counts[leaf]:,} labelled)" for leaf in named
        ]
        what = (
            f"categories with fewer than {few} labelled products are right for {percent(low.value, 0)} of their "
            f"{plural(int(rare.sum()), 'held-out product')}, the others for {percent(high.value, 0)}"
        )
        how = f"label more products of such categories, of {joined(leaves)} first"
        return [Advice(what, how, float(rare.mean()) * (high.value - low.value))]
    return []


def _doubtful_labels(outcome: FitOutcome) -> list[Advice]:
    """Labels of which the model is sure that they are wrong; it may be wrong itself."""
    scores = outcome.scores
    doubtful = ~scores.correct[:, -1] & (scores.confidence[:, -1] >= SURE)
    if not doubtful.any():
        return []
    n, total = int(doubtful.sum()), len(scores)
    what = (
        f"{n:,} of {plural(total, 'held-out product')} are put elsewhere than their label says with more than "
        f"{percent(SURE, 0)} certainty: often it is the label that is wrong"
    )
    return [Advice(what, _audit(outcome), n / total)]


def _contradicting_labels(outcome: FitOutcome) -> list[Advice]:
    """Copies of a photo in two categories: one of the labels is wrong, whoever is asked."""
    survey = outcome.survey
    if survey is None or not survey.n_contradicting:
        return []
    what = (
        f"{plural(survey.n_contradicting, 'product')} of {survey.n_labelled:,} share a photo with a product of another "
        "category: one of the two labels is wrong"
    )
    return [Advice(what, _audit(outcome), survey.n_contradicting / 2 / survey.n_labelled, is_limit=False)]


def _audit(outcome: FitOutcome) -> str:
    catalog = shlex.quote(shown(outcome.recipe.fit.catalog))
    return f"`rayonnage catalog audit {catalog} --output audited{outcome.workspace.option}`"


def _second_photo(outcome: FitOutcome) -> list[Advice]:
    """Another photo of products with one, where those with more are shown to be right more often."""
    counts = outcome.scores.n_images
    some, correct = counts > 0, outcome.scores.correct[:, -1]
    single = counts[some] == 1
    gap = _gap(correct[some], single, outcome.group[some])
    if gap is None:
        return []
    low, high = gap
    what = (
        f"products with one photo are right for {percent(low.value, 0)} of {int(single.sum()):,}, those with more for "
        f"{percent(high.value, 0)} of {int((~single).sum()):,}"
    )
    return [Advice(what, "give a second photo", float((counts == 1).mean()) * (high.value - low.value))]


def _gap(
    correct: NDArray[np.bool_], worse: NDArray[np.bool_], group: NDArray[np.int64]
) -> tuple[MetricValue, MetricValue] | None:
    """Shares right of the `(N,)` products that should be worse, and of the others, where that is shown."""
    if min(worse.sum(), (~worse).sum()) < ENOUGH:
        return None
    low, high = (grouped_share(correct[rows], group[rows]) for rows in (worse, ~worse))
    return (low, high) if low.high < high.low else None


def _left_out(outcome: FitOutcome) -> list[Advice]:
    """Stages that there was no time for."""
    told = []
    for each in outcome.times:
        # what the catalogue has nothing for would be refused again
        if each.seconds is None and not each.refused:
            what = f"left out for want of time: {each.stage.title} (about {duration_text(each.stage.seconds)})"
            # it speaks once everything is weighed again
            commands = (shlex.join(["rayonnage", *stage.command]) for stage in (each.stage, outcome.times[-1].stage))
            told.append(Advice(what, ", then ".join(f"`{command}`" for command in commands)))
    return told


def _other_choices(outcome: FitOutcome) -> list[Advice]:
    """What the recipe says that it has left out, and would bring."""
    left_out = {each.stage.key for each in outcome.times if each.seconds is None}
    by_command: dict[str, list[Choice]] = {}
    for key, choice in outcome.recipe.fit.choices.items():
        if not choice.instead or key in left_out:
            continue
        room = outcome.workspace.option
        how = (
            f"`rayonnage ocr train --set shelves=auto{room}`, then `rayonnage fusion train{room}`"
            if key == "reading"
            else fit_again(outcome, *_longer(outcome))
        )
        by_command.setdefault(how, []).append(choice)
    told = []
    # one command that gives more time does for all that waits for time
    for how, choices in by_command.items():
        what = f"more can be done: {'; '.join(choice.instead for choice in choices)}"
        points = sum(choice.points for choice in choices) / 100
        told.append(Advice(what, how, points or None, is_limit=False))
    return told


def _longer(outcome: FitOutcome) -> list[str]:
    """Time for all that was left out, three times that which was given where nobody knows; the next quality where none
    was given."""
    fit = outcome.recipe.fit
    if fit.time_s is None:
        return ["--quality", "best"]
    if fit.wanted_s is None:
        return ["--time", time_option(3 * fit.time_s)]
    # looking and measuring are in no estimate, and stages that took longer than expected will again
    expected_s = sum(each.stage.seconds for each in outcome.times if each.seconds is not None)
    more_s = max(0.0, outcome.seconds - expected_s)
    return ["--time", time_option(max((fit.wanted_s + more_s) / PLANNED, fit.time_s))]


def _titles(outcome: FitOutcome) -> list[Advice]:
    """Titles, where most products have none."""
    survey = outcome.survey
    if survey is None or 2 * survey.n_titled >= survey.n_labelled:
        return []
    n = f"{survey.n_titled:,} of {survey.n_labelled:,} products have" if survey.n_titled else "no product has"
    what = f"{n} a title: on 423 clothes of a shop titles brought 14 points beside the photos"
    how = "give titles in a table's column `title`, or as a field of the catalogue, where the shop has them"
    return [Advice(what, how)]


def _more_of_everything(outcome: FitOutcome) -> list[Advice]:
    """More products at all, where there are so few that nothing finer can be told."""
    proved = outcome.proof.shares[ASKED[0]][1:].any()
    # where nothing is proved that is said already
    if not outcome.is_small or (outcome.is_folded and not proved):
        return []
    what = (
        f"{plural(outcome.n_independent, 'independent product')} could be held out: too few to tell what would bring "
        f"how much; from {FEW_PRODUCTS} on the figures become firm"
    )
    return [Advice(what, MORE_PRODUCTS)]
