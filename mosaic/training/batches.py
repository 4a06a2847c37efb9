"""What is shown when: batches of one image count, a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from catalog.files.wording import any_of
from catalog.product import MAX_IMAGES
from catalog.tree.taxonomy import Taxonomy
from mosaic.config import TrainingConfig
from mosaic.views import View

WHOLE = -1
"""In place of a photo's number, for an example that shows all photos of its product."""


@dataclass(frozen=True)
class Examples:
    """What to learn from: products, or single photos of them.

    Attributes:
        positions: `(N,)` int64 in the catalogue; labels: `(N,)` int64 index in the support;
        n_images: `(N,)` int8 photos of the product; n_shown: `(N,)` int8 how many of them are shown;
        photos: `(N,)` int8 the one photo that is shown, from 0, or `WHOLE`.
    """

    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_images: NDArray[np.int8]
    n_shown: NDArray[np.int8]
    photos: NDArray[np.int8]

    @classmethod
    def of(
        cls, view: View, positions: NDArray[np.int64], labels: NDArray[np.int64], n_images: NDArray[np.int8]
    ) -> Examples:
        """What a network with this view learns from `(P,)` products: one example each, or one for each photo it sees.

        Products with more photos than the view's count show a random part of them.
        """
        if not view.position:
            n_shown = np.minimum(n_images, view.n_images) if view.n_images else n_images
            return cls(positions, labels, n_images, n_shown.astype(np.int8), np.full(len(positions), WHOLE, np.int8))
        shows = np.array([view.shows(photo) for photo in range(MAX_IMAGES)])
        rows, photos = np.nonzero(shows & (np.arange(MAX_IMAGES) < n_images[:, None]))
        return cls(positions[rows], labels[rows], n_images[rows], np.ones(len(rows), np.int8), photos.astype(np.int8))


@dataclass(frozen=True)
class Batch:
    """Examples that show equally many photos.

    Attributes:
        examples: `(B,)` int64 example numbers; n_shown: photos of each that are shown.
        epoch: from 0; number: of this batch in the epoch, from 0; of: batches of the epoch on this device.
    """

    examples: NDArray[np.int64]
    n_shown: int
    epoch: int
    number: int
    of: int


class CountBatchSampler(Sampler[Batch]):
    """Shuffled batches of all epochs, one image count per batch, `photos_per_batch` photos in each.

    With `limits`, a large leaf gives a fresh part each epoch; with `subsets`, that share of the batches of
    products with several photos shows a random part of them, so that a network for any count also learns small counts
    from products with more photos. Of `n_devices`, device number `device` gets every n-th batch; each gets the same
    number, a multiple of `accumulate`, for which a few batches may be shown twice.
    """

    def __init__(
        self, examples: Examples, photos_per_batch: int, training: TrainingConfig, seed: int, *,
        device: int = 0, n_devices: int = 1, start: tuple[int, int] = (0, 0), limits: NDArray[np.int64] | None = None,
    ) -> None:  # fmt: skip
        """`start`: epoch and batch number to begin with; `limits`: `(S,)` most examples of each leaf in an epoch."""
        self.examples, self.photos_per_batch, self.training = examples, photos_per_batch, training
        self.seed, self.device, self.n_devices, self.start = seed, device, n_devices, start
        if limits is None:
            limits = np.full(int(examples.labels.max(initial=0)) + 1, len(examples.labels))
        self.limits = limits

    def __iter__(self) -> Iterator[Batch]:
        """Batches of every epoch from `start` on."""
        first_epoch, first_number = self.start
        for epoch in range(first_epoch, self.training.head_epochs + self.training.epochs):
            yield from self.epoch(epoch)[first_number if epoch == first_epoch else 0 :]

    def epoch(self, epoch: int) -> list[Batch]:
        """This device's batches of one epoch."""
        rng = np.random.default_rng((self.seed, epoch))
        order = self._drawn(rng)
        n_shown = self.examples.n_shown
        batches: list[tuple[NDArray[np.int64], int]] = []
        for count in np.unique(n_shown).tolist():
            of_count = order[n_shown[order] == count]
            size = max(1, self.photos_per_batch // count)
            starts = list(range(0, len(of_count), size))
            if size > 2 and len(of_count) % size == 1 and len(of_count) > 1:
                # batch normalisation cannot learn from a single small photo: the last batch borrows a second one
                starts[-1] -= 1
            for examples in np.split(of_count, starts[1:]) if len(of_count) else []:
                shows_fewer = count > 1 and rng.random() < self.training.subsets
                batches.append((examples, int(rng.integers(1, count)) if shows_fewer else count))
        # processes wait for each other at every step: each needs as many batches, and as many as whole steps take.
        # Dealt out in turn, a step's batches are those that one process alone would add up
        multiple = self.n_devices * self.training.accumulate
        n_batches = -(-len(batches) // multiple) * multiple
        order_of_batches = np.resize(rng.permutation(len(batches)), n_batches)[self.device :: self.n_devices]
        mine = [batches[i] for i in order_of_batches.tolist()]
        return [Batch(examples, n, epoch, number, len(mine)) for number, (examples, n) in enumerate(mine)]

    def leaf_shares(self, n_leaves: int) -> NDArray[np.float64]:
        """`(n_leaves,)` share of the examples of an epoch that are of each leaf, in expectation; sums to one."""
        shares = np.bincount(self.examples.labels, minlength=n_leaves).astype(np.float64)
        if self.training.sampling == "square_root":
            shares = np.sqrt(shares) * (shares.sum() / np.sqrt(shares).sum())
        shares[: len(self.limits)] = np.minimum(shares[: len(self.limits)], self.limits)
        return shares / shares.sum()

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """`(<= N,)` example numbers of an epoch in random order."""
        labels = self.examples.labels
        if self.training.sampling == "square_root":
            # each of a leaf's n examples by 1 / sqrt(n): together they weigh sqrt(n)
            weights = 1 / np.sqrt(np.bincount(labels))[labels]
            order = rng.choice(len(labels), len(labels), p=weights / weights.sum())
        else:
            order = rng.permutation(len(labels))
        return order[occurrence(labels[order]) < self.limits[labels[order]]]


def leaf_limits(training: TrainingConfig, tree: Taxonomy, support: NDArray[np.integer]) -> NDArray[np.int64]:
    """`(S,)` int64 most examples of each leaf of a support in an epoch.

    Raises:
        ValueError: the tree has no such shelf.
    """
    limits = np.full(len(tree), training.products_per_leaf or np.iinfo(np.int64).max)
    for shelf, limit in training.shelf_limits.items():
        try:
            below = tree.leaves_below(shelf)
        except KeyError:
            levels = any_of([tree.level_names[level] for level in tree.levels[:2]])
            raise ValueError(
                f"shelf_limits names {shelf!r}, which is no {levels} path of the tree; `catalog info` shows them"
            ) from None
        limits[below] = np.minimum(limits[below], limit)
    return limits[support]


def occurrence(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(N,)` how often each of `(N,)` values stood before its place: `[a b a] -> [0 0 1]`."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=values[order[:1]] - 1))
    occurrence = np.empty(len(values), np.int64)
    occurrence[order] = np.arange(len(values)) - np.repeat(starts, np.diff(starts, append=len(values)))
    return occurrence
