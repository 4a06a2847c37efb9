"""What `rayonnage fit` says when it is done."""

from __future__ import annotations

import numpy as np

from catalog.files.progress_lines import duration_text
from catalog.files.wording import aligned, joined, percent, plural
from catalog.metrics.intervals import MetricValue
from catalog.reports.estimate import Estimate
from catalog.tree.taxonomy import path_text
from rayonnage.fitting.telling.advice import advice_of
from rayonnage.fitting.telling.outcome import FitOutcome, UnseenShare

MOST_LINES = 25
MOST_ADVICE = 3
MOST_WEAK = 2
EXACT = 200
"""Products from which on a share is told to a tenth of a percent."""


def last_words(outcome: FitOutcome) -> str:
    """At most `MOST_LINES`: how good it is, what can be given unseen, what would help most, what comes next."""
    above = [
        took(outcome),
        judged_on(outcome),
        *_accuracy(outcome),
        *(f"  {unseen_sentence(one, outcome)}" for one in outcome.unseen),
        *_weak(outcome),
    ]
    below = ["Next:", *(f"  {command}  # {what}" for what, command in next_commands(outcome).items())]
    advice = []
    # two lines each, below a title: a deep tree leaves room for fewer
    for number, one in enumerate(advice_of(outcome)[: (MOST_LINES - 1 - len(above) - len(below)) // 2][:MOST_ADVICE]):
        gain = f" ({one.gain})" if one.gain else ""
        advice += [f"  {number + 1}. {one.what}{gain}", f"     {one.how.replace('`', '')}"]
    title = ["What would help most:"] if advice else []
    return "\n".join([*above, *title, *advice, *below])


def next_commands(outcome: FitOutcome) -> dict[str, str]:
    """Commands by what they are for."""
    room = outcome.workspace.option
    served = f" {outcome.workspace.folder}" if room else ""
    return {
        "categories for products without one": f"rayonnage predict NEW --output predictions{room}",
        "how good it is on products that it has never seen": f"rayonnage evaluate LABELLED --output report{room}",
        "review, classify and search in the browser": f"rayonnage serve{served}",
    }


def took(outcome: FitOutcome) -> str:
    """What it took, beside what was given or expected."""
    time_s = outcome.recipe.fit.time_s
    planned = sum(each.stage.seconds for each in outcome.times if each.seconds is not None)
    given = f"{duration_text(time_s)} were given" if time_s is not None else ""
    expected = f"its stages were expected to take {duration_text(planned)}" if planned else ""
    beside = joined([text for text in (given, expected) if text]) if given or expected else ""
    return f"Fitted in {duration_text(outcome.seconds)}{f' ({beside})' if beside else ''}."


def judged_on(outcome: FitOutcome) -> str:
    """On how many products the figures rest, and how firm they are."""
    n, alone = len(outcome.scores), outcome.n_independent
    together = f" ({alone:,} independent ones; the others share a photo or an article with one of these)"
    once = ", each held out once" if outcome.is_folded else ""
    text = f"Measured on {plural(n, 'held-out product')}{together if alone < n else ''}{once}."
    if outcome.is_small:
        return f"{text} These are few: the truth may lie anywhere in the brackets."
    return f"{text} In brackets: where the truth lies with 95 % certainty."


def shown_share(right: MetricValue, n: int) -> str:
    """A share in percent with its interval, as exactly as `n` products tell it: `72 (60–81)`."""
    return str(Estimate.of(right, 1 if n >= EXACT else 0))


def unseen_sentence(one: UnseenShare, outcome: FitOutcome) -> str:
    """What may be given unseen when so many must be right, of how many products, and what must be looked at."""
    n, head = len(outcome.proof.scores), f"when {100 * one.target:g} % of what is given unseen must be right"
    if one.looked_at == 1:
        return f"{head}: nothing can be given, {plural(n, 'independent product')} prove too little"
    parts = [f"{percent(one.at_leaf)} get their category"] if one.at_leaf else []
    parts += [f"{percent(one.above)} get a higher category alone"] if one.above else []
    parts += [f"{percent(one.looked_at)} must be looked at"]
    return f"{head}: of {n:,} products {joined(parts)}"


def _accuracy(outcome: FitOutcome) -> list[str]:
    """A line for each level, the leaves' first; a column for all products and for each number of photos."""
    columns = {f"all ({len(outcome.scores):,})": np.ones(len(outcome.scores), bool)}
    if len(outcome.image_counts) > 1:
        by_count = {count: outcome.scores.n_images == count for count in outcome.image_counts}
        columns |= {f"{plural(count, 'photo')} ({rows.sum():,})": rows for count, rows in by_count.items()}
    table = [["  right, %", *columns]]
    for level in reversed(outcome.tree.levels):
        shares = (shown_share(outcome.right(level, rows), int(rows.sum())) for rows in columns.values())
        table.append([f"  {outcome.tree.level_names[level]}", *shares])
    return aligned(table, "<" * len(table[0])).split("\n")


def _weak(outcome: FitOutcome) -> list[str]:
    """The categories that are weak for sure, with what they are taken for."""
    weak = [one for one in outcome.weakest if one.is_surely_weak][:MOST_WEAK]
    return [
        f"  weak: {path_text(outcome.tree.shown[one.leaf])}, right for {one.n_right} of {one.n}, mostly taken for "
        f"{path_text(outcome.tree.shown[one.confused[0].predicted])}"
        for one in weak
    ]
