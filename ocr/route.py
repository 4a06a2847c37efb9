"""Which products are worth reading: those that the photo branch takes for books or CDs."""

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import in_batches
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import SEPARATOR, Taxonomy

log = logging.getLogger(__name__)
CHUNK = 1024
"""Products whose probabilities of all leaves are held at once: 22 MB on Cdiscount's tree."""
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""What `route_threshold: auto` chooses from; the first is also what is read to draw the curve."""
# Share of all products that a higher threshold may cost, and share of the photos that it must save to be preferred.
MAX_LOSS, MIN_SAVING = 0.001, 0.02


def category_leaves(tree: Taxonomy, categories: Sequence[str]) -> NDArray[np.int64]:
    """`(L,)` int64 sorted leaf indices below the configured categories, each an exact path (`MUSIQUE`, `MUSIQUE > CD`).

    Categories that this tree lacks are passed over, so that one configuration serves several trees.

    Raises:
        ValueError: the tree has none of them; the nearest paths are named.
    """
    leaves = []
    for category in categories:
        try:
            leaves.append(tree.leaves_below(category))
        except KeyError:
            log.info("the tree has no shelf %r", category)
    if not leaves:
        paths = sorted({SEPARATOR.join(p[:n]) for p in tree.paths for n in tree.levels[:-1] or (1,)})
        near = [p for c in categories for p in difflib.get_close_matches(c, paths, n=2, cutoff=0.3)] or paths[:5]
        raise ValueError(
            f"ocr.shelves: the tree has none of {', '.join(categories)}; "
            f"it has for instance {', '.join(dict.fromkeys(near))}. Name those whose photos show words: "
            "--set 'shelves=[...]'; or have a sample of all read, to find out where reading pays: --set shelves=auto"
        )
    return np.unique(np.concatenate(leaves))


def category_mass(photo: Probabilities, leaves: NDArray[np.int64], tree: Taxonomy) -> NDArray[np.float32]:
    """`(N,)` float32 probability that each product is of one of the `leaves`; 0 where the photo branch is silent."""
    mass = np.zeros(len(photo), np.float32)
    rows = np.flatnonzero(photo.speaks)
    for chunk in in_batches(rows, CHUNK):
        mass[chunk] = photo.dense(chunk, len(tree))[:, leaves].sum(axis=1)
    return mass


def routed(photo: Probabilities, leaves: NDArray[np.int64], tree: Taxonomy, threshold: float) -> NDArray[np.bool_]:
    """`(N,)` bool: products to read. The photo probabilities are held-out ones when something is fitted on them."""
    return category_mass(photo, leaves, tree) >= threshold


@dataclass(frozen=True)
class Route:
    """Which products are read: those whose mass on some leaves reaches a threshold.

    Attributes:
        leaves: `(L,)` int64; threshold: in [0, 1].
    """

    leaves: NDArray[np.int64]
    tree: Taxonomy
    threshold: float

    def of(self, photo: Probabilities) -> NDArray[np.bool_]:
        """`(N,)` bool."""
        return routed(photo, self.leaves, self.tree, self.threshold)


@dataclass(frozen=True)
class RoutePoint:
    """What reading from one threshold on costs and brings, on N held-out products.

    Attributes:
        threshold: mass on the categories from which a product is read; products, photos: how many that makes;
        accuracy: share of all N products whose likeliest leaf is right when, on products that were read, the photo
        branch tells how likely the categories are and the text which leaf below them; or the product of both branches'
        probabilities, where that is right more often.
    """

    threshold: float
    products: int
    photos: int
    accuracy: float


@dataclass(frozen=True)
class RouteCurve:
    """Extra accuracy against reading.

    Attributes:
        n_products: N; without_text: leaf accuracy of the photo branch alone; points: by rising threshold.
    """

    n_products: int
    without_text: float
    points: tuple[RoutePoint, ...]

    @classmethod
    def measure(
        cls,
        photo: Probabilities,
        text: Probabilities,
        truth: NDArray[np.int64],
        leaves: NDArray[np.int64],
        tree: Taxonomy,
    ) -> Self:
        """The curve over rows of held-out products.

        Args:
            photo, text: rows of the same N products; text was read from the lowest of `THRESHOLDS` on.
            truth: `(N,)` leaf. leaves: leaf indices of the categories that are read.
        """
        mass = category_mass(photo, leaves, tree)
        by_photo = np.zeros(len(photo), bool)
        spoken = np.flatnonzero(photo.speaks)
        for chunk in in_batches(spoken, CHUNK):
            by_photo[chunk] = photo.dense(chunk, len(tree)).argmax(axis=1) == truth[chunk]
        # two ways to hear both: the text alone tells the leaf below the categories, or the product of both does
        ways = np.stack([by_photo, by_photo])
        both = np.flatnonzero(photo.speaks & text.speaks)
        for chunk in in_batches(both, CHUNK):
            dense, words = photo.dense(chunk, len(tree)), text.dense(chunk, len(tree))[:, leaves]
            for way, below in zip(ways, (words, dense[:, leaves] * words), strict=True):
                total = below.sum(axis=1, keepdims=True)
                dense[:, leaves] = mass[chunk, None] * np.divide(below, total, out=below, where=total > 0)
                way[chunk] = dense.argmax(axis=1) == truth[chunk]
        with_text = ways[int(ways.sum(axis=1).argmax())]
        points = []
        for threshold in THRESHOLDS:
            read = mass >= threshold
            accuracy = float(np.where(read, with_text, by_photo).mean())
            points.append(RoutePoint(threshold, int(read.sum()), int(photo.n_images[read].sum()), accuracy))
        return cls(len(photo), float(by_photo.mean()), tuple(points))

    def best_threshold(self) -> float:
        """The lowest threshold that reads hardly more photos than any that costs no accuracy.

        A threshold costs accuracy when it lies more than `MAX_LOSS` below the best; among those that do not, a higher
        one must save `MIN_SAVING` of the photos: other catalogues will not be as easy as the held-out products.
        """
        best = max(point.accuracy for point in self.points)
        good = [point for point in self.points if point.accuracy >= best - MAX_LOSS]
        fewest = min(point.photos for point in good)
        return next(point.threshold for point in good if point.photos * (1 - MIN_SAVING) <= fewest)
