"""Products that are predicted together until an expert waits for other processes: nobody else waits with them.

A photo whose reader hangs would hold up a whole chunk for as long as the reader is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Opinion
from catalog.probabilities import concatenate
from catalog.product import Product
from catalog.recent_rows import RecentRows
from fusion.prediction.predictor import Predictions, Predictor


@runtime_checkable
class WaitingExpert(Protocol):
    """What an expert has besides that has other processes work for it: `Expert.predict` in two halves.

    One half only waits, for as long as one product takes; the other one computes, and gains from many at once.
    """

    def waits_on(self, so_far: Sequence[Opinion]) -> NDArray[np.bool_]:
        """`(N,)` bool: products that it would wait for; `so_far`: as in `Expert.predict`."""

    def fetch(self, chunk: Chunk, so_far: Sequence[Opinion]) -> Sequence[Any]:
        """`(N,)` what the other processes have found on each product, None where they are not asked."""

    def predict_fetched(self, chunk: Chunk, so_far: Sequence[Opinion], fetched: Sequence[Any]) -> Opinion:
        """Its opinion from the `(N,)` things fetched, which may come from several `fetch`."""


@dataclass(frozen=True)
class BegunPrediction:
    """Products of which the first experts have been asked.

    Attributes:
        rows: their places among all that were given; opinions: of those experts.
        fetched: `(N,)` what the next expert has waited for, None where it has not.
    """

    predictor: Predictor
    rows: Sequence[int]
    chunk: Chunk
    opinions: Sequence[Opinion]
    fetched: Sequence[Any] | None = None

    @classmethod
    def joined(cls, parts: Sequence[BegunPrediction]) -> BegunPrediction:
        """Products of one predictor that have come equally far, in order; `rows` are their places in it.

        Raises:
            ValueError: they have not come equally far, or two have one id, by which problems are told apart.
        """
        first, chunks = parts[0], [part.chunk for part in parts]
        chunk = Chunk(
            [product for each in chunks for product in each.products],
            {md5: picture for each in chunks for md5, picture in each.pictures.items()},
            [md5s for each in chunks for md5s in each.md5s],
            [problem for each in chunks for problem in each.problems],
            first.chunk.in_training,
            first.chunk.recent,
        )
        if len({product.product_id for product in chunk.products}) < len(chunk.products):
            raise ValueError("products that are finished together need different ids")
        if len({part.fetched is None for part in parts}) > 1:
            raise ValueError("some products have been waited for, and some have not")
        opinions = [_joined(of_expert) for of_expert in zip(*(part.opinions for part in parts), strict=True)]
        fetched = None if first.fetched is None else [one for part in parts for one in part.fetched or ()]
        return cls(first.predictor, range(len(chunk.products)), chunk, opinions, fetched)

    def fetch(self) -> BegunPrediction:
        """The same once the next expert, a `WaitingExpert`, has waited for its processes; nothing is computed here."""
        expert: Any = self.predictor.experts[len(self.opinions)]
        return replace(self, fetched=expert.fetch(self.chunk, self.opinions))

    def finish(self) -> Predictions:
        """Ask the others, and conclude."""
        opinions = list(self.opinions)
        if self.fetched is not None:
            expert: Any = self.predictor.experts[len(opinions)]
            opinions.append(expert.predict_fetched(self.chunk, opinions, self.fetched))
        return self.predictor.conclude(self.chunk, self.predictor.opinions_on(self.chunk, opinions))


@dataclass(frozen=True)
class StagedPrediction:
    """Some products, predicted as far as nobody has to be waited for.

    Attributes:
        ready: those that can be finished at once, together; None where there are none.
        waiting: each of the others by itself.
    """

    ready: BegunPrediction | None
    waiting: Sequence[BegunPrediction]

    @classmethod
    def of(
        cls, predictor: Predictor, products: Sequence[Product], recent: RecentRows | None = None
    ) -> StagedPrediction:
        """Ask the experts up to the first that waits for some of the products.

        Each product gets what `Predictor.predict` says of it alone, but for what floating point makes of the order in
        which numbers are added.
        """
        chunk, opinions = predictor.chunk_of(products, recent=recent), list[Opinion]()
        waits = np.zeros(len(products), bool)
        for expert in predictor.experts:
            if isinstance(expert, WaitingExpert):
                waits = expert.waits_on(opinions)
                if waits.any():
                    break
            opinions.append(expert.predict(chunk, opinions))
        begun = BegunPrediction(predictor, range(len(products)), chunk, opinions)
        if not waits.any():
            return cls(begun, [])
        ready, waiting = np.flatnonzero(~waits).tolist(), np.flatnonzero(waits).tolist()
        return cls(_part(begun, ready) if ready else None, [_part(begun, [row]) for row in waiting])


def _part(begun: BegunPrediction, rows: Sequence[int]) -> BegunPrediction:
    chunk = begun.chunk
    ids = {chunk.products[row].product_id for row in rows}
    md5s = [chunk.md5s[row] for row in rows]
    own = Chunk(
        [chunk.products[row] for row in rows],
        # the pictures of the others are not kept for as long as these wait
        {md5: chunk.pictures[md5] for one in md5s for md5 in one if md5 in chunk.pictures},
        md5s,
        [problem for problem in chunk.problems if problem.product_id in ids],
        chunk.in_training,
        chunk.recent,
    )
    opinions = [
        replace(
            opinion,
            probabilities=opinion.probabilities.select(np.array(rows, np.int64)),
            exhibits={place: opinion.exhibits[row] for place, row in enumerate(rows) if row in opinion.exhibits},
            problems=[problem for problem in opinion.problems if problem.product_id in ids],
        )
        for opinion in begun.opinions
    ]
    return BegunPrediction(begun.predictor, rows, own, opinions)


def _joined(opinions: Sequence[Opinion]) -> Opinion:
    """One expert's opinions on several chunks as that on all of them."""
    starts = accumulate((len(opinion.probabilities) for opinion in opinions), initial=0)
    return replace(
        opinions[0],
        probabilities=concatenate([opinion.probabilities for opinion in opinions]),
        exhibits={
            start + row: shown
            for start, opinion in zip(starts, opinions, strict=False)
            for row, shown in opinion.exhibits.items()
        },
        problems=[problem for opinion in opinions for problem in opinion.problems],
    )
