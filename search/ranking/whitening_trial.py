"""Whitening learnt from products of several photos, and whether it finds more where it has not learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, counted
from catalog.files.wording import percent, plural
from catalog.metrics.intervals import MetricValue, bootstrap, percentiles
from search.ranking.photo_sample import FOLDS, AskedPhotos, PhotoSample
from search.ranking.whitening import Whitening

MIN_PRODUCTS = 30
"""Products of several photos below which nothing is tried: too few to learn from, and to tell."""
DEPTH = 10


@dataclass(frozen=True)
class WhiteningTrial:
    """What whitening is worth, measured out of fold: the first photo of a product asks for its others.

    Attributes:
        n_products: of several photos, which asked.
        plain, whitened, gain: recall at `DEPTH` in [0, 1] without, with, and their paired difference; NaN where nothing
            was tried.
        whitening: learnt from all that was drawn, where the gain's interval lies above 0; else None.
    """

    n_products: int
    plain: MetricValue
    whitened: MetricValue
    gain: MetricValue
    whitening: Whitening | None

    @classmethod
    def of(
        cls, vectors: NDArray[Any], product_ids: NDArray[np.int64], width: int, digest: str = "",
        together: NDArray[np.int64] | None = None, progress: Progress | None = None, seed: int = 0,
    ) -> WhiteningTrial:  # fmt: skip
        """Try it on a sample of `(N, D)` vectors of photos, whose products are `(N,)`.

        `width`: see `Whitening.fit`; `digest`: of the embeddings; `together`: see `PhotoSample.of`.
        """
        sample = PhotoSample.of(vectors, product_ids, together, seed)
        n_products = int(sample.asks.sum())
        if n_products < MIN_PRODUCTS:
            undefined = MetricValue(float("nan"), float("nan"), float("nan"))
            return cls(n_products, undefined, undefined, undefined, None)
        found = np.zeros((len(sample.owner), 2))
        for number in counted(range(FOLDS), FOLDS, progress, every=1):
            learnt = sample.fold != number
            whitening = Whitening.fit(sample.vectors[learnt], width, sample.owner[learnt])
            asking = np.flatnonzero(sample.asks & ~learnt)
            for column, space in enumerate((sample.vectors, whitening.apply(sample.vectors))):
                for asked in sample.ask(space, asking):
                    found[asked.rows, column] = places(asked) <= DEPTH
        plain, whitened, gain = paired_figures(found[sample.asks], sample.group[sample.asks])
        chosen = Whitening.fit(sample.vectors, width, sample.owner, digest) if gain.low > 0 else None
        return cls(n_products, plain, whitened, gain, chosen)

    @property
    def text(self) -> str:
        """What was found, in a sentence."""
        several = plural(self.n_products, "product of several photos", "products of several photos")
        if not np.isfinite(self.gain.value):
            return f"whitening is not tried: {several}, it is learnt from {MIN_PRODUCTS} on"
        decision = "it is used" if self.whitening else "it is not used"
        return (
            f"whitening, tried on {several}: the first photo finds the others among the best {DEPTH} in "
            f"{percent(self.whitened.value)} of them, {percent(self.plain.value)} without it: {decision}"
        )


def learnt_whitening(
    vectors: NDArray[Any], product_ids: NDArray[np.int64], width: int, digest: str = "", seed: int = 0
) -> Whitening:
    """That of a trial, whatever it is worth: from a sample of `(N, D)` vectors and their `(N,)` products.

    Raises:
        ValueError: as `Whitening.fit`.
    """
    sample = PhotoSample.of(vectors, product_ids, seed=seed)
    return Whitening.fit(sample.vectors, width, sample.owner, digest)


def places(asked: AskedPhotos) -> NDArray[np.int64]:
    """`(q,)` place of the right product, from 1; equals stand before it."""
    right = asked.best[np.arange(len(asked.own)), asked.own]
    return (asked.best >= right[:, None]).sum(axis=1)


def paired_figures(found: NDArray[np.float64], group: NDArray[np.int64]) -> list[MetricValue]:
    """Means of both columns of `(q, 2)` and of their difference; intervals from drawing groups, `(q,)`, whole."""
    columns = np.column_stack([found, found[:, 1] - found[:, 0], np.ones(len(found))])
    parts = np.stack([np.bincount(group, column) for column in columns.T])[:, np.unique(group)]
    drawn = percentiles(bootstrap(parts, lambda sums: sums[:-1] / sums[-1]))
    return [MetricValue(*one) for one in np.column_stack([columns[:, :-1].mean(axis=0), drawn]).tolist()]
