"""Training strips by batch: every batch holds products of one image count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig
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


class CountBatches(Sampler[list[int]]):
    """Shuffled batches of example numbers, one image count per batch, `photos_per_batch` photos in each.

    The draw depends on seed and epoch alone. With `products_per_leaf`, a large leaf gives a fresh part each epoch.
    """

    def __init__(self, examples: Examples, photos_per_batch: int, products_per_leaf: int | None, seed: int) -> None:
        self.examples = examples
        self.photos_per_batch = photos_per_batch
        self.products_per_leaf = products_per_leaf
        self.seed = seed
        self.epoch = 0

    def _batches(self, epoch: int) -> list[list[int]]:
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.examples.labels))
        if self.products_per_leaf is not None:
            order = order[_occurrence(self.examples.labels[order]) < self.products_per_leaf]
        batches = []
        for count in np.unique(self.examples.n_images):
            own = order[self.examples.n_images[order] == count]
            size = max(1, self.photos_per_batch // int(count))
            batches += [own[i : i + size].tolist() for i in range(0, len(own), size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def __iter__(self) -> Iterator[list[int]]:
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
    """Maps a batch of example numbers to `(B, H, N * W, 3)` uint8 strips and `(B,)` int64 labels.

    Randomness comes from seed, pass and product, whatever the number of workers. A photo that cannot be decoded
    becomes a white one: the strip keeps its width.
    """

    def __init__(self, catalog: Catalog, examples: Examples, config: MosaicConfig) -> None:
        self.catalog = catalog
        self.examples = examples
        self.config = config

    def __getitem__(self, batch: list[int]) -> tuple[Tensor, Tensor]:
        """One batch; `batch` holds example numbers of one image count."""
        strips = [self._strip(example) for example in batch]
        return torch.from_numpy(np.stack(strips)), torch.from_numpy(self.examples.labels[batch])

    def _strip(self, example: int) -> NDArray[np.uint8]:
        size = self.config.train_photo_size
        pictures = []
        for photo in self.catalog[int(self.examples.positions[example])].images:
            try:
                picture = decode(photo, self.config.max_pixels)
            except UnreadablePhoto:
                picture = np.full((size, size, 3), 255, np.uint8)
            # torch seeds each worker and each epoch; numpy takes its word
            rng = np.random.default_rng(int(torch.randint(2**62, ()).item()))
            pictures.append(augment(picture, self.config.augmentation, rng))
        return assemble(pictures, size)
