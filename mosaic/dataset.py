"""Training strips by batch: every batch holds products of one image count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.photos import UnreadablePhoto, decode
from mosaic.strip import assemble, augment


@dataclass(frozen=True)
class Examples:
    """Products to learn from.

    Attributes:
        positions: `(N,)` int64 in the catalogue; labels: `(N,)` int64 index in the support;
        n_images: `(N,)` int8 photos of each.
    """

    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_images: NDArray[np.int8]


@dataclass(frozen=True)
class Batch:
    """Example numbers of one image count, and how many photos of each are shown (the count, or fewer)."""

    examples: list[int]
    n_shown: int


class CountBatches(Sampler[Batch]):
    """Shuffled batches, one image count per batch, `photos_per_batch` photos in each.

    The draw depends on seed and epoch alone. With `products_per_leaf`, a large leaf gives a fresh part each epoch;
    with `subsets`, that share of the batches of products with several photos shows a random part of them, so that a
    network for any count also learns small counts from products with more photos.
    """

    def __init__(self, examples: Examples, photos_per_batch: int, training: TrainingConfig, seed: int) -> None:
        self.examples = examples
        self.photos_per_batch = photos_per_batch
        self.training = training
        self.seed = seed
        self.epoch = 0

    def _batches(self, epoch: int) -> list[Batch]:
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.examples.labels))
        if self.training.products_per_leaf is not None:
            order = order[_occurrence(self.examples.labels[order]) < self.training.products_per_leaf]
        batches = []
        for count in np.unique(self.examples.n_images).tolist():
            own = order[self.examples.n_images[order] == count]
            size = max(1, self.photos_per_batch // count)
            starts = list(range(0, len(own), size))
            if size > 2 and len(own) % size == 1 and len(own) > 1:
                # batch normalisation cannot learn from a single small photo: the last batch borrows a second one
                starts[-1] -= 1
            for start, end in pairwise([*starts, len(own)]):
                fewer = count > 1 and rng.random() < self.training.subsets
                n_shown = int(rng.integers(1, count)) if fewer else count
                batches.append(Batch(own[start:end].tolist(), n_shown))
        return [batches[i] for i in rng.permutation(len(batches))]

    def __iter__(self) -> Iterator[Batch]:
        """Batches of this epoch; the next call gives the next epoch's."""
        batches = self._batches(self.epoch)
        self.epoch += 1
        return iter(batches)

    def __len__(self) -> int:
        return len(self._batches(0))


def _occurrence(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each value stood before its place: `[a b a] -> [0 0 1]`."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=values[order[:1]] - 1))
    length = np.diff(np.append(starts, len(values)))
    within = np.arange(len(values)) - np.repeat(starts, length)
    out = np.empty(len(values), np.int64)
    out[order] = within
    return out


class StripDataset(Dataset[tuple[Tensor, Tensor]]):
    """Maps a batch to `(B, H, N * W, 3)` uint8 strips and `(B,)` int64 labels.

    Randomness comes from torch's seed, whatever the number of workers. A photo that cannot be decoded becomes a
    white one: the strip keeps its width.
    """

    def __init__(self, catalog: Catalog, examples: Examples, config: MosaicConfig) -> None:
        self.catalog = catalog
        self.examples = examples
        self.config = config

    def __getitem__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Strips and labels of one batch."""
        strips = [self._strip(example, batch.n_shown) for example in batch.examples]
        return torch.from_numpy(np.stack(strips)), torch.from_numpy(self.examples.labels[batch.examples])

    def _strip(self, example: int, n_shown: int) -> NDArray[np.uint8]:
        # torch seeds each worker and each epoch; numpy takes its word
        rng = np.random.default_rng(int(torch.randint(2**62, ()).item()))
        size = self.config.train_photo_size
        photos = self.catalog[int(self.examples.positions[example])].images
        pictures = []
        # a part of the photos keeps the seller's order
        for rank in np.sort(rng.permutation(len(photos))[:n_shown]):
            try:
                picture = decode(photos[rank], self.config.max_pixels)
            except UnreadablePhoto:
                picture = np.full((size, size, 3), 255, np.uint8)
            pictures.append(augment(picture, self.config.augmentation, rng))
        return assemble(pictures, size)
