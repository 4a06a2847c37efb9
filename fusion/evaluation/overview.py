"""The evaluation for who manages the catalogue: what is right, what can be accepted unseen, what must be looked at."""

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import joined, percent, plural
from catalog.metrics.evaluated_model import COUNTS
from catalog.metrics.summary import ALL
from catalog.reports.estimate import Estimate
from catalog.reports.evaluation import count_name
from catalog.reports.page import Card, Plot, Section, Table
from catalog.reports.plots import GREEN, RED, SERIES, drawing, svg
from catalog.tree.taxonomy import Taxonomy
from fusion.evaluation.decision_outcomes import ACCEPT, DecisionOutcomes, parent_at
from fusion.evaluation.measurement import Measurement

FEW = 10
"""Labelled products of a category in training below which it is called rare."""
ENOUGH = 20
"""Products that two groups need before they are compared."""
Flags = NDArray[np.bool_]


def cards(measurement: Measurement) -> list[Card]:
    """The four figures at the top; three in a tree of one level, which has no higher category."""
    outcomes, right = measurement.outcomes, _right(measurement, measurement.outcomes.depth)
    n_review = int(outcomes.is_open.sum())
    parents = [_given_card("Given a higher category", outcomes, outcomes.is_parent)] if outcomes.depth > 1 else []
    return [
        Card("Right category", f"{right.text} %", f"of {plural(len(outcomes), 'product')} ({right.interval})"),
        _given_card("Accepted unseen", outcomes, outcomes.is_accepted),
        *parents,
        Card("Must be looked at", percent(n_review / len(outcomes)), plural(n_review, "product")),
    ]


def _given_card(what: str, outcomes: DecisionOutcomes, given: Flags) -> Card:
    below = f"{Estimate.share(outcomes.right[given]).text} % of them right" if given.any() else ""
    return Card(what, percent(given.mean()), below)


def summary_section(measurement: Measurement, target: float) -> Section:
    """The main figures in sentences; `target`: the precision that was asked for, in [0, 1]."""
    leaf = _right(measurement, measurement.outcomes.depth)
    sentences = [
        f"Of {plural(len(measurement.outcomes), 'product')} whose category is known, {leaf.text} % were put on the "
        f"right one (with 95 % certainty {leaf.interval} % of all such products).{_found_parents(measurement)}",
        _accepted_sentence(measurement, target),
        *_parent_sentences(measurement),
        _review_sentence(measurement),
    ]
    return Section("short", "In short", sentences)


def _found_parents(measurement: Measurement) -> str:
    """For how many the levels above are right; empty in a tree of one level."""
    texts: list[str] = []
    for level in measurement.parent_levels:
        name, share = measurement.level_names[level], _right(measurement, level).text
        texts.append(f", the right {name} for {share} %" if texts else f" The right {name} was found for {share} %")
    return "".join([*texts, "."]) if texts else ""


def right_section(measurement: Measurement) -> Section:
    """How many products are right at which level, by image count."""
    summary, levels = measurement.models[0].summary, measurement.fused.levels
    rows = []
    for count in (count for count in (ALL, *COUNTS, "0") if count in summary):
        right = (Estimate.of(summary[count].levels[level].top1) for level in reversed(levels))
        rows.append([count_name(count), summary[count].n, *right])
    names = measurement.level_names
    columns = ["", "products", *(f"right {names[level]}, %" for level in reversed(levels))]
    note = (
        f"{names[levels[-1]]} is the category itself{_above(measurement)}. The small figures say how far chance "
        "may have moved the one above them: with 95 % certainty the truth lies between."
        f"{_by_itself(measurement)}"
    )
    return Section("right", "How many are right", parts=[Table("", columns, rows, note, leads=True)])


def _above(measurement: Measurement) -> str:
    names = [measurement.level_names[level] for level in measurement.parent_levels]
    if not names:
        return ""
    verb = "is that" if len(names) == 1 else "are those"
    return f", {joined(names)} {verb} above it, as they are written for each product"


def _by_itself(measurement: Measurement) -> str:
    """How often each parent that is likeliest by itself is right; empty in a tree of one level."""
    right, texts = measurement.fused.likeliest_correct.mean(axis=0), list[str]()
    for level in measurement.parent_levels:
        likeliest, share = f"likeliest {measurement.level_names[level]}", percent(right[level - 1])
        first = f" The {likeliest} by itself, which may be another than that of the likeliest category, would be right"
        texts.append(f", the {likeliest} for {share}" if texts else f"{first} for {share}")
    return "".join([*texts, "."]) if texts else ""


def decisions_section(measurement: Measurement, tree: Taxonomy) -> Section:
    """What is accepted unseen and what must be looked at: in all, by image count and by Cat I."""
    higher = "Where only a higher category is, that one is given and the rest stays open. " if tree.depth > 1 else ""
    sentences = [
        f"A product is accepted unseen where its category is sure enough. {higher}What is not sure at all must be "
        "looked at by a person."
    ]
    title = "What can be accepted, what must be looked at"
    return Section(
        "decisions", title, sentences, [_decisions_plot(measurement.outcomes), _cat1_table(measurement, tree)]
    )


def next_section(measurement: Measurement, target: float) -> Section:
    """What to do with these figures."""
    steps = [
        "Predict new products: `fusion predict FILE` writes a category for each. Those that must be looked at wait in "
        "`review.csv`, the products first whose answer brings most.",
        "Look at `audit.csv` as well, a random sample of what was accepted: it tells how often that is right on the "
        "products of today. `fusion review apply` takes the answers of both.",
        *_precision_steps(measurement.outcomes, target),
        "Look through the surest mistakes on this page: where the label is wrong rather than the suggestion, "
        "`catalog audit FILE` lists more of the kind in the catalogue that was learnt from.",
        *_rare_steps(measurement),
        *_photo_steps(measurement),
    ]
    return Section("next", "What to do next", steps)


def _right(measurement: Measurement, level: int) -> Estimate:
    return Estimate.of(measurement.models[0].summary[ALL].levels[level].top1)


def _accepted_sentence(measurement: Measurement, target: float) -> str:
    accepted = measurement.outcomes.summary[ALL].decisions[ACCEPT]
    if not accepted.n:
        return "No product is sure enough to be accepted unseen."
    right = Estimate.of(accepted.precision)
    if accepted.precision.high < target:
        verdict = "these products were accepted too easily"
    elif accepted.precision.value < target:
        verdict = "these are fewer, but by no more than chance explains"
    else:
        verdict = "that is kept"
    return (
        f"{plural(accepted.n, 'product')} ({percent(accepted.share.value)}) can be accepted unseen: {right.text} % of "
        f"them are right ({right.interval}). {100 * target:g} % were asked for: {verdict}."
    )


def _parent_sentences(measurement: Measurement) -> list[str]:
    figures = measurement.outcomes.summary[ALL].decisions
    parents = [
        f"the {measurement.level_names[level]} of {plural(parent.n, 'product')} ({percent(parent.share.value)}), "
        f"right for {percent(parent.precision.value)}"
        for level in measurement.parent_levels
        if (parent := figures[parent_at(level, measurement.level_names)]).n
    ]
    return [f"Only a higher category is sure enough of others: {'; '.join(parents)}."] if parents else []


def _review_sentence(measurement: Measurement) -> str:
    is_open = measurement.outcomes.is_open
    if not is_open.any():
        return "No product must be looked at."
    n, first = int(is_open.sum()), measurement.outcomes.leaf_right[is_open].mean()
    return (
        f"{plural(n, 'product')} ({percent(is_open.mean())}) must be looked at. The first suggestion is right for "
        f"{percent(first)} of these, and one of the first five for {percent(measurement.risk_hit[is_open].mean())}."
    )


def _decisions_plot(outcomes: DecisionOutcomes) -> Plot:
    groups = {count_name(ALL): np.ones(len(outcomes), bool)}
    groups |= {count_name(count): outcomes.n_images == int(count) for count in ("0", *COUNTS)}
    groups = {name: inside for name, inside in groups.items() if inside.any()}
    is_leaf, is_parent, right = outcomes.is_accepted, outcomes.is_parent, outcomes.right
    parents = {
        "higher category, right": (is_parent & right, SERIES[2]),
        "higher category, wrong": (is_parent & ~right, SERIES[4]),
    }
    pieces = {
        "accepted, right": (is_leaf & right, GREEN),
        "accepted, wrong": (is_leaf & ~right, RED),
        **(parents if outcomes.depth > 1 else {}),
        "must be looked at": (outcomes.is_open, SERIES[3]),
    }
    with drawing(5.4, 0.36 * len(groups) + 1.2) as figure:
        axis = figure.subplots()
        left = np.zeros(len(groups))
        for name, (flags, colour) in pieces.items():
            shares = np.array([100 * flags[inside].mean() for inside in groups.values()])
            axis.barh(list(groups), shares, left=left, color=colour, label=name, height=0.7)
            left += shares
        axis.invert_yaxis()
        axis.set(xlim=(0, 100), xlabel="% of the products")
        figure.legend(loc="outside lower center", ncols=2)
        return Plot("By number of photos", "What is done with the products, and whether it is right.", svg(figure))


def _cat1_table(measurement: Measurement, tree: Taxonomy) -> Table:
    outcomes, cat1 = measurement.outcomes, tree.ancestor(1)[measurement.fused.truth]
    by_node = {int(node): outcomes.select(cat1 == node) for node in np.unique(cat1)}
    most_open_first = sorted(by_node, key=lambda node: (-int(by_node[node].is_open.sum()), node))
    rows = []
    for node in most_open_first:
        inside = by_node[node]
        accepted, is_open = inside.is_accepted, inside.is_open
        # exact intervals: a category may hold a handful of products, and draws from these are all alike
        rows.append([
            tree.shown_path(1, node)[0], len(inside), Estimate.share(inside.leaf_right), Estimate(accepted.mean()),
            Estimate.share(inside.right[accepted]), int(is_open.sum()), Estimate(is_open.mean()),
        ])  # fmt: skip
    columns = [
        "", "products", "right category, %", "accepted unseen, %", "right of these, %", "must be looked at",
        "of all, %",
    ]  # fmt: skip
    note = "Where most must be looked at first."
    return Table(f"By {tree.level_names[1]}", columns, rows, note)


def _precision_steps(outcomes: DecisionOutcomes, target: float) -> list[str]:
    accepted = outcomes.summary[ALL].decisions[ACCEPT]
    if accepted.n and accepted.precision.high < target:
        stricter = 1 - (1 - target) / 2
        return [
            f"Of what is accepted here fewer are right than the {100 * target:g} % that were asked for: these products "
            f"differ from those that were learnt from. Ask for more (`fusion predict FILE --precision {stricter:g}`) "
            "until products like these have been labelled and learnt from."
        ]
    looser = 1 - 2 * (1 - target)
    if looser < 0.5:
        return []
    return [
        f"Where {100 * looser:g} % right are enough, `fusion predict FILE --precision {looser:g}` accepts more unseen."
    ]


def _rare_steps(measurement: Measurement) -> list[str]:
    model = measurement.models[0]
    if model.training_counts is None:
        return []
    rare = model.training_counts[model.scores.truth] < FEW
    return _compared(
        model.scores.correct[:, -1],
        rare,
        f"Products of categories with fewer than {FEW} labelled products to learn from are right for {{}} %, the "
        "others for {} %: labelled products of such categories help most.",
    )


def _photo_steps(measurement: Measurement) -> list[str]:
    fused = measurement.fused
    some = fused.n_images > 0
    return _compared(
        fused.correct[some, -1],
        fused.n_images[some] == 1,
        "Products with one photo are right for {} %, those with more for {} %: a second photo helps.",
    )


def _compared(correct: Flags, worse: Flags, sentence: str) -> list[str]:
    """The sentence with both shares, where those that should be worse are shown to be; `(N,)` flags each."""
    if min(worse.sum(), (~worse).sum()) < ENOUGH:
        return []
    low, high = Estimate.share(correct[worse]), Estimate.share(correct[~worse])
    assert low.high is not None
    assert high.low is not None
    return [sentence.format(low.text, high.text)] if low.high < high.low else []
