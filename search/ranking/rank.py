"""The products that answer a query of several photos and a text, ordered by what is switched on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.product import MAX_IMAGES
from search.contract import Filter, Hits, VectorIndex
from search.ranking.expansion import AlphaExpansion
from search.ranking.products import ProductVectors, RankedProducts, products_found, readable
from search.ranking.reciprocal import ReciprocalNeighbours
from search.ranking.search_text import NOTHING_WRITTEN, SearchText
from search.ranking.text_channel import TextChannel
from search.ranking.whitening import Whitening

COSINE = "cosine"


@dataclass(frozen=True, eq=False)
class RankingOptions:
    """What orders products anew, in this order; None: off.

    Attributes:
        expansion: photos are searched again, moved towards what they found.
        whitening: candidates are compared by whitened vectors.
        reciprocal: the best are compared by their neighbours.
        text: the visual score and the texts become one score.
        candidates: best products by the score of the index that whitening and text look at.

    Raises:
        ValueError: no candidate, or a text channel that was fitted on another visual score.
    """

    expansion: AlphaExpansion | None = None
    whitening: Whitening | None = None
    reciprocal: ReciprocalNeighbours | None = None
    text: TextChannel | None = None
    candidates: int = 200

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"{self.candidates} candidates: expected 1 or more")
        if self.text is not None and self.text.weights.visual_score != self.visual_score:
            raise ValueError(
                f"the text channel was fitted beside {self.text.weights.visual_score!r}, and is asked to speak beside "
                f"{self.visual_score!r}: fit it anew, or switch the same on as when it was fitted"
            )

    @property
    def visual_score(self) -> str:
        """Names the score that the text channel sees: weights fitted beside one fit no other."""
        whitened = self.whitening and f"whitened {self.whitening.digest_after[:16]}"
        stages = (COSINE, self.expansion, whitened, self.reciprocal)
        return ", ".join(str(stage) for stage in stages if stage)

    @property
    def orders_anew(self) -> bool:
        """Whether anything is switched on."""
        return any((self.expansion, self.whitening, self.reciprocal, self.text))

    def n_products(self, k: int) -> int:
        """Best products by the score of the index of which the k best are chosen."""
        return max(k, self.candidates, self.reciprocal.products if self.reciprocal else 0) if self.orders_anew else k

    def n_hits(self, k: int) -> int:
        """Nearest vectors of each photo that are asked for k products: all photos of one may stand before the next."""
        return max(MAX_IMAGES * k, self.candidates if self.orders_anew else 0)


PLAIN = RankingOptions()
"""Nothing is switched on: mean over the query's photos of the best cosine over the product's."""


def rank(
    index: VectorIndex, queries: NDArray[np.float32], hits: Hits, k: int, options: RankingOptions = PLAIN,
    text: SearchText = NOTHING_WRITTEN, where: Filter | None = None,
) -> RankedProducts:  # fmt: skip
    """At most the k best products for the photos of one query; none where no photo can be read.

    Args:
        queries: `(n, D)` vectors of length 1 of its photos, zeros where one cannot be read.
        hits: what the index finds for them, `options.n_hits(k)` of each. text: what is written of the query.
        where: the filter of that search, for the one that expansion makes.

    Raises:
        ValueError: a whitening that was fitted on vectors of another network.
    """
    _check_fit(index, options.whitening)
    queries, hits = readable(queries, hits)
    if not len(queries):
        return products_found(index, queries, hits, k)
    searched = queries
    if options.expansion is not None:
        searched, hits = options.expansion.search_again(index, queries, hits, where)
    ranked = products_found(index, searched, hits, options.n_products(k))
    if options.whitening is not None:
        ranked = _by_whitened(index, searched, ranked, options.whitening, options.candidates)
    if options.reciprocal is not None:
        ranked = _by_neighbours(index, searched, ranked, options.reciprocal, options.whitening)
    if options.text is not None:
        log_odds = options.text.scores(text, ranked.first(options.candidates))
        ranked = ranked if log_odds is None else ranked.head_by(log_odds)
    return ranked.first(k)


def _by_whitened(
    index: VectorIndex, queries: NDArray[np.float32], ranked: RankedProducts, whitening: Whitening, candidates: int
) -> RankedProducts:
    head = ProductVectors.of(index, ranked.product_ids[:candidates])
    return ranked.head_by(head.scores(whitening.apply(queries) @ whitening.apply(head.vectors).T))


def _by_neighbours(
    index: VectorIndex, queries: NDArray[np.float32], ranked: RankedProducts, reciprocal: ReciprocalNeighbours,
    whitening: Whitening | None,
) -> RankedProducts:  # fmt: skip
    head = ProductVectors.of(index, ranked.product_ids[: reciprocal.products])
    vectors = head.vectors
    if whitening is not None:
        queries, vectors = whitening.apply(queries), whitening.apply(vectors)
    return ranked.head_by(head.scores(reciprocal.similarities(queries, vectors)))


def _check_fit(index: VectorIndex, whitening: Whitening | None) -> None:
    if whitening is not None and whitening.digest and whitening.digest != index.identity.digest:
        raise ValueError(
            f"the whitening was fitted on vectors of another network than those of the index, which are of "
            f"{index.identity.network}: fit it anew on the index's embeddings, or leave it out"
        )
