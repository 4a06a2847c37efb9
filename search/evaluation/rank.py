"""The products that a search finds for each query of a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import positions_of
from catalog.files.progress import Progress
from catalog.ids.shop_id import ShopId, id_number
from search.contract import Filter
from search.evaluation.measures import Ranking
from search.evaluation.truth import Truth

BATCH = 64
"""Queries whose photos are in memory at a time."""


class RankedProduct(Protocol):
    """A product that was found."""

    @property
    def product_id(self) -> ShopId:
        """As the shop has it."""

    @property
    def score(self) -> float:
        """The higher, the more alike."""


class PhotoSearch(Protocol):
    """Photos of one product in, the most similar products out."""

    def by_photos(
        self, photos: Sequence[bytes], k: int, where: Filter | None = None, title: str = ""
    ) -> Sequence[RankedProduct]:
        """At most k products, each once, the best first; none where no photo can be read."""


def rank(search: PhotoSearch, queries: Catalog, truth: Truth, depth: int, progress: Progress | None = None) -> Ranking:
    """The `depth` best products of each query of the truth, `(Q, depth)`.

    A query is not found in itself: where the index holds its id, too, that one is left out, unless the truth calls it
    a match.
    """
    ids = np.zeros((len(truth), depth), np.int64)
    scores = np.full((len(truth), depth), -np.inf, np.float32)
    positions = positions_of(queries.product_ids, truth.query_ids)
    row = 0
    for _, products in queries.batches(BATCH, progress, positions):
        for product in products:
            found = search.by_photos(product.images, depth, others_than(truth, row), product.title or "")
            ids[row, : len(found)] = [id_number(one.product_id) for one in found]
            scores[row, : len(found)] = [one.score for one in found]
            row += 1
    return Ranking(ids, scores)


def others_than(truth: Truth, query: int) -> Filter | None:
    """Everything but the query at this place itself; None where it may be found."""
    own: NDArray[np.int64] = truth.query_ids[query : query + 1]
    return None if np.isin(own, truth.matches(query)).all() else Filter(without=own)
