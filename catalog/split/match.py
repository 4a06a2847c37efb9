"""Whether a tree is the one that a catalogue's labels are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class TreeMatch:
    """Products with a label, and those of them whose label is a category of the tree."""

    labelled: int
    known: int

    @classmethod
    def of(cls, catalog: Catalog, tree: Taxonomy) -> Self:
        """Count both."""
        ids, times = np.unique(catalog.category_ids, return_counts=True)
        labelled = ids != NO_CATEGORY
        known = labelled & (tree.leaf_index(ids) != UNKNOWN)
        return cls(int(times[labelled].sum()), int(times[known].sum()))

    @property
    def doubtful(self) -> bool:
        """Less than half: ids of another tree may be in this one by chance."""
        return 2 * self.known < self.labelled

    def __str__(self) -> str:
        return f"{self.known:,} of {self.labelled:,} labelled products have a category of this tree"
