"""Products that share a photo: kept or left as a group."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress
from catalog.split.copies import linked_by_copies


@dataclass(frozen=True)
class CopyGroups:
    """Groups of some products of a catalogue.

    Attributes:
        group: `(n,)` int64 group of each product, in 0..n_groups-1; a product without copies is one by itself.
        max_copies: a photo with more copies links nothing; 1: copies were not looked for.
        n_unlinked: products that carry such a photo.
    """

    group: NDArray[np.int64]
    max_copies: int
    n_unlinked: int

    @classmethod
    def among(
        cls, catalog: Catalog, positions: NDArray[np.int64], max_copies: int, progress: Progress | None = None
    ) -> Self:
        """Groups among the products at `positions`, `(n,)`; all photos are read once, unless `max_copies` is 1."""
        # without copies nothing is read: a sample of a 58 GB file would wait for its MD5s
        if max_copies == 1 or not catalog.n_images.any():
            return cls(np.arange(len(positions)), max_copies, 0)
        group, n_unlinked = linked_by_copies(catalog, positions, max_copies, progress)
        return cls(group, max_copies, n_unlinked)

    def to_json(self, kept: NDArray[np.bool_]) -> dict[str, Any]:
        """What there was and what became of it by `kept`, `(n,)`; plain JSON types."""
        if self.max_copies == 1:
            return {"looked_for": False}
        sizes, n_kept = np.bincount(self.group), np.bincount(self.group, weights=kept)
        linked = sizes > 1
        return {
            "looked_for": True,
            "max_copies": self.max_copies,
            "groups": int(linked.sum()),
            "products_in_groups": int(sizes[linked].sum()),
            "largest": int(sizes.max(initial=0)),
            "groups_kept": int((linked & (n_kept > 0)).sum()),
            "groups_cut": int(((n_kept > 0) & (n_kept < sizes)).sum()),
            "products_with_a_photo_too_common_to_link": self.n_unlinked,
        }
