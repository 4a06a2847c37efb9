"""Which labelled products an expert finds hard and which easy: the probability that it gives to their true leaf."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import in_batches
from catalog.files.wording import percent, plural
from catalog.photos.photo_index import Ints
from catalog.photos.thumbnails import strip
from catalog.probabilities import MIN_FREQUENCY, Probabilities
from catalog.reports.estimate import Estimate
from catalog.reports.page import Example, Gallery, Part, Plot, Section, Table
from catalog.tree.taxonomy import Taxonomy
from curation.explore import drawings
from curation.explore.placement import Placement
from curation.shown_titles import title_line, title_of

CHUNK = 65_536
SHOWN = 12
PER_LEAF = 2
N_BINS = 20
FEWEST_JUDGED = 5
"""Products that a category needs to be called hard."""
SIDE = 96


@dataclass(frozen=True)
class Judged:
    """Labelled products on which an expert speaks.

    Attributes:
        position: `(n,)` int64 position in the catalogue; truth, put: `(n,)` int64 true and likeliest leaf.
        p_truth, p_put: `(n,)` float64 their probability.
        n_silent, n_unlabelled, n_elsewhere: products of the expert that are left out, because it is silent, because
            they have no leaf, or because the catalogue does not hold them.
    """

    position: Ints
    truth: Ints
    put: Ints
    p_truth: NDArray[np.float64]
    p_put: NDArray[np.float64]
    n_silent: int = 0
    n_unlabelled: int = 0
    n_elsewhere: int = 0

    def __len__(self) -> int:
        return len(self.position)

    @property
    def right(self) -> NDArray[np.bool_]:
        """`(n,)` bool: the likeliest leaf is the true one."""
        return self.put == self.truth

    def by_p_truth(self, n: int, per_leaf: int, *, highest: bool = False) -> Ints:
        """`(<= n,)` rows by rising (or falling) probability of the true leaf, at most `per_leaf` of one true leaf."""
        key = -self.p_truth if highest else self.p_truth
        by_leaf = np.lexsort((key, self.truth))
        starts = np.flatnonzero(np.diff(self.truth[by_leaf], prepend=-1))
        place = np.arange(len(by_leaf)) - np.repeat(starts, np.diff(np.append(starts, len(by_leaf))))
        rows = by_leaf[place < per_leaf]
        return rows[np.argsort(key[rows], kind="stable")[:n]]


def judge(probabilities: Probabilities, catalog: Catalog, leaf: Ints, tree: Taxonomy) -> Judged:
    """What the expert says of the catalogue's products, `leaf`: `(N,)` their leaves, -1 where unknown.

    Raises:
        ValueError: the probabilities belong to another tree or to another catalogue, or say nothing of any label.
    """
    if probabilities.taxonomy != tree.fingerprint:
        raise ValueError(
            f"the probabilities of {probabilities.expert} belong to another category tree: give the tree that it was "
            "trained with (--tree; a workspace keeps it as tree.csv)"
        )
    place = positions_of(catalog.product_ids, probabilities.product_ids)
    here = place != UNKNOWN
    labelled = here & (leaf[place] != UNKNOWN)
    rows = np.flatnonzero(labelled & probabilities.speaks)
    if not len(rows):
        raise ValueError(
            f"the probabilities of {probabilities.expert} say nothing of any labelled product of {catalog}: give those "
            "of this catalogue, such as heldout.safetensors of a run trained on it"
        )
    truth = leaf[place[rows]]
    by_frequency = np.zeros(len(tree))
    by_frequency[probabilities.support] = np.maximum(probabilities.frequency, MIN_FREQUENCY)
    pairs = zip(in_batches(rows, CHUNK), in_batches(truth, CHUNK), strict=True)
    p_truth = np.concatenate([_p_of(probabilities, some, leaves, by_frequency) for some, leaves in pairs])
    return Judged(
        place[rows],
        truth,
        probabilities.leaves[rows, 0].astype(np.int64),
        p_truth,
        probabilities.values[rows, 0].astype(np.float64),
        n_silent=int((labelled & ~probabilities.speaks).sum()),
        n_unlabelled=int((here & ~labelled).sum()),
        n_elsewhere=int((~here).sum()),
    )


def _p_of(
    probabilities: Probabilities, rows: Ints, leaf: Ints, by_frequency: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(n,)` probability of one leaf per row, as `Probabilities.dense` has it, without the thousands of others."""
    listed, values = probabilities.leaves[rows], probabilities.values[rows].astype(np.float64)
    # parts that were widened repeat their last leaf
    repeats = np.zeros(listed.shape, bool)
    repeats[:, 1:] = listed[:, 1:] == listed[:, :-1]
    unlisted = np.maximum(by_frequency.sum() - np.where(repeats, 0.0, by_frequency[listed]).sum(axis=1), 0.0)
    rest = probabilities.rest[rows].astype(np.float64)
    # rounding leaves a little mass unlisted where all leaves are listed
    n_listed = listed.shape[1] - repeats.sum(axis=1)
    rest[n_listed == len(probabilities.support)] = 0.0
    share = np.divide(by_frequency[leaf] * rest, unlisted, out=np.zeros(len(rows)), where=unlisted > 0)
    is_leaf = (listed == leaf[:, None]) & ~repeats
    p_leaf = np.where(is_leaf.any(axis=1), np.where(is_leaf, values, 0.0).sum(axis=1), share)
    total = np.where(repeats, 0.0, values).sum(axis=1) + rest
    normalised: NDArray[np.float64] = p_leaf / total
    return normalised


def hardness_section(judged: Judged, expert: str, catalog: Catalog, placement: Placement) -> Section:
    """The products to whose true leaf the expert gives least and most, and the categories that it finds hardest."""
    hard = _shown(judged, judged.by_p_truth(SHOWN, PER_LEAF), catalog, placement)
    easy = _shown(judged, judged.by_p_truth(SHOWN, PER_LEAF, highest=True), catalog, placement)
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
        "hard": [product for product, _ in hard],
        "easy": [product for product, _ in easy],
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
    parts.append(Gallery("Hard: least probability on the true leaf", [example for _, example in hard], note))
    parts.append(Gallery("Easy: most probability on the true leaf", [example for _, example in easy], note))
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


def _shown(judged: Judged, rows: Ints, catalog: Catalog, placement: Placement) -> list[tuple[dict[str, Any], Example]]:
    """Judged products by their figures, and as the page shows them."""
    shown = []
    for row, product in zip(rows.tolist(), catalog.take(judged.position[rows]), strict=True):
        category, put_on = placement.name(int(judged.truth[row])), placement.name(int(judged.put[row]))
        p_truth, p_put = float(judged.p_truth[row]), float(judged.p_put[row])
        title = title_line(title_of(product.text))
        lines = [f"{product.product_id}: labelled {category} ({_share(p_truth)})", *title]
        if not judged.right[row]:
            lines.append(f"put on {put_on} ({_share(p_put)})")
        figures = {
            "product_id": product.product_id, "category": category, "p_truth": p_truth, "put_on": put_on, "p_put": p_put
        }  # fmt: skip
        shown.append((figures, Example([strip(product.images, SIDE)], lines)))
    return shown


def _share(p: float) -> str:
    return f"{p:.1%}" if p >= 0.001 else f"{p:.0e}"
