"""Products go into an index that is there, some at a time: what was committed survives a kill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.progress import Progress, part_of
from catalog.product import ProblemLog
from catalog.recent_rows import RecentRows
from search.indexing.opening import OpenIndex
from search.indexing.photo_encoder import entries_of
from search.indexing.photo_words import PhotoWords
from search.indexing.record import IndexedProducts
from search.indexing.texts import keep_texts
from search.ranking.text_store import TextStore

CHUNK = 128
"""Products decoded together."""
COMMIT = 16 * CHUNK
"""Products between two commits: some minutes of work on a CPU are what a kill may cost."""


@dataclass
class TakingIn:
    """Adds products of catalogues to an index and to what is known of it.

    Attributes:
        known: as it stands in the file by now. problems: of the products that were taken in.
        words: reads their photos; None: nothing is read.
    """

    opened: OpenIndex
    known: IndexedProducts
    problems: ProblemLog
    words: PhotoWords | None = None

    def take(
        self, catalog: Catalog, positions: NDArray[np.int64], signatures: NDArray[np.uint64], progress: Progress
    ) -> None:
        """Add the products at `(n,)` positions, in place of what is there of the same ids.

        The catalogue is among the sources that are known. `signatures`: `(N,)` of all its products.
        """
        recent = RecentRows()
        for start in range(0, len(positions), COMMIT):
            some = positions[start : start + COMMIT]
            ids = catalog.product_ids[some]
            vectors = self._vectors(catalog, some, recent, part_of(progress, start, len(positions)))
            entries = entries_of(catalog, some)
            # of a product whose photos cannot be read any more nothing may be found
            self.opened.index.remove(np.setdiff1d(ids, entries.product_ids[vectors.any(axis=1)]))
            self.opened.index.add(vectors, entries)
            if self._texts is not None:
                keep_texts(self._texts, catalog, some, self.words, self.problems)
            # after the index: were it before, a kill in between would leave products out for good
            source = self.known.addresses.index(catalog.address)
            self.keep(self.known.taking(ids, signatures[some], catalog.category_ids[some], source))

    def remove(self, product_ids: NDArray[np.int64]) -> int:
        """Forget `(n,)` products; returns how many could be found till now."""
        n_removed = self.opened.index.remove(product_ids)
        self.keep(self.known.without(product_ids))
        return n_removed

    def keep(self, known: IndexedProducts) -> None:
        """Write what is known of the index."""
        self.known = known
        known.save(self.opened.place.products)

    @cached_property
    def _texts(self) -> TextStore | None:
        """Where texts are kept, if they are."""
        texts = self.opened.place.texts
        return TextStore.open(texts) if texts.is_dir() else None

    def _vectors(
        self, catalog: Catalog, positions: NDArray[np.int64], recent: RecentRows, progress: Progress | None
    ) -> NDArray[np.float32]:
        """`(P, W)` float32 of all photos of the products at these positions."""
        encoder = self.opened.encoder
        assert encoder is not None, "whoever adds gives an embedder"
        parts = [
            encoder.encode(products, self.problems, recent)
            for _, products in catalog.batches(CHUNK, progress, positions)
        ]
        return np.concatenate(parts)
