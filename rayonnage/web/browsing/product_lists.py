"""Lists of products that were asked for before, and what is counted in each place of the tree."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.product_scores import ProductScores
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.prediction.predicted_products import PredictedProducts
from rayonnage.web.browsing.product_filter import ProductFilter, matching

KEPT = 8
"""Lists in memory, of four bytes a product: the pages of one are asked for one after the other."""
KEPT_FOLDERS = 3
"""Folders of predictions whose figures, and so their arrays, stay in memory."""


class NodeFigures:
    """What is known of every node of a level.

    Attributes:
        products: `(n_nodes,)` predicted products; judged, right: `(n_nodes,)` held-out products that the run put there,
            and those of them that belong there; zeros where the run keeps none.
    """

    def __init__(self, products: PredictedProducts, scores: ProductScores | None, level: int) -> None:
        tree = products.tree
        n, above = tree.n_nodes(level), tree.ancestor(level)
        self.products = np.bincount(above[products.leaves], minlength=n)
        self.judged = self.right = np.zeros(n, np.int64)
        if scores is not None:
            put = scores.predicted[:, level - 1]
            self.judged = np.bincount(put, minlength=n)
            self.right = np.bincount(put[scores.correct[:, level - 1]], minlength=n)


class ProductLists:
    """Lists and figures of folders of predictions, the last ones kept; safe in threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lists: OrderedDict[tuple[int, ProductFilter], NDArray[np.uint32]] = OrderedDict()
        self._figures: OrderedDict[int, tuple[PredictedProducts, dict[int, NodeFigures]]] = OrderedDict()
        self._lock = Lock()

    def rows(self, products: PredictedProducts, wanted: ProductFilter) -> NDArray[np.uint32]:
        """`(n,)` rows that pass, in the order wanted."""
        self._figures_of(products)
        key = id(products), wanted
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
                return self._lists[key]
        found = matching(products, wanted).astype(np.uint32)
        with self._lock:
            self._lists[key] = found
            while len(self._lists) > KEPT:
                self._lists.popitem(last=False)
        return found

    def figures(self, products: PredictedProducts, level: int) -> NodeFigures:
        """Of all nodes of a level."""
        return self._figures_of(products)[level]

    def _figures_of(self, products: PredictedProducts) -> dict[int, NodeFigures]:
        with self._lock:
            # the products are held beside their figures: no others can have their id meanwhile
            if id(products) not in self._figures:
                scores = self._held_out(products)
                levels = products.tree.levels
                self._figures[id(products)] = products, {one: NodeFigures(products, scores, one) for one in levels}
            self._figures.move_to_end(id(products))
            while len(self._figures) > KEPT_FOLDERS:
                gone, _ = self._figures.popitem(last=False)
                self._lists = OrderedDict((key, rows) for key, rows in self._lists.items() if key[0] != gone)
            return self._figures[id(products)][1]

    def _held_out(self, products: PredictedProducts) -> ProductScores | None:
        """What the run that predicted scored on products that it had not learnt from."""
        try:
            file = Run.load(self._workspace.folder / products.origin.run, "fusion").scores_file
            scores = None if file is None else ProductScores.load(file)
        except (OSError, ValueError):
            return None
        depth = products.tree.depth
        return scores if scores is not None and scores.predicted.shape[1] == depth else None
