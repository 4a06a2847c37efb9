"""What the page says of hard and easy products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.wording import percent, plural
from catalog.photos.thumbnails import strip
from catalog.reports.estimate import Estimate
from catalog.reports.page import Example, Gallery, Part, Plot, Section, Table
from curation.explore import drawings
from curation.explore.hardness import Ints, Judged
from curation.explore.placement import Placement

SHOWN = 12
PER_LEAF = 2
N_BINS = 20
FEWEST_JUDGED = 5
"""Products that a category needs to be called hard."""
SIDE = 96


def hardness_section(judged: Judged, expert: str, catalog: Catalog, placement: Placement) -> Section:
    """The products to whose true leaf the expert gives least and most, and the categories that it finds hardest."""
    hard = judged.by_p_truth(SHOWN, PER_LEAF)
    easy = judged.by_p_truth(SHOWN, PER_LEAF, highest=True)
    right, wrong = (_bins(judged.p_truth[rows]) for rows in (judged.right, ~judged.right))
    leaves = hardest_leaves(judged)
    figures: dict[str, Any] = {
        "expert": expert,
        "judged": len(judged),
        "right": float(judged.right.mean()),
        "median_p_truth": float(np.median(judged.p_truth)),
        "silent": judged.n_silent,
        "unlabelled": judged.n_unlabelled,
        "elsewhere": judged.n_elsewhere,
        "histogram": {"right": right.tolist(), "wrong": wrong.tolist()},
        "hardest_categories": [
            {"category": placement.name(leaf), "products": n, "p_truth": p, "right": share}
            for leaf, n, p, share in leaves
        ],
        "hard": [_figures(judged, row, catalog, placement) for row in hard.tolist()],
        "easy": [_figures(judged, row, catalog, placement) for row in easy.tolist()],
    }
    left_out = [
        f"{n:,} {why}"
        for n, why in (
            (judged.n_silent, "on which it is silent"),
            (judged.n_unlabelled, "without a known leaf"),
            (judged.n_elsewhere, "that are not in this catalogue"),
        )
        if n
    ]
    sentences = [
        f"The expert {expert} speaks on {plural(len(judged), 'labelled product')} and puts "
        f"{percent(figures['right'])} of them on their leaf; half of them get {percent(figures['median_p_truth'])} or "
        "more on their true leaf." + (f" Left out: {', '.join(left_out)}." if left_out else "")
    ]
    parts: list[Part] = [
        Plot(
            "Probability of the true leaf",
            "How many products get how much of the probability on their true leaf. Those at the left are "
            "put elsewhere: hard photos, or wrong labels.",
            drawings.probabilities(right, wrong),
        )
    ]
    if leaves:
        rows = [
            [placement.name(leaf), n, Estimate(p, digits=3, scale=1), Estimate(share)] for leaf, n, p, share in leaves
        ]
        columns = ["category", "products", "mean probability", "right, %"]
        note = f"Leaves with {FEWEST_JUDGED} judged products or more, by the mean probability of the true leaf."
        parts.append(Table("The hardest categories", columns, rows, note))
    note = f"At most {PER_LEAF} of a leaf."
    parts.append(Gallery("Hard: least probability on the true leaf", _examples(judged, hard, catalog, placement), note))
    parts.append(Gallery("Easy: most probability on the true leaf", _examples(judged, easy, catalog, placement), note))
    return Section("hardness", "Hard and easy products", sentences, parts, figures)


def hardest_leaves(judged: Judged) -> list[tuple[int, int, float, float]]:
    """Up to ten `(leaf, products, mean probability of the true leaf, share right)`, the hardest first."""
    n = np.bincount(judged.truth)
    enough = np.flatnonzero(n >= FEWEST_JUDGED)
    p = np.bincount(judged.truth, weights=judged.p_truth)[enough] / n[enough]
    right = np.bincount(judged.truth, weights=judged.right)[enough] / n[enough]
    order = np.argsort(p, kind="stable")[:10]
    return [(int(enough[i]), int(n[enough[i]]), float(p[i]), float(right[i])) for i in order]


def _bins(p: NDArray[np.float64]) -> Ints:
    return np.bincount((p * N_BINS).astype(np.int64).clip(0, N_BINS - 1), minlength=N_BINS).astype(np.int64)


def _figures(judged: Judged, row: int, catalog: Catalog, placement: Placement) -> dict[str, Any]:
    return {
        "product_id": int(catalog.product_ids[judged.position[row]]),
        "category": placement.name(int(judged.truth[row])),
        "p_truth": float(judged.p_truth[row]),
        "put_on": placement.name(int(judged.put[row])),
        "p_put": float(judged.p_put[row]),
    }


def _examples(judged: Judged, rows: Ints, catalog: Catalog, placement: Placement) -> list[Example]:
    examples = []
    for row, product in zip(rows.tolist(), catalog.take(judged.position[rows]), strict=True):
        figures = _figures(judged, row, catalog, placement)
        lines = [f"{product.product_id}: labelled {figures['category']} ({_shown(figures['p_truth'])})"]
        if not judged.right[row]:
            lines.append(f"put on {figures['put_on']} ({_shown(figures['p_put'])})")
        examples.append(Example([strip(product.images, SIDE)], lines))
    return examples


def _shown(p: float) -> str:
    return f"{p:.1%}" if p >= 0.001 else f"{p:.0e}"
