"""What text weighs beside photos, learnt where nobody has said which listings are one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, counted
from search.ranking.photo_sample import FOLDS, PhotoSample
from search.ranking.rank import PLAIN
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextPairs, TextWeights, fit_channel
from search.ranking.text_evidence import TextEvidence
from search.ranking.text_store import TextStore
from search.ranking.whitening import Whitening

QUERIES = 500
"""Products that ask: 200 candidates of each are 100,000 pairs, for five weights."""
KEPT_SHARE = 0.5
"""Of a title's words, in what is asked: people type a few of them."""


@dataclass(frozen=True)
class NearCandidates:
    """The products nearest to a photo: `(P,)` int64 ids, `(P,)` float32 best cosines, falling."""

    product_ids: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class SelfAsked:
    """Q products of several photos that ask for themselves: by their first photo, which is taken out, what stands on
    it and half of their title.

    A whole title would be its own proof: the weights would say that text alone decides. Near candidates are the other
    products, whose text may be the same (an article's other colours): that is learnt, too. What is learnt fits the
    plain score of an index of these vectors.

    Attributes:
        own: `(Q,)` int64 product of each. group: `(Q,)` int64, see `PhotoSample`. fold: `(Q,)` int64, of its photo.
        rankings: by photo alone. texts: what each asks with.
    """

    store: TextStore
    own: NDArray[np.int64]
    group: NDArray[np.int64]
    fold: NDArray[np.int64]
    rankings: Sequence[NearCandidates]
    texts: Sequence[SearchText]

    @classmethod
    def of(
        cls, sample: PhotoSample, store: TextStore, read: Mapping[int, str], width: int | None = None,
        progress: Progress | None = None, seed: int = 0,
    ) -> SelfAsked:  # fmt: skip
        """Let those products of a sample ask that have a title or words on the first photo.

        Args:
            store: of titles, and of the words on the other photos.
            read: words on the first photo of a product, by its number; of some, or of none.
            width: of the whitening where the index has whitened vectors. Here they are whitened by what was learnt from
                other products: those that it has learnt from look surer by photo than any other will.
        """
        rng = np.random.default_rng(seed)
        asking = np.flatnonzero(sample.asks)
        speaks = np.array([text.words.any for text in _asking(store, sample.owner[asking], read)], bool)
        asking = np.sort(rng.permutation(asking[speaks])[:QUERIES])
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
        texts = [SearchText(_some_words(text.title, rng), text.read) for text in _asking(store, own, read)]
        return cls(store, own, sample.group[rows], sample.fold[rows], rankings, texts)

    def __len__(self) -> int:
        return len(self.own)

    def weights(self, rows: NDArray[np.intp]) -> TextWeights:
        """Learnt from `(q,)` of them; raises ValueError as `fit_channel`."""
        pairs = TextPairs.of(
            self.store, [self.rankings[row] for row in rows], [self.texts[row] for row in rows],
            list(self.own[rows, None]), PLAIN.visual_score,
        )  # fmt: skip
        # few silent candidates are matches here, as a product without text cannot ask; in use one may well be
        return fit_channel(pairs.take(pairs.evidence.speaks))

    def is_found(self, row: int, depth: int, weights: TextWeights | None) -> bool:
        """Whether a product is among the best, by photo alone or with its words; equals stand before it."""
        ranked = self.rankings[row]
        scores: NDArray[np.floating] = ranked.scores
        if weights is not None:
            evidence = TextEvidence.of(self.store, self.texts[row], ranked.product_ids)
            scores = weights.log_odds(ranked.scores, evidence)
        right = scores[ranked.product_ids == self.own[row]]
        return bool(len(right)) and int((scores >= right[0]).sum()) <= depth


def _asking(store: TextStore, product_ids: NDArray[np.int64], read: Mapping[int, str]) -> list[SearchText]:
    """Titles of `(n,)` products, with the words on their first photos."""
    texts = store.segments.texts(product_ids)
    return [
        SearchText(text.title, read.get(number, "")) for text, number in zip(texts, product_ids.tolist(), strict=True)
    ]


def _some_words(text: str, rng: np.random.Generator) -> str:
    """About half of the words, at least one where there are any."""
    words = text.split()
    kept = rng.random(len(words)) < KEPT_SHARE
    if len(words) and not kept.any():
        kept[rng.integers(len(words))] = True
    return " ".join(word for word, is_kept in zip(words, kept.tolist(), strict=True) if is_kept)
