"""The page of an audit: what was found as sentences, tables and the first suspects with their photos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.files.atomic import write_text
from catalog.photos.thumbnails import strip
from catalog.reports.page import Estimate, Example, Table, data_uri, page_template, plain_number
from catalog.reports.plots import PLOT_STYLE, Plot, colours, svg
from catalog.tree.taxonomy import LEVEL_NAMES, LEVELS, Taxonomy, path_text
from curation.audit.evidence import AUDITED, LabelEvidence
from curation.audit.judgement import OURS, RANKINGS, Judgement
from curation.audit.listing import Suspect, parting_level
from curation.audit.suspects import FIRST, Suspects

N_SHOWN = 60
"""Suspects with photos on the page."""
N_ROWS = 20
N_KEPT = 1000
"""Rows of a table on the page, and in the JSON file."""
PHOTO_HEIGHT = 96


@dataclass
class Page:
    """An audit for people."""

    title: str
    subtitle: str
    cards: list[tuple[str, str, str]]
    summary: list[str]
    warnings: list[str]
    tables: list[Table]
    plots: list[Plot] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    facts: Mapping[str, object] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write one self-contained HTML file."""
        page = page_template("catalog.reports", "label_audit.html").render(
            page=self, is_estimate=lambda cell: isinstance(cell, Estimate), data_uri=data_uri
        )
        write_text(path, page)


def page_of(
    catalog: Catalog,
    tree: Taxonomy,
    evidence: LabelEvidence,
    suspects: Suspects,
    listed: Sequence[Suspect],
    judgement: Judgement | None,
) -> Page:
    """The page of an audit; the photos of the first suspects are read from the catalogue."""
    n, n_audited = len(suspects), len(evidence.scores)
    agrees = evidence.scores.correct[:, 2].mean()
    noise = suspects.noise
    cards = [
        ("Labels audited", f"{n_audited:,}", f"of {len(catalog):,} products"),
        ("Suspected", f"{n:,}", f"{n / n_audited:.1%} of the audited"),
        ("Across Cat I", f"{int((evidence.scores.distance[suspects.rows] == 3).sum()):,}", "the first to look at"),
    ]
    summary = [
        f"By {evidence.expert}; its likeliest leaf is the label for {agrees:.0%} of them.",
        "A label is suspected where another node of the tree is named at least as confidently as that node is, on "
        "average, for products labelled with it (confident learning, Northcutt et al., 2021), at any level. "
        + FIRST[suspects.by],
        f"Confident learning alone puts {noise.estimate / n_audited:.0%} of the labels down as wrong. What the "
        "expert confuses with confidence counts as well, so that this is rather too many.",
    ]
    plots, tables = [], [parts_table(evidence, suspects), categories_table(tree, suspects), pairs_table(tree, suspects)]
    if judgement is not None:
        cards += [
            ("Suspected labels that are wrong", f"{judgement.precision.text} %", judgement.precision.interval),
            ("Wrong labels suspected", f"{judgement.recall[0][1].text} %" if 0 in judgement.recall else "–",
             judgement.recall[0][1].interval if 0 in judgement.recall else "no label is wrong"),
        ]  # fmt: skip
        tables = [rankings_table(judgement), recall_table(judgement), *tables]
        plots = [curve_plot(judgement)] if judgement.n_wrong else []
    shown = listed[:N_SHOWN]
    products = catalog.take([one.position for one in shown])
    examples = [_example(one, product.images) for one, product in zip(shown, products, strict=True)]
    facts = {
        "catalogue": str(catalog),
        **{f"products: {what}": f"{count:,}" for what, count in evidence.counts.items()},
    }
    title = f"Likely wrong labels of {catalog.name}"
    return Page(title, f"{catalog}", cards, summary, evidence.warnings, tables, plots, examples, facts)


def _example(one: Suspect, photos: Sequence[bytes]) -> Example:
    lines = [
        f"{one.product_id}, parts at {one.part_at}",
        f"labelled {one.label} ({one.p_label:.0%})",
        f"suggested {one.suggestion} ({one.p_suggestion:.0%})",
        one.reason,
    ]
    return Example([strip(photos, PHOTO_HEIGHT)], lines)


def parts_table(evidence: LabelEvidence, suspects: Suspects) -> Table:
    """How many suspects part from their suggestion at which level, and what confident learning flags there."""
    distance = evidence.scores.distance[suspects.rows]
    rows: list[list[object]] = []
    for level in LEVELS:
        own = int((distance == parting_level(level)).sum())
        rows.append([LEVEL_NAMES[level], own, Estimate(own / max(len(suspects), 1), digits=0),
                     int(suspects.counted[level].flagged.sum())])  # fmt: skip
    note = (
        "The highest level at which label and suggestion differ: at Cat III they are siblings. Flagged: products that "
        "confident learning counts at that level by itself, on sums over the nodes."
    )
    return Table("Suspects by level", ["part at", "suspects", "share, %", "flagged at that level"], rows, note)


def categories_table(tree: Taxonomy, suspects: Suspects, at_most: int = N_ROWS) -> Table:
    """Categories with the most labels estimated to be wrong."""
    noise = suspects.noise
    expected = np.nan_to_num(noise.wrong * noise.labelled)
    order = np.argsort(-expected, kind="stable")[:at_most]
    rows: list[list[object]] = [
        [path_text(tree.shown[leaf]), int(noise.labelled[leaf]), Estimate(float(noise.wrong[leaf]), digits=0)]
        for leaf in order.tolist()
        if expected[leaf] > 0
    ]
    note = (
        "Share of a category's labels that the confident joint puts elsewhere: wrong labels, and categories that the "
        "network cannot tell apart."
    )
    return Table("Categories with most doubt", ["category", "labels audited", "in doubt, %"], rows, note, folded=True)


def pairs_table(tree: Taxonomy, suspects: Suspects, at_most: int = N_ROWS) -> Table:
    """Pairs of label and likely true leaf, the most frequent first."""
    noise = suspects.noise
    distance = tree.distance(noise.pairs[:, 0], noise.pairs[:, 1])
    rows: list[list[object]] = [
        [path_text(tree.shown[label]), path_text(tree.shown[likely]), LEVEL_NAMES[parting_level(int(d))], int(count)]
        for (label, likely), count, d in zip(noise.pairs[:at_most].tolist(), noise.n, distance, strict=False)
    ]
    columns = ["labelled", "likely", "part at", "products"]
    return Table("Pairs most in doubt", columns, rows, "Leaves only, by the confident joint.", folded=True)


def rankings_table(found: Judgement) -> Table:
    """What a person finds who looks at the first products of each order."""
    looks = list(found.rankings[OURS].found)
    rows: list[list[object]] = [
        [
            name,
            ranked.average_precision,
            ranked.across,
            ranked.distance,
            *(ranked.found[k] for k in looks),
        ]
        for name, ranked in found.rankings.items()
    ]
    columns = [
        "order",
        "average precision, %",
        "of mistakes across Cat I, %",
        "distance repaired, %",
        *(f"wrong in first {k:,}, %" for k in looks),
    ]
    orders = "; ".join(f"{name}: {what}" for name, what in RANKINGS.items())
    note = (
        f"On the {found.n:,} products whose truth is known, {found.n_wrong:,} of them labelled wrong. "
        f"Orders: {orders}. "
        "Distance repaired: share of the tree distance that the best order would repair in as many looks as there are "
        "wrong labels. Intervals: bootstrap over products for the average precision, exact for shares."
    )
    return Table("Against the truth: which order finds wrong labels", columns, rows, note)


def recall_table(found: Judgement) -> Table:
    """How many of the wrong labels are suspected, and how many suspects are wrong, by level."""
    rows: list[list[object]] = [["at any level", *_pair(found.recall.get(0)), found.n_suspects, found.precision]]
    for level in LEVELS:
        distance = parting_level(level)
        rows.append([LEVEL_NAMES[level], *_pair(found.recall.get(distance)), *_pair(found.by_part.get(distance))])
    columns = ["level", "wrong labels", "suspected, %", "suspects", "wrong, %"]
    note = (
        "Wrong labels by the level at which label and truth part, suspects by that at which label and suggestion part. "
        f"Of the suspected labels that are wrong, the suggestion is the truth for {found.repaired} %."
    )
    return Table("Against the truth: recall and precision", columns, rows, note)


def _pair(cell: tuple[int, Estimate] | None) -> tuple[object, object]:
    return (0, Estimate(None)) if cell is None else cell


def curve_plot(found: Judgement) -> Plot:
    """Precision against recall along each order."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(PLOT_STYLE):
        figure = Figure(figsize=(6.2, 3.4), layout="constrained")
        axis = figure.subplots()
        for (name, ranked), colour in zip(found.rankings.items(), colours(len(found.rankings)), strict=True):
            if len(ranked.curve):
                axis.plot(ranked.curve[:, 0], ranked.curve[:, 1], color=colour, label=name)
            else:
                axis.axhline(found.n_wrong / found.n, color="#999999", linewidth=1, label=name)
        recall, precision = found.recall[0][1].value or 0.0, found.precision.value or 0.0
        axis.plot([recall], [precision], "o", color=colours(1)[0], label="its suspects")
        axis.set(xlabel="wrong labels found", ylabel="share that is wrong", xlim=(0, 1), ylim=(0, 1.02))
        axis.grid(alpha=0.25)
        axis.legend(frameon=False, fontsize=8)
        drawn = svg(figure)
    caption = "The dot is where the suspects end; what follows are products that the audit does not suspect."
    return Plot("Precision and recall", caption, drawn)


def write_json(
    path: Path, catalog: Catalog, tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects, page: Page
) -> None:
    """Write everything that the page says as numbers, with longer tables."""
    tables = [*page.tables[:-2], categories_table(tree, suspects, N_KEPT), pairs_table(tree, suspects, N_KEPT)]
    numbers = {
        "catalogue": str(catalog),
        "fingerprint": catalog.fingerprint,
        "expert": evidence.expert,
        "products": evidence.counts,
        "audited": evidence.counts[AUDITED],
        "suspects": len(suspects),
        "estimated_wrong": suspects.noise.estimate,
        "warnings": evidence.warnings,
        "tables": {t.title: [list(t.columns), *[list(row) for row in t.rows]] for t in tables},
    }
    write_text(path, json.dumps(numbers, indent=2, default=plain_number, allow_nan=False) + "\n")
