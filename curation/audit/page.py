"""The page of an audit: what was found as sentences, tables and the first suspects with their photos."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from catalog.catalog import Catalog
from catalog.photos.thumbnails import strip
from catalog.reports.estimate import Estimate
from catalog.reports.page import Card, Example, Gallery, Page, Part, Plot, Section, Table
from catalog.reports.plots import FAINT, GREEN, colours, drawing, svg
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.audit.evidence import AUDITED, LabelEvidence
from curation.audit.judgement import OURS, RANKINGS, Judgement
from curation.audit.listing import Suspect, parting_level
from curation.audit.suspects import Suspects, first_come
from curation.shown_titles import title_line

N_SHOWN = 60
"""Suspects with photos on the page."""
N_ROWS = 20
N_KEPT = 1000
"""Rows of a table on the page, and in the JSON file."""
PHOTO_HEIGHT = 96
ORDER_NOTE = "In the order of suspects.csv. There a category, `suggested` or `ok` goes into corrected_category_id."


def page_of(
    catalog: Catalog, tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects, listed: Sequence[Suspect],
    judgement: Judgement | None,
) -> Page:  # fmt: skip
    """The page of an audit; the photos of the first suspects are read from the catalogue."""
    tables = [parts_table(tree, evidence, suspects), categories_table(tree, suspects), pairs_table(tree, suspects)]
    sections = [
        Section("summary", "In short", _summary(tree, evidence, suspects)),
        Section("tables", "Doubts", parts=tables),
    ]
    if judgement is not None:
        curve = [curve_plot(judgement)] if judgement.n_wrong else []
        parts: list[Part] = [rankings_table(tree, judgement), recall_table(tree, judgement), *curve]
        sections.insert(1, Section("truth", "What the suspects are worth", parts=parts))
    if listed:
        shown = listed[:N_SHOWN]
        products = catalog.take([suspect.position for suspect in shown])
        examples = [_example(one, product.images) for one, product in zip(shown, products, strict=True)]
        gallery = Gallery("", examples)
        sections.append(Section("suspects", f"The first {len(shown)} suspects", [ORDER_NOTE], [gallery]))
    facts = {"catalogue": str(catalog)} | {f"products: {what}": f"{n:,}" for what, n in evidence.counts.items()}
    cards = _cards(len(catalog), tree, evidence, suspects, judgement)
    return Page(f"Likely wrong labels of {catalog.name}", str(catalog), cards, sections, facts, evidence.warnings)


def numbers_of(
    catalog: Catalog, tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects, judgement: Judgement | None
) -> dict[str, Any]:
    """Everything that the page says as numbers, with longer tables."""
    tables = [] if judgement is None else [rankings_table(tree, judgement), recall_table(tree, judgement)]
    tables += [
        parts_table(tree, evidence, suspects), categories_table(tree, suspects, N_KEPT),
        pairs_table(tree, suspects, N_KEPT),
    ]  # fmt: skip
    return {
        "catalogue": str(catalog),
        "fingerprint": catalog.fingerprint,
        "expert": evidence.expert,
        "products": evidence.counts,
        "audited": evidence.counts[AUDITED],
        "suspects": len(suspects),
        "estimated_wrong": suspects.noise.estimate,
        "warnings": evidence.warnings,
        "tables": {table.title: table.to_json() for table in tables},
    }


def _cards(
    n_products: int, tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects, judgement: Judgement | None
) -> list[Card]:
    n, n_audited = len(suspects), len(evidence.scores)
    cards = [
        Card("Labels audited", f"{n_audited:,}", f"of {n_products:,} products"),
        Card("Suspected", f"{n:,}", f"{n / n_audited:.1%} of the audited"),
    ]
    if tree.depth > 1:
        n_across = int((evidence.scores.distance[suspects.rows] == tree.depth).sum())
        cards.append(Card(f"Across {tree.level_names[1]}", f"{n_across:,}", "the first to look at"))
    if judgement is None:
        return cards
    precision = judgement.precision
    cards.append(Card("Suspected labels that are wrong", f"{precision.text} %", precision.interval))
    if 0 not in judgement.recall:
        return [*cards, Card("Wrong labels suspected", "–", "no label is wrong")]
    recall = judgement.recall[0][1]
    return [*cards, Card("Wrong labels suspected", f"{recall.text} %", recall.interval)]


def _summary(tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects) -> list[str]:
    n_audited = len(evidence.scores)
    return [
        f"By {evidence.expert}; its likeliest leaf is the label for {evidence.scores.correct[:, -1].mean():.0%} of "
        "them.",
        "A label is suspected where another node of the tree is named at least as confidently as that node is, on "
        "average, for products labelled with it (confident learning, Northcutt et al., 2021), at any level. "
        + first_come(suspects.by, tree),
        f"Confident learning alone puts {suspects.noise.estimate / n_audited:.0%} of the labels down as wrong. What "
        "the expert confuses with confidence counts as well, so that this is rather too many.",
    ]


def _example(suspect: Suspect, photos: Sequence[bytes]) -> Example:
    lines = [
        f"{suspect.product_id}, parts at {suspect.part_at}",
        *title_line(suspect.title),
        f"labelled {suspect.label} ({suspect.p_label:.0%})",
        f"suggested {suspect.suggestion} ({suspect.p_suggestion:.0%})",
        suspect.reason,
    ]
    return Example([strip(photos, PHOTO_HEIGHT)], lines)


def parts_table(tree: Taxonomy, evidence: LabelEvidence, suspects: Suspects) -> Table:
    """How many suspects part from their suggestion at which level, and what confident learning flags there."""
    distance = evidence.scores.distance[suspects.rows]
    rows: list[list[object]] = []
    for level in tree.levels:
        n = int((distance == parting_level(tree, level)).sum())
        share = Estimate(n / max(len(suspects), 1), digits=0)
        rows.append([tree.level_names[level], n, share, int(suspects.counted[level].flagged.sum())])
    siblings = f": at {tree.level_names[tree.depth]} they are siblings" if tree.depth > 1 else ""
    note = (
        f"The highest level at which label and suggestion differ{siblings}. Flagged: products that "
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
        [
            path_text(tree.shown[label]),
            path_text(tree.shown[likely]),
            tree.level_names[parting_level(tree, int(d))],
            int(count),
        ]
        for (label, likely), count, d in zip(noise.pairs[:at_most].tolist(), noise.n, distance, strict=False)
    ]
    columns = ["labelled", "likely", "part at", "products"]
    return Table("Pairs most in doubt", columns, rows, "Leaves only, by the confident joint.", folded=True)


def rankings_table(tree: Taxonomy, judgement: Judgement) -> Table:
    """What a person finds who looks at the first products of each order."""
    looks = list(judgement.rankings[OURS].precision_at)
    # in a tree of one level every mistake is one across that level
    across = {f"of mistakes across {tree.level_names[1]}": "across"} if tree.depth > 1 else {}
    measures = {"average precision": "average_precision", **across, "distance repaired": "distance"}
    rows: list[list[object]] = [
        [name, *(getattr(ranked, measure) for measure in measures.values()), *(ranked.precision_at[k] for k in looks)]
        for name, ranked in judgement.rankings.items()
    ]
    columns = ["order", *(f"{measure}, %" for measure in (*measures, *(f"wrong in first {k:,}" for k in looks)))]
    orders = "; ".join(f"{name}: {what}" for name, what in RANKINGS.items())
    note = (
        f"On the {judgement.n:,} products whose truth is known, {judgement.n_wrong:,} of them labelled wrong. "
        f"Orders: {orders}. "
        "Distance repaired: share of the tree distance that the best order would repair in as many looks as there are "
        "wrong labels. Intervals: bootstrap over products for the average precision, exact for shares."
    )
    return Table("Against the truth: which order finds wrong labels", columns, rows, note)


def recall_table(tree: Taxonomy, judgement: Judgement) -> Table:
    """How many of the wrong labels are suspected, and how many suspects are wrong, by level."""
    everywhere = (*_pair(judgement.recall.get(0)), judgement.n_suspects, judgement.precision)
    rows: list[list[object]] = [["at any level", *everywhere]]
    for level in tree.levels:
        counts = (by_distance.get(parting_level(tree, level)) for by_distance in (judgement.recall, judgement.by_part))
        rows.append([tree.level_names[level], *(cell for count in counts for cell in _pair(count))])
    columns = ["level", "wrong labels", "suspected, %", "suspects", "wrong, %"]
    note = (
        "Wrong labels by the level at which label and truth part, suspects by that at which label and suggestion part. "
        f"Of the suspected labels that are wrong, the suggestion is the truth for {judgement.repaired} %."
    )
    return Table("Against the truth: recall and precision", columns, rows, note)


def _pair(cell: tuple[int, Estimate] | None) -> tuple[object, object]:
    return (0, Estimate(None)) if cell is None else cell


def curve_plot(judgement: Judgement) -> Plot:
    """Precision against recall along each order."""
    with drawing(5.8, 3.4) as figure:
        axis = figure.subplots()
        for (name, ranked), colour in zip(judgement.rankings.items(), colours(len(judgement.rankings)), strict=True):
            if len(ranked.curve):
                axis.plot(ranked.curve[:, 0], ranked.curve[:, 1], color=colour, label=name)
            else:
                axis.axhline(judgement.n_wrong / judgement.n, color=FAINT, linewidth=1, label=name)
        recall, precision = judgement.recall[0][1].value or 0.0, judgement.precision.value or 0.0
        axis.plot([recall], [precision], "o", color=GREEN, label="its suspects")
        axis.set(xlabel="wrong labels found", ylabel="share that is wrong", xlim=(0, 1), ylim=(0, 1.02))
        axis.legend()
        caption = "The dot is where the suspects end; what follows are products that the audit does not suspect."
        return Plot("Precision and recall", caption, svg(figure))
