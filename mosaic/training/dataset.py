"""A batch of examples -> decoded photos, labels and the random numbers of their augmentation."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from catalog.catalog import Catalog
from catalog.chunk import Picture
from catalog.photos.decode import decode_photo
from catalog.photos.formats import UnreadablePhoto
from mosaic.config import MosaicConfig
from mosaic.layout import WHITE
from mosaic.photos import squared
from mosaic.training.augment import N_NUMBERS, uniforms
from mosaic.training.batches import WHOLE, Batch, Examples
from mosaic.training.shrunken_photos import NONE_KEPT, PAYS_FROM, PhotoUse, ShrunkenPhotos

# one stream of random numbers for each purpose
_AUGMENTATION, _SUBSET, _REASSEMBLY = range(3)


class TrainingBatch(NamedTuple):
    """What a training step gets.

    Attributes:
        photos: `(B, N, S, S, 3)` uint8 RGB; labels: `(B,)` int64;
        numbers: `(B, N, N_NUMBERS)` float32 in [0, 1) for `mosaic.training.augment.augment`;
        epoch, number, of: of the batch, see `Batch`;
        photo_use: where the photos came from.
    """

    photos: Tensor
    labels: Tensor
    numbers: Tensor
    epoch: int
    number: int
    of: int
    photo_use: PhotoUse


class MosaicDataset(Dataset[TrainingBatch]):
    """Maps a `Batch` to what is shown; decodes straight from the memory-mapped catalogue, or has it from the cache.

    Everything random is a function of seed, epoch, product and photo. A photo that cannot be decoded becomes a white
    one: the mosaic keeps its width.
    """

    def __init__(
        self, catalog: Catalog, examples: Examples, config: MosaicConfig, size: int, reassembly: float = 0,
        shrunken: ShrunkenPhotos = NONE_KEPT,
    ) -> None:  # fmt: skip
        """`size`: side of the photos; `reassembly`: share of them that come from another product of the leaf."""
        self.catalog, self.examples, self.config = catalog, examples, config
        self.size, self.reassembly, self.shrunken = size, reassembly, shrunken
        # after a full disk the cache is only read
        self.keeps = True
        # examples that may lend each other photos: those of one leaf and one image count
        group = examples.labels * (int(examples.n_images.max(initial=0)) + 1) + examples.n_images
        self._by_group = np.argsort(group, kind="stable")
        _, inverse, sizes = np.unique(group, return_inverse=True, return_counts=True)
        self._group_start = (np.cumsum(sizes) - sizes)[inverse]
        self._group_size = sizes[inverse]

    def __getitem__(self, batch: Batch) -> TrainingBatch:
        """Photos, labels and numbers of one batch."""
        photos = self._photos(batch)
        lenders = self._lenders(batch, photos)
        positions, size = self.examples.positions, self.size
        pictures = np.empty((photos.size, size, size, 3), np.uint8)
        photo_use = self._show(positions[lenders.ravel()], photos.ravel(), pictures)
        numbers = uniforms(
            N_NUMBERS, self.config.seed, _AUGMENTATION, batch.epoch, positions[batch.examples][:, None], photos
        )
        return TrainingBatch(
            torch.from_numpy(pictures.reshape(*photos.shape, size, size, 3)),
            torch.from_numpy(self.examples.labels[batch.examples]),
            torch.from_numpy(numbers.astype(np.float32)),
            batch.epoch, batch.number, batch.of, photo_use,
        )  # fmt: skip

    def _photos(self, batch: Batch) -> NDArray[np.int64]:
        """`(B, N)` which photos of each product are shown, from 0, in the seller's order."""
        single = self.examples.photos[batch.examples].astype(np.int64)
        if single[0] != WHOLE:
            return single[:, None]
        counts = self.examples.n_images[batch.examples][:, None]
        positions = self.examples.positions[batch.examples]
        chance = uniforms(int(counts.max()), self.config.seed, _SUBSET, batch.epoch, positions)
        chance[np.arange(chance.shape[1]) >= counts] = np.inf
        return np.sort(np.argsort(chance, axis=1)[:, : batch.n_shown], axis=1)

    def _lenders(self, batch: Batch, photos: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(B, N)` example whose photo of that number is shown: mostly the product itself."""
        borrowers = np.broadcast_to(batch.examples[:, None], photos.shape)
        if self.reassembly == 0:
            return borrowers
        positions = self.examples.positions[batch.examples][:, None]
        chance = uniforms(2, self.config.seed, _REASSEMBLY, batch.epoch, positions, photos)
        offset = (chance[..., 1] * self._group_size[borrowers]).astype(np.int64)
        others = self._by_group[self._group_start[borrowers] + offset]
        return np.where(chance[..., 0] < self.reassembly, others, borrowers)

    def _show(self, positions: NDArray[np.int64], photos: NDArray[np.int64], pictures: Picture) -> PhotoUse:
        """Fill `(n, S, S, 3)` uint8 with the photos of `(n,)` products, `(n,)` their places there."""
        md5s = self.shrunken.md5s_of(positions, photos)
        missing = [
            k for k, md5 in enumerate(md5s) if md5 is None or not self.shrunken.read(md5, pictures[k])
        ]  # fmt: skip
        n_kept, refusal = 0, ""
        # what the cache has is not asked of the catalogue: photos of several megabytes may lie on another machine
        encoded = self.catalog.take_photos(positions[missing], photos[missing]) if missing else []
        for k, photo in zip(missing, encoded, strict=True):
            is_large, md5 = self._decode(photo, pictures[k]), md5s[k]
            if is_large and md5 is not None and self.keeps:
                try:
                    self.shrunken.keep(md5, pictures[k])
                    n_kept += 1
                except OSError as error:
                    self.keeps, refusal = False, str(error)
        return PhotoUse(len(md5s), len(md5s) - len(missing), n_kept, refusal)

    def _decode(self, encoded: bytes, picture: Picture) -> bool:
        """Fill `(S, S, 3)` uint8; whether it is large enough to be kept."""
        try:
            decoded = decode_photo(encoded, self.size)
        except UnreadablePhoto:
            picture[:] = WHITE
            return False
        picture[:] = squared(decoded.pixels, self.size)
        return decoded.enlargement >= PAYS_FROM
