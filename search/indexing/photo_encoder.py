"""Photos as an index has them: embedded by the network, then whitened where the index is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.product import ProblemLog, Product
from catalog.recent_rows import RecentRows
from mosaic.inference.embedding import Embedder
from search.contract import Entries
from search.ranking.whitening import Whitening


@dataclass(frozen=True)
class PhotoEncoder:
    """What makes the vectors of an index and of what is asked of it. Safe in threads."""

    embedder: Embedder
    whitening: Whitening | None = None

    @classmethod
    def at(cls, embedder: Embedder, whitening: Path) -> PhotoEncoder:
        """That of an index whose whitening lies in this file, where there is one."""
        return cls(embedder, Whitening.load(whitening) if whitening.is_file() else None)

    @property
    def digest(self) -> str:
        """Of all that the vectors depend on."""
        # a whitening that was fitted on another network's vectors makes nobody's: they must not pass for the index's
        if self.whitening is None or self.whitening.digest != self.embedder.digest:
            return self.embedder.digest
        return self.whitening.digest_after

    def encode(
        self, products: Sequence[Product], problems: ProblemLog, recent: RecentRows | None = None
    ) -> NDArray[np.float32]:
        """`(P, W)` float32 of length 1 of all photos of the products, in order; zeros where one cannot be read.

        Args:
            problems: is told of those. recent: what was computed on earlier photos, which recur.
        """
        chunk = self.embedder.chunk(products, recent)
        problems.extend(chunk.problems)
        vectors = self.embedder.embed_photos(chunk)
        return vectors if self.whitening is None else self.whitening.apply(vectors)


def entries_of(catalog: Catalog, positions: NDArray[np.int64]) -> Entries:
    """What an index knows of all photos of the products at `(n,)` positions, in their order."""
    n_images = catalog.n_images[positions]
    start = np.append(0, np.cumsum(n_images, dtype=np.int64))
    products, categories = catalog.product_ids[positions], catalog.category_ids[positions]
    return Entries(
        product_ids=np.repeat(products, n_images),
        photos=(np.arange(start[-1]) - np.repeat(start[:-1], n_images)).astype(np.int8),
        category_ids=np.repeat(categories, n_images),
        n_images=np.repeat(n_images, n_images),
        ids=catalog.ids.among(np.concatenate([products, categories])),
    )
