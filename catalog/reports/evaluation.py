"""The evaluation of models on labelled products, as a page and its numbers: what every branch's report has."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from catalog.files.wording import plural
from catalog.metrics.calibration import reliability
from catalog.metrics.confusions import Confusion, find_confusions
from catalog.metrics.evaluated_model import COUNTS, EvaluatedModel
from catalog.metrics.intervals import accuracy_interval
from catalog.metrics.summary import ALL, Summary, summaries_json
from catalog.reports.estimate import UNDEFINED, Estimate
from catalog.reports.evaluation_plots import risk_curve, standard_plots
from catalog.reports.page import Card, Example, Gallery, Page, Part, Section, Table, TableCell
from catalog.reports.write import write_page
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.small_leaves import small_lines
from catalog.tree.taxonomy import Taxonomy, path_text

N_CONFUSIONS = 12
KINDS = {"head": "Heads: all experts together", "expert": "Experts, where they speak"}


@dataclass(frozen=True)
class Evaluation:
    """Models on labelled products; the first is the one that the page puts forward.

    Attributes:
        summary: the main figures in sentences.
        sections: what this evaluation has beside the figures and plots of every one.
        examples: products under a title; confused: those of a confusion.
        facts: how it was made.
    """

    title: str
    subtitle: str
    models: Sequence[EvaluatedModel]
    tree: Taxonomy
    summary: Sequence[str] = ()
    sections: Sequence[Section] = ()
    examples: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    confused: Mapping[Confusion, Sequence[Example]] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def confusions(self) -> list[Confusion]:
        """The most frequent ones of the first model."""
        return find_confusions(self.models[0].scores)[:N_CONFUSIONS]

    def to_json(self) -> dict[str, Any]:
        """Everything that the page says; photos and drawings aside."""
        tables = [part for section in self.sections for part in section.parts if isinstance(part, Table)]
        return {
            "title": self.title,
            "summary": [*self.summary, *small_lines(self.tree.small)],
            "facts": self.facts,
            "systems": {model.name: _numbers(model) for model in self.models},
            "tables": {table.title: table.to_json() for table in tables},
            "confusions": [
                {
                    "truth": path_text(self.tree.shown[c.truth]),
                    "predicted": path_text(self.tree.shown[c.predicted]),
                    "products": c.n,
                    "of": c.of,
                    "examples": [example.lines for example in self.confused.get(c, [])],
                }
                for c in self.confusions
            ],
            "examples": {title: [example.lines for example in shown] for title, shown in self.examples.items()},
        }

    def page(self) -> Page:
        """Cards, the figures of every evaluation, those of this one, confusions and examples."""
        summary = Section("summary", "In short", [*self.summary, *small_lines(self.tree.small)])
        examples = Section("examples", "Examples", parts=self.galleries())
        sections = [
            summary,
            *figure_sections(self.models, self.tree.level_names),
            *self.sections,
            self.confusion_section(),
            examples,
        ]
        return Page(self.title, self.subtitle, _cards(self.models[0], self.tree.level_names), sections, self.facts)

    def galleries(self) -> list[Gallery]:
        """The examples, a gallery of each kind that there is."""
        return [Gallery(title, examples) for title, examples in self.examples.items() if examples]

    def confusion_section(self) -> Section:
        """Which leaves are taken for which: with photos where there are examples, the others as a table."""
        path = [path_text(shown) for shown in self.tree.shown]
        parts: list[Part] = [
            Gallery(f"{c.n} of {c.of} products of {path[c.truth]} are put on {path[c.predicted]}", self.confused[c])
            for c in self.confusions
            if self.confused.get(c)
        ]
        rows = [(path[c.truth], path[c.predicted], c.n, c.of) for c in self.confusions if not self.confused.get(c)]
        if rows:
            parts.append(Table("", ("True category", "Put on", "products", "of"), rows))
        return Section("confusions", "Most frequent confusions", parts=parts)

    def write(self, folder: Path, name: str = "report", page: Page | None = None) -> Path:
        """Write `name.json` and `name.html` into `folder`, of another page than this one's where one is given.

        Raises:
            ValueError: the first model speaks on no product, so there is nothing to report.
        """
        if not len(self.models[0].scores):
            raise ValueError(f"{self.title}: {self.models[0].name} speaks on no labelled product, nothing to report")
        return write_page(folder / f"{name}.html", page or self.page(), self.to_json())


def figure_sections(models: Sequence[EvaluatedModel], level_names: Mapping[int, str] = LEVEL_NAMES) -> list[Section]:
    """What can be said of any models: accuracy, all figures by image count, calibration, rare and frequent leaves."""
    counts = [count for count in (ALL, *COUNTS, "0") if any(count in model.summary for model in models)]
    speaking = [model for model in models if ALL in model.summary]
    sections = [
        Section(
            "accuracy",
            "Accuracy",
            parts=[_accuracy_table(models, [*counts[1:], ALL]), *standard_plots(models, level_names)],
        ),
        Section(
            "figures",
            "All figures",
            [figures_note(len(models[0].scores.levels), level_names)],
            [_figures_table(models, count, level_names) for count in counts],
        ),
        Section("calibration", "Calibration", [CALIBRATION_NOTE], [_calibration_table(speaking, level_names)]),
    ]
    if models[0].summary[ALL].bands:
        sections.append(Section("bands", "Rare and frequent leaves", [BANDS_NOTE], [_bands_table(speaking)]))
    return sections


def cat1_table(models: Sequence[EvaluatedModel], tree: Taxonomy) -> Table:
    """Leaf accuracy of every model by Cat I, on the products where it speaks."""
    rows: list[list[object]] = []
    cat1 = tree.ancestor(1)[models[0].scores.truth]
    for node in np.unique(cat1):
        cells: list[object] = [tree.shown_path(1, int(node))[0], int((cat1 == node).sum())]
        for model in models:
            correct = model.scores.correct[tree.ancestor(1)[model.scores.truth] == node, -1]
            cells.append(Estimate(float(correct.mean()), *accuracy_interval(correct)) if len(correct) else UNDEFINED)
        rows.append(cells)
    columns = [tree.level_names[1], "products", *[model.name for model in models]]
    return Table(
        f"By {tree.level_names[1]}",
        columns,
        rows,
        "Leaf accuracy in percent, on the products on which each expert speaks.",
    )


def count_name(count: str) -> str:
    """An image count, `all` or `0`..`4`, as people read it."""
    names = {ALL: "All products", "0": "No usable photo", "1": "1 photo"}
    return names.get(count, f"{count} photos")


def figures_note(depth: int, level_names: Mapping[int, str] = LEVEL_NAMES) -> str:
    """What the figures are, for a tree of so many levels."""
    # from the leaf up: 1 another leaf of its Cat II, 2 of its Cat I, 3 of another Cat I
    of_its = (f" of its {level_names[level]}" for level in reversed(range(1, depth)))
    nodes = [*of_its, f" of another {level_names[1]}"]
    distances = ["1 another leaf" + (nodes[0] if depth > 1 else "")]
    distances += [f"{distance}{node}" for distance, node in enumerate(nodes[1:], start=2)]
    of_depth = f" / {depth}" if depth > 1 else ""
    return (
        f"HD@1 is the mean tree distance of the likeliest leaf to the true one (0 the same, {', '.join(distances)}); "
        f"hierarchical precision, recall and F of full paths are all 1 − HD@1{of_depth}. HD@5: the same, mean of the "
        "five likeliest leaves. Macro: mean accuracy over leaves. ECE: calibration error in 15 bins of equal mass, "
        "beneath it what chance alone would show on so many products."
    )


CALIBRATION_NOTE = (
    "Expected calibration error in 15 bins of equal width and of equal mass with its interval, and the floor: what a "
    "perfectly calibrated model with the same confidences shows on so many products by chance. Intervals take off what "
    "chance adds, so that they may lie below the figure."
)
BANDS_NOTE = (
    "Mean accuracy over leaves, in percent, by how many labelled products a leaf has in training. An expert that "
    "speaks on part of the products has fewer leaves."
)


def _numbers(model: EvaluatedModel) -> dict[str, Any]:
    bins = reliability(model.scores.confidence[:, -1], model.scores.correct[:, -1])
    return {
        "what": model.what,
        "kind": model.kind,
        "coverage": model.coverage,
        "by_image_count": summaries_json(model.summary),
        "reliability": [asdict(b) for b in bins],
        "risk_coverage": risk_curve(model).round(6).tolist(),
    }


def accuracy_cards(summary: Summary, level_names: Mapping[int, str] = LEVEL_NAMES) -> list[Card]:
    """Accuracy at each level."""
    top1 = {level_names[level]: Estimate.of(figures.top1) for level, figures in summary.levels.items()}
    return [Card(f"{name} accuracy", f"{accuracy.text} %", accuracy.interval) for name, accuracy in top1.items()]


def _cards(model: EvaluatedModel, level_names: Mapping[int, str]) -> list[Card]:
    figures, leaf = model.summary[ALL], model.summary[ALL].leaf
    return [
        *accuracy_cards(figures, level_names),
        Card("Calibration error (leaf)", f"{leaf.ece_mass.value:.3f}", f"chance alone: {leaf.ece_mass_floor:.3f}"),
        Card("Products", f"{figures.n:,}", model.name),
    ]


def _groups(models: Sequence[EvaluatedModel]) -> dict[int, str]:
    """Headings of the rows of a table of models, where it has several kinds of them."""
    kinds = [model.kind for model in models]
    return {kinds.index(kind): KINDS[kind] for kind in kinds} if len(set(kinds)) > 1 else {}


def _accuracy_table(models: Sequence[EvaluatedModel], counts: Sequence[str]) -> Table:
    rows = [
        [
            TableCell(model.name, model.what),
            TableCell(f"{100 * model.coverage:.0f} %", is_number=True),
            *(Estimate.of(model.summary[c].leaf.top1) if c in model.summary else Estimate(None) for c in counts),
        ]
        for model in models
    ]
    note = (
        "Percent of products whose likeliest leaf is the true one; beneath each figure here and below, its bootstrap "
        "95 % interval (of 0 and 100 % the exact one). Every expert is measured where it speaks."
    )
    columns = ["", "speaks on", *map(count_name, counts)]
    return Table("Leaf accuracy by image count", columns, rows, note, groups=_groups(models), leads=True)


def _figures_table(models: Sequence[EvaluatedModel], count: str, level_names: Mapping[int, str]) -> Table:
    shown = [model for model in models if count in model.summary]
    rows = []
    for model in shown:
        figures = model.summary[count]
        leaf = figures.leaf
        by_level = list(figures.levels.values())
        tops = [Estimate.of(top) for top in (*(level.top1 for level in by_level), *(level.top5 for level in by_level))]
        distances = [Estimate.of(distance, 2, 1) for distance in (figures.hd1, figures.hd5)]
        ece = TableCell(f"{leaf.ece_mass.value:.3f}", f"floor {leaf.ece_mass_floor:.3f}", is_number=True)
        at_leaf = [Estimate.of(figures.macro_top1), Estimate.of(leaf.nll, 2, 1), ece]
        rows.append([TableCell(model.name, model.what), figures.n, *tops, *distances, *at_leaf])
    title = count_name(count)
    if count != ALL and shown[0] is models[0]:
        right = Estimate.of(shown[0].summary[count].leaf.top1)
        title += f": {shown[0].summary[count].n:,} products, {shown[0].name} {right} %"
    levels = [level_names[level] for level in models[0].scores.levels]
    columns = ["", "products", *levels, *levels, "HD@1", "HD@5", "macro, %", "NLL", "ECE"]
    spans = [("", 2), ("Top-1, %", len(levels)), ("Top-5, %", len(levels)), ("Tree distance", 2), (levels[-1], 3)]
    return Table(title, columns, rows, folded=count != ALL, spans=spans, groups=_groups(shown), leads=True)


def _calibration_table(models: Sequence[EvaluatedModel], level_names: Mapping[int, str]) -> Table:
    rows: list[list[object]] = []
    levels = tuple(reversed(models[0].scores.levels))
    for model in models:
        row: list[object] = [model.name]
        for level in levels:
            figures = model.summary[ALL].levels[level]
            for error, floor in ((figures.ece_mass, figures.ece_mass_floor), (figures.ece, figures.ece_floor)):
                row += [Estimate.of(error, 3, 1), Estimate(floor, digits=3, scale=1)]
        rows.append(row)
    columns = ["", *("equal mass", "floor", "equal width", "floor") * len(levels)]
    spans = [("", 1), *((level_names[level], 4) for level in levels)]
    return Table("", columns, rows, spans=spans, groups=_groups(models), leads=True)


def _bands_table(models: Sequence[EvaluatedModel]) -> Table:
    bands = models[0].summary[ALL].bands
    rows = []
    for model in models:
        by_name = {band.band: Estimate.of(band.macro_top1) for band in model.summary[ALL].bands}
        rows.append([model.name, *(by_name.get(band.band, Estimate(None)) for band in bands)])
    columns = [f"{band.band}: {plural(band.leaves, 'leaf', 'leaves')}, {plural(band.n, 'product')}" for band in bands]
    return Table("", ["", *columns], rows, groups=_groups(models), leads=True)
