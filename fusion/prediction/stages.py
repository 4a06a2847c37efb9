"""Products that are predicted together until an expert waits for other processes: nobody else waits with them.

A photo whose reader hangs would hold up a whole chunk for as long as the reader is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Chunk
from catalog.experts import Opinion
from catalog.product import Product
from catalog.recent_rows import RecentRows
from fusion.prediction.predictor import Predictions, Predictor


@runtime_checkable
class WaitingExpert(Protocol):
    """What an expert has besides that has other processes work for it."""

    def waits_on(self, so_far: Sequence[Opinion]) -> NDArray[np.bool_]:
        """`(N,)` bool: products that it would wait for; `so_far`: as in `Expert.predict`."""


@dataclass(frozen=True)
class BegunPrediction:
    """Products of which the first experts have been asked.

    Attributes:
        rows: their places among all that were given; opinions: of those experts.
    """

    predictor: Predictor
    rows: Sequence[int]
    chunk: Chunk
    opinions: Sequence[Opinion]

    def finish(self) -> Predictions:
        """Ask the others, and conclude."""
        return self.predictor.conclude(self.chunk, self.predictor.opinions_on(self.chunk, self.opinions))


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
