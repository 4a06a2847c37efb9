"""Whitening learnt from products of several photos, and whether it finds more where it has not learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Progress, counted, in_batches
from catalog.files.wording import percent, plural
from catalog.metrics.intervals import MetricValue, bootstrap, percentiles
from search.ranking.whitening import Whitening

FOLDS = 3
MIN_PRODUCTS = 30
"""Products of several photos below which nothing is tried: too few to learn from, and to tell."""
MAX_PRODUCTS, MAX_PHOTOS = 4_000, 20_000
"""Products of several photos that are drawn, and photos in all: 100 MB of 1280 numbers each."""
QUERIES_AT_ONCE = 256
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
        """Try it on a sample of `(N, D)` vectors of photos, which may be memory-mapped; zeros are passed over.

        Args:
            product_ids: `(N,)` int64 whose photo each is. width: see `Whitening.fit`; digest: of the embeddings.
            together: `(N,)` int64 numbers, equal for photos that never stand on two sides: of an article in several
                colours, of listings with a photo in common; None: those of a product.
        """
        rng = np.random.default_rng(seed)
        row = _drawn(vectors, product_ids, rng)
        drawn, owner = np.asarray(vectors[row], np.float32), product_ids[row]
        asks = _first_of_several(owner)
        if asks.sum() < MIN_PRODUCTS:
            undefined = MetricValue(float("nan"), float("nan"), float("nan"))
            return cls(int(asks.sum()), undefined, undefined, undefined, None)
        _, of_group = np.unique(owner if together is None else together[row], return_inverse=True)
        fold = rng.permutation(np.arange(of_group.max() + 1) % FOLDS)[of_group]
        found = np.zeros((len(row), 2))
        for number in counted(range(FOLDS), FOLDS, progress, every=1):
            learnt = fold != number
            whitening = Whitening.fit(drawn[learnt], width, owner[learnt])
            asking = np.flatnonzero(asks & (fold == number))
            for column, space in enumerate((drawn, whitening.apply(drawn))):
                found[asking, column] = _places(space, owner, asking) <= DEPTH
        plain, whitened, gain = _figures(found[asks], of_group[asks])
        chosen = Whitening.fit(drawn, width, owner, digest) if gain.low > 0 else None
        return cls(int(asks.sum()), plain, whitened, gain, chosen)

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
    row = _drawn(vectors, product_ids, np.random.default_rng(seed))
    return Whitening.fit(np.asarray(vectors[row]), width, product_ids[row], digest)


def _figures(found: NDArray[np.float64], group: NDArray[np.int64]) -> list[MetricValue]:
    """Means of both columns of `(q, 2)` and of their difference; intervals from drawing groups, `(q,)`, whole."""
    columns = np.column_stack([found, found[:, 1] - found[:, 0], np.ones(len(found))])
    parts = np.stack([np.bincount(group, column) for column in columns.T])[:, np.unique(group)]
    drawn = percentiles(bootstrap(parts, lambda sums: sums[:-1] / sums[-1]))
    return [MetricValue(*one) for one in np.column_stack([columns[:, :-1].mean(axis=0), drawn]).tolist()]


def _first_of_several(owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`(n,)` the first photo of each product that has another one."""
    _, first, size = np.unique(owner, return_index=True, return_counts=True)
    asks = np.zeros(len(owner), bool)
    asks[first[size > 1]] = True
    return asks


def _drawn(vectors: NDArray[Any], product_ids: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.intp]:
    """`(n,)` rows in their order: all photos of some products of several, and of others as far as there is room.

    Those of zeros are left out once they are drawn: a look at all of seven million would take minutes.
    """
    products, place, size = np.unique(product_ids, return_inverse=True, return_counts=True)
    several = rng.permutation(np.flatnonzero(size > 1))[:MAX_PRODUCTS]
    several = several[np.cumsum(size[several]) <= MAX_PHOTOS]
    others = rng.permutation(np.flatnonzero(size == 1))[: MAX_PHOTOS - int(size[several].sum())]
    kept = np.zeros(len(products), bool)
    kept[several] = kept[others] = True
    row = np.flatnonzero(kept[place])
    return row[np.asarray(vectors[row]).any(axis=1)]


def _places(vectors: NDArray[np.float32], owner: NDArray[np.int64], asking: NDArray[np.intp]) -> NDArray[np.int64]:
    """`(q,)` place of the product of each asking row, from 1, by its nearest other photo; equals stand before it."""
    order = np.argsort(owner, kind="stable")
    start = np.flatnonzero(np.append(True, owner[order][1:] != owner[order][:-1]))
    column = np.searchsorted(owner[order][start], owner[asking])
    # of the whole, so that the photo that asks is one of its columns
    sorted_vectors, own = vectors[order], np.argsort(order, kind="stable")[asking]
    places = np.zeros(len(asking), np.int64)
    for some in in_batches(np.arange(len(asking)), QUERIES_AT_ONCE):
        cosines = vectors[asking[some]] @ sorted_vectors.T
        cosines[np.arange(len(some)), own[some]] = -np.inf
        best = np.maximum.reduceat(cosines, start, axis=1)
        right = best[np.arange(len(some)), column[some]]
        places[some] = (best >= right[:, None]).sum(axis=1)
    return places
