"""The photos of a catalogue on which the machine is measured, by a fixed seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.split.plan import trainable
from catalog.tree.taxonomy import Taxonomy, path_text
from curation.split_tree import tree_of_labels
from ocr.reading_speed import ReadLot, seconds_per_photo

T = TypeVar("T")
SHOWN, LOTS, SHELVES = 48, 2, 8
"""Photos that networks are shown; lots that are read, of each of so many of the largest nodes of the first level."""

TELLING = 3
"""Photos of a shelf that tell something of its words: one may be a blank cover."""


@dataclass(frozen=True)
class LotToRead:
    """Products whose photos are read together.

    Attributes:
        products: `(n,)` int64 positions. shelves: the node of the highest level of each.
    """

    products: NDArray[np.int64]
    shelves: tuple[str, ...]


@dataclass(frozen=True)
class MeasuredPhotos:
    """First photos of products that can be learnt from.

    Attributes:
        shown: `(n,)` int64 products whose photo networks are shown. n_leaves: that a network tells apart.
        lots: whose photos are read, of the largest shelves: the first, with which the engine starts, has some of each;
            then comes one of each, then another one of each.
    """

    shown: NDArray[np.int64]
    n_leaves: int
    lots: tuple[LotToRead, ...]

    @classmethod
    def of(cls, catalog: Catalog, tree: Path | None, lot_size: int, seed: int = 0) -> MeasuredPhotos:
        """Drawn from those with a category of the tree, None: of the labels' own; `lot_size`: photos of a lot."""
        taxonomy = tree_of_labels(catalog)[0] if tree is None else Taxonomy.from_csv(tree).whole()
        leaf = catalog.leaves(taxonomy)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(trainable(catalog, taxonomy)))
        shelf = taxonomy.ancestor(1)[leaf[order]]
        largest = np.argsort(-np.bincount(shelf), kind="stable")[:SHELVES].tolist()
        mixed_size = max(lot_size, len(largest))
        enough = mixed_size + LOTS * lot_size
        drawn = {path_text(taxonomy.node_path(1, node)): order[shelf == node][:enough] for node in largest}
        # by turns: however early the time is over, each has had the same
        pairs = [[(name, product) for product in products.tolist()] for name, products in drawn.items()]
        mixed = _by_turns(pairs)[:mixed_size]
        first = LotToRead(np.array([product for _, product in mixed], np.int64), tuple(name for name, _ in mixed))
        own = [
            [
                LotToRead(some, (name,) * len(some))
                for some in _lots(products[~np.isin(products, first.products)], lot_size)
            ]
            for name, products in drawn.items()
        ]
        lots = (first, *_by_turns(own)) if mixed else ()
        return cls(order[:SHOWN], len(np.unique(leaf[order])), lots)

    def words(self, read: Sequence[ReadLot]) -> tuple[float, dict[str, float]]:
        """Words per photo, the mean of the shelves, and of those of which enough was read; `read`: the first lots."""
        by_shelf: dict[str, list[int]] = {}
        for lot, found in zip(self.lots, read, strict=False):
            for name, n_words in zip(lot.shelves, found.words, strict=True):
                if n_words is not None:
                    by_shelf.setdefault(name, []).append(n_words)
        means = {name: float(np.mean(n_words)) for name, n_words in by_shelf.items()}
        overall = float(np.mean(list(means.values()))) if means else 0.0
        return overall, {name: mean for name, mean in means.items() if len(by_shelf[name]) >= TELLING}

    def seconds(self, read: Sequence[ReadLot]) -> dict[str, float]:
        """Seconds per photo by shelf, of those of which a lot was timed; `read`: the first of these lots."""
        by_shelf: dict[str, list[ReadLot]] = {}
        # the engine has started with the first one
        for lot, found in list(zip(self.lots, read, strict=False))[1:]:
            by_shelf.setdefault(lot.shelves[0], []).append(found)
        return {name: seconds_per_photo(lots) for name, lots in by_shelf.items()}


def _by_turns(rows: Sequence[Sequence[T]]) -> list[T]:
    """The first of each, then the second of each, and so on."""
    return [one for turn in zip_longest(*rows) for one in turn if one is not None]


def _lots(products: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [products[start : start + size] for start in range(0, min(len(products), LOTS * size), size)]
