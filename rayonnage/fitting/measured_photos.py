"""The photos of a catalogue on which the machine is measured, by a fixed seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.split.plan import trainable
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.split_tree import tree_of_labels
from ocr.reading_speed import ReadLot

SHOWN, LOTS, SHELVES = 48, 2, 8
"""Photos that networks are shown; lots that are read, of each of so many of the largest nodes of the first level."""


@dataclass(frozen=True)
class ShelfLot:
    """Products of one node of the highest level, whose photos are read together: `(n,)` int64 positions."""

    shelf: str
    products: NDArray[np.int64]


@dataclass(frozen=True)
class MeasuredPhotos:
    """First photos of products that can be learnt from.

    Attributes:
        shown: `(n,)` int64 products whose photo networks are shown. n_leaves: that a network tells apart.
        lots: whose photos are read: the first, with which the engine starts, of the largest shelf, then one of each
            shelf, then another one of each.
    """

    shown: NDArray[np.int64]
    n_leaves: int
    lots: tuple[ShelfLot, ...]

    @classmethod
    def of(cls, catalog: Catalog, tree: Path | None, lot_size: int, seed: int = 0) -> MeasuredPhotos:
        """Drawn from those with a category of the tree, None: of the labels' own; `lot_size`: photos of a lot."""
        taxonomy = tree_of_labels(catalog)[0] if tree is None else Taxonomy.from_csv(tree).whole()
        leaf = catalog.leaves(taxonomy)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(trainable(catalog, taxonomy)))
        shelf = taxonomy.ancestor(1)[leaf[order]]
        largest = np.argsort(-np.bincount(shelf), kind="stable")[:SHELVES].tolist()
        of_shelf = {}
        for place, node in enumerate(largest):
            n_lots = LOTS + (place == 0)
            drawn = order[shelf == node][: n_lots * lot_size]
            name = path_text(taxonomy.node_path(1, node))
            of_shelf[node] = [
                ShelfLot(name, drawn[start : start + lot_size]) for start in range(0, len(drawn), lot_size)
            ]
        first = of_shelf[largest[0]].pop(0) if largest else None
        # by turns: however early the time is over, each has had the same
        turns = (lot for turn in zip_longest(*of_shelf.values()) for lot in turn if lot is not None)
        lots = (*(() if first is None else (first,)), *turns)
        return cls(order[:SHOWN], len(np.unique(leaf[order])), lots)

    def words(self, read: Sequence[ReadLot]) -> tuple[float, dict[str, float]]:
        """Words per photo, and by shelf; `read`: the first of these lots."""
        by_shelf: dict[str, list[int]] = {}
        for lot, found in zip(self.lots, read, strict=False):
            by_shelf.setdefault(lot.shelf, []).extend(n_words for n_words in found.words if n_words is not None)
        every = [n_words for of_shelf in by_shelf.values() for n_words in of_shelf]
        return float(np.mean(every)) if every else 0.0, {name: float(np.mean(n)) for name, n in by_shelf.items() if n}

    def seconds(self, read: Sequence[ReadLot]) -> dict[str, float]:
        """Seconds per photo by shelf, of those of which a lot was timed; `read`: the first of these lots."""
        by_shelf: dict[str, list[float]] = {}
        # the engine has started with the first one
        for lot, found in list(zip(self.lots, read, strict=False))[1:]:
            by_shelf.setdefault(lot.shelf, []).append(found.photo_s)
        return {name: float(np.mean(seconds)) for name, seconds in by_shelf.items()}
