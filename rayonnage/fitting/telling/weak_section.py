"""The section of `fit.html` on weak categories: figures, what they are taken for, and photos of it."""

from __future__ import annotations

from catalog.files.wording import percent
from catalog.metrics.confusions import Confusion
from catalog.photos.thumbnails import strip
from catalog.reports.estimate import Estimate
from catalog.reports.page import Example, Gallery, Section, Table, TableCell
from catalog.runs.training_data import catalog_positions
from catalog.tree.taxonomy import Taxonomy, path_text
from fusion.evaluation.examples import MAX_TEXT, PHOTO_HEIGHT, confused_rows
from rayonnage.fitting.telling.outcome import FitOutcome

N_SHOWN = 6
"""Weak categories of which photos are shown."""
SURELY = "Right less often than the whole, and chance does not explain it"
PERHAPS = "Too few held-out products to tell"


def weak_section(outcome: FitOutcome) -> Section:
    """The weakest categories, with products that were put elsewhere."""
    weak = outcome.weakest
    if not weak:
        return Section("weak", "Weak categories", ["Every held-out product is on its category."])
    n_sure = sum(one.is_surely_weak for one in weak)
    # the weakest for sure stand first
    groups = {0: SURELY} if n_sure else {}
    groups |= {n_sure: PERHAPS} if n_sure < len(weak) else {}
    rows = [
        [
            TableCell(outcome.tree.shown[one.leaf][-1], path_text(outcome.tree.shown[one.leaf][:-1])), one.n_labelled,
            TableCell(f"{one.n_right} of {one.n}", is_number=True), Estimate.of(one.right, 0),
            ", ".join(f"{name_of(other.predicted, outcome.tree)} ({other.n})" for other in one.confused),
        ]
        for one in weak
    ]  # fmt: skip
    table = Table("", ["Category", "labelled", "right", "right, %", "Taken for"], rows, groups=groups)
    path = [path_text(names) for names in outcome.tree.shown]
    figures = [
        {
            "category": path[one.leaf], "labelled": one.n_labelled, "held_out": one.n, "right": one.n_right,
            "is_surely_weak": one.is_surely_weak, "taken_for": {path[each.predicted]: each.n for each in one.confused},
        }
        for one in weak
    ]  # fmt: skip
    return Section("weak", "Weak categories", (), [table, *_galleries(outcome)], {"categories": figures})


def name_of(leaf: int, tree: Taxonomy) -> str:
    """A leaf's name, its whole path where another leaf has the same name."""
    names = tree.shown[leaf]
    return names[-1] if sum(other[-1] == names[-1] for other in tree.shown) == 1 else path_text(names)


def _galleries(outcome: FitOutcome) -> list[Gallery]:
    """Photos of what was put elsewhere, the surest first."""
    galleries = []
    for one in outcome.weakest[:N_SHOWN]:
        confusion = one.confused[0]
        own, other = (name_of(leaf, outcome.tree) for leaf in (confusion.truth, confusion.predicted))
        galleries.append(Gallery(f"{own}, taken for {other}", _examples(outcome, confusion)))
    return galleries


def _examples(outcome: FitOutcome, confusion: Confusion) -> list[Example]:
    scores = outcome.scores.select(confused_rows(outcome.scores, confusion))
    products = outcome.catalog.take(catalog_positions(outcome.catalog, scores.product_ids))
    return [
        Example(
            [strip(product.images, PHOTO_HEIGHT)],
            [
                f"put there with {percent(sure, 0)} certainty",
                *([f"title: {product.title[:MAX_TEXT]}"] if product.title else []),
            ],
            str(product.product_id),
        )
        for product, sure in zip(products, scores.confidence[:, -1].tolist(), strict=True)
    ]
