"""Pairs to learn the text channel from where nobody has said which listings are one product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, counted
from search.ranking.photo_sample import FOLDS, PhotoSample
from search.ranking.rank import PLAIN
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextPairs
from search.ranking.text_store import TextStore
from search.ranking.whitening import Whitening

QUERIES = 500
"""Products that ask: 200 candidates of each are 100,000 pairs, for five weights."""
KEPT_SHARE = 0.5
"""Of words, in what is asked: people type a few of a title's words, and OCR reads some of them."""


@dataclass(frozen=True)
class NearCandidates:
    """The products nearest to a photo: `(P,)` int64 ids, `(P,)` float32 best cosines, falling."""

    product_ids: NDArray[np.int64]
    scores: NDArray[np.float32]


def self_taught_pairs(
    vectors: NDArray[Any], product_ids: NDArray[np.int64], store: TextStore, width: int | None = None,
    together: NDArray[np.int64] | None = None, progress: Progress | None = None, seed: int = 0,
) -> TextPairs:  # fmt: skip
    """Products of several photos ask for themselves: by their first photo, which is taken out, and half of their words.

    A whole title would be its own proof: the weights would say that text alone decides. Near candidates are the other
    products, whose text may be the same (an article's other colours): that is learnt, too. The weights fit the plain
    score of an index of these vectors.

    Args:
        vectors: `(N, D)` of photos, `product_ids`: `(N,)` int64, of which a sample is drawn.
        width: of the whitening where the index has whitened vectors. Here they are whitened by what was learnt from
            other products: those that it has learnt from look surer by photo than any other will.
        together: see `PhotoSample.of`.
    """
    rng = np.random.default_rng(seed)
    sample = PhotoSample.of(vectors, product_ids, together, seed)
    texts = store.segments.texts(sample.owner[sample.asks])
    asking = np.flatnonzero(sample.asks)[[text.words.any for text in texts]]
    asking = np.sort(rng.permutation(asking)[:QUERIES])
    rankings: list[NearCandidates] = []
    rows: list[int] = []
    for number in counted(range(FOLDS), FOLDS, progress, every=1):
        rows_of_fold = asking[sample.fold[asking] == number]
        if not len(rows_of_fold):
            continue
        space = sample.vectors
        if width is not None:
            learnt = sample.fold != number
            space = Whitening.fit(space[learnt], width, sample.owner[learnt]).apply(space)
        for asked in sample.ask(space, rows_of_fold):
            order = np.argsort(-asked.best, axis=1, kind="stable")[:, : PLAIN.candidates]
            scores = np.take_along_axis(asked.best, order, axis=1)
            rankings += [NearCandidates(sample.products[one], of) for one, of in zip(order, scores, strict=True)]
            rows += asked.rows.tolist()
    own = sample.owner[rows]
    queries = [
        SearchText(_some_words(text.title, rng), _some_words(text.read, rng)) for text in store.segments.texts(own)
    ]
    pairs = TextPairs.of(store, rankings, queries, list(own[:, None]), PLAIN.visual_score)
    # a product without text cannot ask, so that here no silent candidate is a match; in use one may well be
    return pairs.take(pairs.evidence.speaks)


def _some_words(text: str, rng: np.random.Generator) -> str:
    """About half of the words, at least one where there are any."""
    words = text.split()
    kept = rng.random(len(words)) < KEPT_SHARE
    if len(words) and not kept.any():
        kept[rng.integers(len(words))] = True
    return " ".join(word for word, is_kept in zip(words, kept.tolist(), strict=True) if is_kept)
