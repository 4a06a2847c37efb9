"""`fit.html`: what came of a fit, for who manages the catalogue."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catalog.files.progress_lines import duration_text
from catalog.files.wording import percent, plural
from catalog.reports.estimate import UNDEFINED, Estimate
from catalog.reports.evaluation import count_name
from catalog.reports.page import Card, Page, Plot, Section, Table, TableCell
from catalog.reports.plots import GREEN, SERIES, drawing, svg
from catalog.reports.write import write_page
from catalog.runs.workspace import RECIPE
from catalog.sources.address import shown
from rayonnage.fitting.telling.advice import Advice, advice_of
from rayonnage.fitting.telling.last_words import judged_on, next_commands, took, unseen_sentence
from rayonnage.fitting.telling.outcome import ASKED, FitOutcome, StageTime
from rayonnage.fitting.telling.weak_section import weak_section


def write_fit_page(outcome: FitOutcome, path: Path) -> Path:
    """Write the page to `path`, and its figures to the `.json` of that name beside it; returns `path`."""
    page = page_of(outcome)
    return write_page(path, page, page.to_json())


def page_of(outcome: FitOutcome) -> Page:
    """The page: how good it is, what can be given unseen, what is weak, what would help, what was done."""
    advice = advice_of(outcome)
    sections = [
        _short_section(outcome),
        _right_section(outcome),
        _unseen_section(outcome),
        _help_section(advice),
        weak_section(outcome),
        _sources_section(outcome),
        _done_section(outcome),
        _next_section(outcome),
    ]
    survey = outcome.survey
    facts = {
        "catalogue": shown(outcome.recipe.fit.catalog),
        "recipe": str(outcome.workspace.folder / RECIPE),
        "run": outcome.run.folder.name,
        "code": outcome.run.revision,
        **({} if survey is None else {"products": f"{survey.n_products:,}, {survey.n_labelled:,} with a category"}),
    }
    few = [judged_on(outcome)] if outcome.is_small else []
    name = outcome.catalog.name
    return Page("What came of the fit", f"{name}: {took(outcome)}", _cards(outcome), sections, facts, few)


def _cards(outcome: FitOutcome) -> list[Card]:
    right, best = Estimate.of(outcome.right(outcome.tree.depth), 0 if outcome.is_small else 1), outcome.unseen[0]
    n, proved = len(outcome.scores), len(outcome.proof.scores)
    return [
        Card("Right category", f"{right.text} %", f"of {plural(n, 'held-out product')} ({right.interval})"),
        Card(
            f"Given their category unseen, {100 * best.target:g} % of them right", percent(best.at_leaf),
            f"of {plural(proved, 'independent product')}",
        ),
        Card("Must be looked at then", percent(best.looked_at), f"of {plural(proved, 'independent product')}"),
        Card("Took", duration_text(outcome.seconds), f"{plural(outcome.n_labelled, 'product')} were learnt from"),
    ]  # fmt: skip


def _short_section(outcome: FitOutcome) -> Section:
    sentences = [judged_on(outcome), *(_as_sentence(unseen_sentence(one, outcome)) for one in outcome.unseen)]
    return Section("short", "In short", sentences)


def _as_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _right_section(outcome: FitOutcome) -> Section:
    """How many are right at which level, by number of photos."""
    levels, names = list(reversed(outcome.tree.levels)), outcome.tree.level_names
    groups = {"all": np.ones(len(outcome.scores), bool)}
    groups |= {str(count): outcome.scores.n_images == count for count in outcome.image_counts}
    shares = {
        group: {names[level]: Estimate.of(outcome.right(level, rows)) for level in levels}
        for group, rows in groups.items()
    }
    rows = [[count_name(group), int(groups[group].sum()), *by_level.values()] for group, by_level in shares.items()]
    note = (
        f"In percent. {names[levels[0]]} is the category itself. Below each figure: where the truth lies with 95 % "
        "certainty; products that share a photo or an article count as one for that, because they are right or wrong "
        "together."
    )
    table = Table("", ["", "products", *(f"right {names[level]}" for level in levels)], rows, note, leads=True)
    figures = {group: {"products": int(groups[group].sum()), **by_level} for group, by_level in shares.items()}
    return Section("right", "How many are right", parts=[table], figures=figures)


def _unseen_section(outcome: FitOutcome) -> Section:
    """What can be given unseen, by how many of those given must be right."""
    shares = outcome.proof.shares
    n = len(outcome.proof.scores)
    sentences = [
        f"Learnt on {plural(n, 'independent held-out product')}: the more must be right of what nobody looks at, the "
        "less is given. `rayonnage predict` takes the share as `--precision`.",
        f"When {100 * outcome.proof.target:g} % must be right:",
        *map(str, outcome.proof.levels),
    ]
    figures = {
        f"{target:g}": {"category": float(of[-1]), "higher": float(of[1:-1].sum()), "looked_at": float(of[0])}
        for target, of in shares.items()
    }
    return Section("unseen", "What can be given unseen", sentences, [_unseen_plot(outcome)], figures)


def _unseen_plot(outcome: FitOutcome) -> Plot:
    shares = {f"{100 * target:g} %": of for target, of in outcome.proof.shares.items() if target >= 0.7}
    pieces = {
        "the category itself": ([of[-1] for of in shares.values()], GREEN),
        "a higher category alone": ([of[1:-1].sum() for of in shares.values()], SERIES[2]),
        "must be looked at": ([of[0] for of in shares.values()], SERIES[3]),
    }
    if outcome.tree.depth == 1:
        del pieces["a higher category alone"]
    with drawing(5.4, 0.32 * len(shares) + 1.2) as figure:
        axis, left = figure.subplots(), np.zeros(len(shares))
        for name, (widths, colour) in pieces.items():
            widths_percent = 100 * np.array(widths)
            axis.barh(list(shares), widths_percent, left=left, color=colour, label=name, height=0.7)
            left += widths_percent
        axis.invert_yaxis()
        axis.set(xlim=(0, 100), xlabel="% of the products", ylabel="right, of what is given")
        figure.legend(loc="outside lower center", ncols=2)
        caption = f"Of {plural(len(outcome.proof.scores), 'independent held-out product')}."
        return Plot("By how many of those given must be right", caption, svg(figure))


def _help_section(advice: Sequence[Advice]) -> Section:
    sentences = [f"{one.what}{f' ({one.gain})' if one.gain else ''}: {one.how}" for one in advice]
    figures = {"advice": [{"what": one.what, "how": one.how, "points": one.points} for one in advice]}
    return Section("help", "What would help most", sentences, figures=figures)


def _sources_section(outcome: FitOutcome) -> Section:
    """Each source of evidence by itself, beside what they say together."""
    n = len(outcome.scores)
    rows = [["all together", n, "100 %", Estimate.of(outcome.right(outcome.tree.depth))]]
    rows += [
        [TableCell(source.name, source.what), source.n, percent(source.share, 0), Estimate.of(source.right)]
        for source in outcome.sources
    ]
    columns = ["", "products", "speaks on", f"right {outcome.tree.level_names[outcome.tree.depth]}, %"]
    note = "Each is measured on the held-out products on which it speaks: their figures are of different products."
    figures = {
        source.name: {"products": source.n, "right": source.right.value, "what": source.what}
        for source in outcome.sources
    }
    return Section("sources", "What each source says by itself", parts=[Table("", columns, rows, note, leads=True)],
                   figures=figures)  # fmt: skip


def _done_section(outcome: FitOutcome) -> Section:
    """Stages with their time, and what was decided, and why."""
    stages = [
        [
            each.stage.title, duration_text(each.stage.seconds),
            _taken(each),
            shlex.join(["rayonnage", *each.stage.command]),
        ]
        for each in outcome.times
    ]  # fmt: skip
    choices = outcome.recipe.fit.choices
    decided = [
        [
            name,
            choice.chosen,
            choice.why,
            duration_text(choice.seconds) if choice.seconds else UNDEFINED,
            choice.instead,
        ]
        for name, choice in choices.items()
    ]
    parts = [
        Table("Stages", ["", "expected", "took", "the command that does the same"], stages),
        Table("What was decided", ["", "decided", "why", "costs", "left out"], decided, folded=True),
    ]
    figures = {
        "seconds": outcome.seconds,
        "stages": {each.stage.key: {"expected": each.stage.seconds, "took": each.seconds} for each in outcome.times},
    }
    sentences = [
        took(outcome),
        f"The decisions stand in `{outcome.workspace.folder / RECIPE}`; changed there, they are obeyed by "
        "`rayonnage fit` with `--recipe`.",
    ]
    return Section("done", "What was done", sentences, [part for part in parts if part.rows], figures)


def _taken(each: StageTime) -> str:
    if each.seconds is None:
        return "left out, nothing to do there" if each.refused else "left out, no time"
    return duration_text(each.seconds)


def _next_section(outcome: FitOutcome) -> Section:
    steps = [f"`{command}`: {what}." for what, command in next_commands(outcome).items()]
    less = f"With `--precision {ASKED[1]:g}` more is given unseen by `rayonnage predict`, and less of it is right."
    return Section("next", "What comes next", [*steps, less])
