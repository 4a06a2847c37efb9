"""A batch of examples -> decoded photos, labels and the random numbers of their augmentation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from catalog.catalog import Catalog
from mosaic.config import MosaicConfig
from mosaic.photos import UnreadablePhoto, decode, resize
from mosaic.training.augment import N_NUMBERS, uniforms
from mosaic.training.batches import WHOLE, Batch, Examples

# one stream of random numbers for each purpose
_AUGMENTATION, _SUBSET, _REASSEMBLY = range(3)


class TrainingBatch(NamedTuple):
    """What a training step gets.

    Attributes:
        photos: `(B, N, S, S, 3)` uint8 RGB; labels: `(B,)` int64;
        numbers: `(B, N, N_NUMBERS)` float32 in [0, 1) for `mosaic.training.augment.augment`;
        epoch, number, of: of the batch, see `Batch`.
    """

    photos: Tensor
    labels: Tensor
    numbers: Tensor
    epoch: int
    number: int
    of: int


class MosaicDataset(Dataset[TrainingBatch]):
    """Maps a `Batch` to what is shown; decodes straight from the memory-mapped catalogue.

    Everything random is a function of seed, epoch, product and photo. A photo that cannot be decoded becomes a white
    one: the mosaic keeps its width.
    """

    def __init__(
        self, catalog: Catalog, examples: Examples, config: MosaicConfig, size: int, reassembly: float = 0
    ) -> None:
        """`size`: side of the photos; `reassembly`: share of them that come from another product of the leaf."""
        self.catalog = catalog
        self.examples = examples
        self.config = config
        self.size = size
        self.reassembly = reassembly
        # examples that may lend each other photos: those of one leaf and one image count
        group = examples.labels * (int(examples.n_images.max(initial=0)) + 1) + examples.n_images
        self._by_group = np.argsort(group, kind="stable")
        _, inverse, sizes = np.unique(group, return_inverse=True, return_counts=True)
        self._first = (np.cumsum(sizes) - sizes)[inverse]
        self._size = sizes[inverse]

    def __getitem__(self, batch: Batch) -> TrainingBatch:
        """Photos, labels and numbers of one batch."""
        ranks = self._ranks(batch)
        lenders = self._lenders(batch, ranks)
        positions = self.examples.positions
        size = self.size
        photos = np.empty((ranks.size, size, size, 3), np.uint8)
        needed = np.unique(lenders)
        lent = self.catalog.take(positions[needed])
        images = {lender: product.images for lender, product in zip(needed.tolist(), lent, strict=True)}
        for into, lender, rank in zip(photos, lenders.ravel().tolist(), ranks.ravel().tolist(), strict=True):
            self._decode(images[lender][rank], into)
        numbers = uniforms(
            N_NUMBERS, self.config.seed, _AUGMENTATION, batch.epoch, positions[batch.examples][:, None], ranks
        )
        return TrainingBatch(
            torch.from_numpy(photos.reshape(*ranks.shape, size, size, 3)),
            torch.from_numpy(self.examples.labels[batch.examples]),
            torch.from_numpy(numbers.astype(np.float32)),
            batch.epoch,
            batch.number,
            batch.of,
        )

    def _ranks(self, batch: Batch) -> NDArray[np.int64]:
        """`(B, N)` which photos of each product are shown, in the seller's order."""
        fixed = self.examples.ranks[batch.examples].astype(np.int64)
        if fixed[0] != WHOLE:
            return fixed[:, None]
        counts = self.examples.n_images[batch.examples][:, None]
        chance = uniforms(
            int(counts.max()), self.config.seed, _SUBSET, batch.epoch, self.examples.positions[batch.examples]
        )
        chance[np.arange(chance.shape[1]) >= counts] = np.inf
        return np.sort(np.argsort(chance, axis=1)[:, : batch.n_shown], axis=1)

    def _lenders(self, batch: Batch, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(B, N)` example whose photo of that rank is shown: mostly the product itself."""
        own = np.broadcast_to(batch.examples[:, None], ranks.shape)
        if self.reassembly == 0:
            return own
        positions = self.examples.positions[batch.examples][:, None]
        chance = uniforms(2, self.config.seed, _REASSEMBLY, batch.epoch, positions, ranks)
        other = self._by_group[self._first[own] + (chance[..., 1] * self._size[own]).astype(np.int64)]
        return np.where(chance[..., 0] < self.reassembly, other, own)

    def _decode(self, encoded: bytes, into: NDArray[np.uint8]) -> None:
        try:
            into[:] = resize(decode(encoded, self.config.max_pixels), self.size)
        except UnreadablePhoto:
            into[:] = 255
