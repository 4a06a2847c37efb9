"""Pairs to learn the text channel from where nobody has said which listings are one product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, counted
from search.contract import NO_ROW, VectorIndex
from search.ranking.products import RankedProducts, products_found
from search.ranking.rank import PLAIN
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextPairs
from search.ranking.text_store import TextStore

QUERIES = 500
"""Products that ask: 200 candidates of each are 100,000 pairs, for five weights."""
KEPT_SHARE = 0.5
"""Of words, in what is asked: people type a few of a title's words, and OCR reads some of them."""


def self_taught_pairs(
    index: VectorIndex,
    store: TextStore,
    product_ids: NDArray[np.int64],
    progress: Progress | None = None,
    seed: int = 0,
) -> TextPairs:
    """Products of several photos ask for themselves: by their first photo, which is taken out, and half of their words.

    A whole title would be its own proof: the weights would say that text alone decides. Near candidates are the other
    products, whose text may be the same (an article's other colours): that is learnt, too. Weights fit the plain score
    of this index.

    Args:
        product_ids: `(P,)` products that may ask, none of which is asked for later where weights are measured.
    """
    rng = np.random.default_rng(seed)
    rankings: list[RankedProducts] = []
    queries: list[SearchText] = []
    asking: list[NDArray[np.int64]] = []
    candidates = rng.permutation(np.unique(product_ids))
    written = store.segments.places(candidates)[0] >= 0
    for product_id in counted(candidates[written].tolist(), int(written.sum()), progress):
        if len(rankings) == QUERIES:
            break
        rows, one = index.rows_of(product_id), np.array([product_id])
        words = store.segments.texts(one)[0]
        if len(rows) > 1 and words.words.any:
            rankings.append(_without_row(index, int(rows[0])))
            queries.append(SearchText(_some_words(words.title, rng), _some_words(words.read, rng)))
            asking.append(one)
    return TextPairs.of(store, rankings, queries, asking, PLAIN.visual_score)


def _without_row(index: VectorIndex, row: int) -> RankedProducts:
    """The best products for a vector of the index, as if that vector were not in it."""
    query = index.vectors(np.array([row]))
    hits = index.search(query, PLAIN.candidates + 1)
    others = replace(hits, rows=np.where(hits.rows == row, NO_ROW, hits.rows))
    return products_found(index, query, others).first(PLAIN.candidates)


def _some_words(text: str, rng: np.random.Generator) -> str:
    """About half of the words, at least one where there are any."""
    words = text.split()
    kept = rng.random(len(words)) < KEPT_SHARE
    if len(words) and not kept.any():
        kept[rng.integers(len(words))] = True
    return " ".join(word for word, is_kept in zip(words, kept.tolist(), strict=True) if is_kept)
