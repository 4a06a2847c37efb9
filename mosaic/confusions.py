"""Which leaves and nodes are taken for which others: read off the scores of held-out products."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.answer_sheet import plain_cell, write_sheet
from catalog.files.sheet_ids import id_cell
from catalog.metrics.confusions import Confusion, find_confusions
from catalog.metrics.product_scores import ProductScores
from catalog.tree.taxonomy import Taxonomy, path_text

MIN_PRODUCTS = 5
"""A leaf with fewer held-out products is called neither good nor bad."""
MAX_NODES = {1: 60, 2: 40}
"""Rows of a heat map by level."""


@dataclass(frozen=True)
class LeafAccuracy:
    """`n_right` of a leaf's `n` held-out products were put there; `mistaken_for` takes most of the others, -1 none."""

    leaf: int
    n: int
    n_right: int
    mistaken_for: int


@dataclass(frozen=True)
class HeatMap:
    """Where the products of each node were put.

    Attributes:
        level: of the nodes; names: `M` paths in the order of the tree.
        n: `(M,)` int64 products of each node; share: `(M, M)` float64 share of the row's products put on the column.
        n_left_out: nodes that occur but are not shown.
    """

    level: int
    names: Sequence[str]
    n: NDArray[np.int64]
    share: NDArray[np.float64]
    n_left_out: int


def leaf_accuracies(scores: ProductScores, min_products: int = MIN_PRODUCTS) -> list[LeafAccuracy]:
    """Leaves with at least `min_products`, the worst first; among equals the one with more products weighs more."""
    mistaken_for: dict[int, int] = {}
    for confusion in find_confusions(scores):
        mistaken_for.setdefault(confusion.truth, confusion.predicted)
    n = np.bincount(scores.truth)
    right = np.bincount(scores.truth, scores.correct[:, -1], minlength=len(n))
    accuracies = [
        LeafAccuracy(leaf, int(n[leaf]), int(right[leaf]), mistaken_for.get(leaf, -1))
        for leaf in np.flatnonzero(n >= min_products).tolist()
    ]
    accuracies.sort(key=lambda leaf: (leaf.n_right / leaf.n, leaf.n * (1 if 2 * leaf.n_right >= leaf.n else -1)))
    return accuracies


def heat_map(scores: ProductScores, level: int, tree: Taxonomy) -> HeatMap | None:
    """The answer's node at a level against the true one; None when nothing is to be compared.

    At Cat I the nodes with the most products are shown, at Cat II all of them or none: a part of them says little.
    """
    true = tree.ancestor(level)[scores.truth]
    predicted = scores.predicted[:, level - 1]
    nodes, together = np.unique(np.concatenate([true, predicted]), return_counts=True)
    if len(nodes) < 2 or (level > 1 and len(nodes) > MAX_NODES[level]):
        return None
    # back into the order of the tree: siblings, which are taken for each other most, stand side by side
    shown = np.sort(nodes[np.argsort(-together, kind="stable")[: MAX_NODES[level]]])
    n = np.bincount(true, minlength=tree.n_nodes(level))[shown]
    among = np.isin(true, shown) & np.isin(predicted, shown)
    share = np.zeros((len(shown), len(shown)))
    np.add.at(share, (np.searchsorted(shown, true[among]), np.searchsorted(shown, predicted[among])), 1)
    share /= np.maximum(n, 1)[:, None]
    names = [path_text(tree.shown_path(level, int(node))) for node in shown]
    return HeatMap(level, names, n, share, len(nodes) - len(shown))


def confusions_csv(path: Path, confusions: Sequence[Confusion], tree: Taxonomy) -> None:
    """Write one row per confusion as a sheet; the share is that of the true leaf's products, in [0, 1]."""
    sides = [f"{side}_{what}" for side in ("true", "predicted") for what in ("category_id", "path")]
    names = [plain_cell(path_text(path)) for path in tree.shown]
    ids = [one if isinstance(one, int) else id_cell(one) for one in tree.shop_ids]
    rows = (
        (ids[c.truth], names[c.truth], ids[c.predicted], names[c.predicted], c.n, c.of, f"{c.n / c.of:.4f}")
        for c in confusions
    )
    write_sheet(path, [*sides, "products", "true_leaf_products", "share"], rows)
