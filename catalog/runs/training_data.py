"""What every branch trains on: the split catalogue with its tree, plan and true leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan
from catalog.tree.taxonomy import Taxonomy


@dataclass(frozen=True)
class TrainingData:
    """A workspace's labelled catalogue.

    Attributes:
        leaf: `(N,)` int64 leaf index of every product of the catalogue, -1 where unknown.
    """

    catalog: Catalog
    tree: Taxonomy
    plan: Plan
    leaf: NDArray[np.int64]

    @classmethod
    def of(cls, workspace: Workspace) -> TrainingData:
        """Open the catalogue that the workspace's plan splits.

        Raises:
            FileNotFoundError: no plan yet; the message names the next command.
            ValueError: the catalogue has changed since it was split.
        """
        plan, catalog, tree = workspace.plan(), workspace.training_catalog(), workspace.taxonomy()
        return cls(catalog, tree, plan, catalog.leaves(tree))

    @property
    def leaf_counts(self) -> NDArray[np.int64]:
        """`(n_leaves,)` int64 labelled products of the plan in each leaf."""
        return np.bincount(self.leaf[self.plan.positions], minlength=len(self.tree)).astype(np.int64)

    @property
    def leaf_frequency(self) -> NDArray[np.float64]:
        """`(n_leaves,)` float64 share of each leaf among the labelled products of the plan."""
        counts = self.leaf_counts
        frequency: NDArray[np.float64] = counts / counts.sum()
        return frequency

    def truth(self, product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(n,)` true leaf of products of this catalogue."""
        return leaves_of(self.catalog, self.leaf, product_ids)


def leaves_of(catalog: Catalog, leaf: NDArray[np.int64], product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(n,)` leaf of each product id, from `leaf` in catalogue order, `(N,)`."""
    return leaf[catalog_positions(catalog, product_ids)]


def catalog_positions(catalog: Catalog, product_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(n,)` position in the catalogue of each product id; raises ValueError where it lacks one."""
    position = positions_of(catalog.product_ids, product_ids)
    if (position == UNKNOWN).any():
        n, first = int((position == UNKNOWN).sum()), product_ids[position == UNKNOWN][0]
        # of an id that is a text the number alone is known here
        named = "" if len(catalog.ids) else f" (the first: {first})"
        raise ValueError(f"{catalog} lacks {n} of {len(position)} products{named}: give the catalogue of these")
    return position
