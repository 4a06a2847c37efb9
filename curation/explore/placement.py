"""Where the products of a catalogue stand in the tree, and how many each category holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.source import NO_CATEGORY
from catalog.tree.level_names import LEVEL_NAMES
from catalog.tree.taxonomy import Taxonomy, path_text

WITHOUT_A_TREE = 3
"""The level that categories are counted as where no tree says at which they stand: that of the leaves of most trees."""


@dataclass(frozen=True)
class LevelCounts:
    """How many products (or photos) the categories of one level hold.

    Attributes:
        level: 1 to D; without a tree `WITHOUT_A_TREE` alone.
        names: of each category as people are shown it, mostly its path.
        counts: `(len(names),)` int64.
        n_nodes: categories of this level in the tree; more than `names` where the counts merge those of one name.
        n_photos: `(len(names),)` int64 photos of the products counted, None where not known.
        level_name: what the level is called; empty: Cat I, Cat II, ...
    """

    level: int
    names: Sequence[str]
    counts: NDArray[np.int64]
    n_nodes: int
    n_photos: NDArray[np.int64] | None = None
    level_name: str = ""

    @property
    def title(self) -> str:
        """`Cat II`, or what the shop calls it."""
        return self.level_name or LEVEL_NAMES[self.level]

    @property
    def is_by_place(self) -> bool:
        """Whether every category of the level is counted by itself, not those of one name together."""
        return len(self.names) == self.n_nodes

    @property
    def used(self) -> NDArray[np.int64]:
        """`(n,)` int64 counts of the categories that hold anything."""
        return self.counts[self.counts > 0]


def nodes_by_name(tree: Taxonomy, level: int) -> dict[str, list[int]]:
    """The nodes of a level under their names, to the letter; the nodes of one name in the order of the tree."""
    nodes: dict[str, list[int]] = {}
    for node in range(tree.n_nodes(level)):
        nodes.setdefault(tree.node_path(level, node)[-1], []).append(node)
    return nodes


class Placement:
    """The leaf of every product.

    Attributes:
        tree: the tree; without one, a flat one of the ids that occur (None when there are none).
        levels: levels of which something can be said.
        leaf: `(N,)` int64 leaf index of each product, -1 where it has none.
        labelled: `(N,)` bool, the product has a category_id, in the tree or not.
    """

    def __init__(self, catalog: Catalog, tree: Taxonomy | None) -> None:
        categories = catalog.category_ids
        self.labelled = categories != NO_CATEGORY
        self.n_images = catalog.n_images
        self.levels = tree.levels if tree is not None else (WITHOUT_A_TREE,)
        self.level_names = LEVEL_NAMES if tree is None else tree.level_names
        if tree is None and self.labelled.any():
            ids = catalog.ids.take(np.unique(categories[self.labelled]))
            unnamed = ("",) * (WITHOUT_A_TREE - 1)
            tree = Taxonomy([(i, (*unnamed, f"category {i}")) for i in ids])
        self.tree = tree
        self.leaf = np.full(len(catalog), UNKNOWN, np.int64) if tree is None else catalog.leaves(tree)
        self.leaf[~self.labelled] = UNKNOWN

    def name(self, leaf: int, level: int | None = None) -> str:
        """The path of a leaf, or of its node at a level, as people are shown it."""
        assert self.tree is not None, "no product has a leaf"
        return path_text([part for part in self.tree.shown[leaf][:level] if part])

    def counts(self) -> list[LevelCounts]:
        """Products and photos of every node, from Cat I down."""
        if self.tree is None:
            return []
        known = self.leaf != UNKNOWN
        counts = []
        for level in self.levels:
            node, n = self.tree.ancestor(level)[self.leaf[known]], self.tree.n_nodes(level)
            names = [self.name(int(leaf), level) for leaf in self.tree.first_leaf(level)]
            products = np.bincount(node, minlength=n).astype(np.int64)
            photos = np.bincount(node, weights=self.n_images[known], minlength=n).astype(np.int64)
            counts.append(LevelCounts(level, names, products, n, photos, self.level_names[level]))
        return counts

    def strangers(self, catalog: Catalog) -> ProblemLog:
        """Products whose category_id is not in the tree."""
        return unknown_categories(catalog, np.flatnonzero(self.labelled & (self.leaf == UNKNOWN)))


def unknown_categories(catalog: Catalog, rows: NDArray[np.int64]) -> ProblemLog:
    """Of the products at `(n,)` positions, that their category_id is not in the tree."""
    log = ProblemLog()
    some = rows[: log.max_named]
    ids, categories = catalog.shop_ids(some), catalog.ids.take(catalog.category_ids[some])
    for row, product_id, category_id in zip(some.tolist(), ids, categories, strict=True):
        log.add(Problem(ProblemKind.UNKNOWN_CATEGORY, f"row {row}", product_id, str(category_id)))
    if len(rows):
        log.counts[ProblemKind.UNKNOWN_CATEGORY] = len(rows)
    return log
