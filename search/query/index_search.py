"""Asks an index: photos or one of its products in, products out, the most alike first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalog.ids.shop_id import ShopId, id_number
from catalog.product import MAX_IMAGES, ProblemLog, Product
from catalog.sources.source import NO_CATEGORY
from search.contract import Filter, VectorIndex
from search.indexing.photo_encoder import PhotoEncoder
from search.ranking.products import RankedProducts
from search.ranking.rank import PLAIN, RankingOptions, rank
from search.ranking.search_text import NOTHING_WRITTEN, SearchText

LEAST_HITS = 100
"""Photos that are looked at for each of the query's: what only some of these find is compared with them all."""


@dataclass(frozen=True)
class FoundProduct:
    """A product that a search has found.

    Attributes:
        score: what it is ordered by: the similarity, unless something orders anew; with text, log-odds.
        similarity: cosine in [-1, 1], mean over the query's photos of the best over its photos.
        photo: position of its photo that is most like the query, from 0. category_id: of its label.
    """

    product_id: ShopId
    score: float
    similarity: float
    photo: int
    category_id: ShopId | None


@dataclass(frozen=True)
class IndexSearch:
    """An index as it is, and what encodes photos as its vectors are; safe in threads.

    Attributes:
        encoder: None where only products of the index are asked about. options: what orders products anew.
    """

    index: VectorIndex
    encoder: PhotoEncoder | None = None
    options: RankingOptions = PLAIN

    def by_photos(
        self, photos: Sequence[bytes], k: int, where: Filter | None = None, title: str = "",
        problems: ProblemLog | None = None, read: str = "",
    ) -> list[FoundProduct]:  # fmt: skip
        """At most k products like one that is given by its encoded photos, and perhaps its title.

        None where no photo can be read; of more than four, the first four are used.

        Args:
            problems: is told of the photos that cannot be decoded. read: words on the photos.
        """
        assert self.encoder is not None, "a search by photos has what encodes them"
        problems = ProblemLog() if problems is None else problems
        vectors = self.encoder.encode([Product(0, tuple(photos[:MAX_IMAGES]), title=title)], problems)
        return self._found(vectors, k, where, SearchText(title, read))

    def by_product(self, product_id: ShopId, k: int, where: Filter | None = None) -> list[FoundProduct]:
        """At most k products like one of the index, itself left out; none where the index has no photo of it.

        Its own text counts where texts do.
        """
        number, where = id_number(product_id), where or Filter()
        without = np.append(np.zeros(0, np.int64) if where.without is None else where.without, number)
        vectors = self.index.vectors(self.index.rows_of(number))
        channel = self.options.text
        text = NOTHING_WRITTEN if channel is None else channel.store.segments.texts(np.array([number]))[0]
        return self._found(vectors, k, replace(where, without=without), text)

    def _found(
        self, vectors: NDArray[np.float32], k: int, where: Filter | None, text: SearchText
    ) -> list[FoundProduct]:
        """At most k products, by `(n, W)` vectors of a query's photos."""
        if not vectors.any():
            return []
        try:
            return self._looked_up(vectors, k, where, text)
        except ValueError:
            # between two looks at the index it may have been compacted, so that rows are others now
            return self._looked_up(vectors, k, where, text)

    def _looked_up(
        self, vectors: NDArray[np.float32], k: int, where: Filter | None, text: SearchText
    ) -> list[FoundProduct]:
        hits = self.index.search(vectors, max(LEAST_HITS, self.options.n_hits(k)), where)
        return _shop_ids(self.index, rank(self.index, vectors, hits, k, self.options, text, where))


def _shop_ids(index: VectorIndex, ranked: RankedProducts) -> list[FoundProduct]:
    ids = index.ids
    categories = ids.take(ranked.category_ids)
    rows = zip(
        ids.take(ranked.product_ids), ranked.scores.tolist(), ranked.similarities.tolist(), ranked.photos.tolist(),
        categories, (ranked.category_ids == NO_CATEGORY).tolist(), strict=True,
    )  # fmt: skip
    return [
        FoundProduct(product, score, similarity, photo, None if is_none else category)
        for product, score, similarity, photo, category, is_none in rows
    ]
