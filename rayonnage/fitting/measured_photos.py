"""The photos of a catalogue on which the machine is measured, by a fixed seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.split.plan import trainable
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.split_tree import tree_of_labels

SHOWN, OF_SHELF, SHELVES = 48, 6, 8
"""Photos that networks are shown; photos that are read, of each of so many of the largest nodes of the first level."""


@dataclass(frozen=True)
class MeasuredPhotos:
    """First photos of products that can be learnt from.

    Attributes:
        shown: `(n,)` int64 products whose photo networks are shown. n_leaves: that a network tells apart.
        read: `(m,)` int64 products whose photo is read: one of each shelf, then another one of each.
        shelf: of each of those.
    """

    shown: NDArray[np.int64]
    n_leaves: int
    read: NDArray[np.int64]
    shelf: tuple[str, ...]

    @classmethod
    def of(cls, catalog: Catalog, tree: Path | None, seed: int = 0) -> MeasuredPhotos:
        """Drawn from those with a category of the tree, None: of the labels' own."""
        taxonomy = tree_of_labels(catalog)[0] if tree is None else Taxonomy.from_csv(tree).whole()
        leaf = catalog.leaves(taxonomy)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(trainable(catalog, taxonomy)))
        shelf = taxonomy.ancestor(1)[leaf[order]]
        largest = np.argsort(-np.bincount(shelf), kind="stable")[:SHELVES].tolist()
        # by turns: however early the time is over, each has had the same
        turns = [order[shelf == node][:OF_SHELF] for node in largest]
        pairs = [(products[turn], node) for turn in range(OF_SHELF)
                 for products, node in zip(turns, largest, strict=True) if turn < len(products)]  # fmt: skip
        return cls(
            order[:SHOWN],
            len(np.unique(leaf[order])),
            np.array([product for product, _ in pairs], np.int64),
            tuple(path_text(taxonomy.node_path(1, node)) for _, node in pairs),
        )

    def words(self, read: Sequence[int | None]) -> tuple[float, dict[str, float]]:
        """Words per photo, and by shelf; `read`: words on the first of these photos, None where none could be read."""
        by_shelf: dict[str, list[int]] = {}
        for name, n_words in zip(self.shelf, read, strict=False):
            if n_words is not None:
                by_shelf.setdefault(name, []).append(n_words)
        every = [n_words for of_shelf in by_shelf.values() for n_words in of_shelf]
        return float(np.mean(every)) if every else 0.0, {name: float(np.mean(n)) for name, n in by_shelf.items()}
