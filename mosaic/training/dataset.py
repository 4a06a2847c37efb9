"""A batch of examples -> decoded photos, labels and the random numbers of their augmentation."""

from pathlib import Path
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
from mosaic.training.encoded_photos import NONE_ENCODED, EncodedPhotos, stays_encoded
from mosaic.training.shrunken_photos import NONE_KEPT, PAYS_FROM, PhotoUse, ShrunkenPhotos, keep_entry, read_entry

# one stream of random numbers for each purpose
_AUGMENTATION, _SUBSET, _REASSEMBLY = range(3)
NO_PRODUCTS = np.zeros(0, np.int64)


class TrainingBatch(NamedTuple):
    """What a training step gets.

    Attributes:
        photos: `(B, N, S, S, 3)` uint8 RGB; labels: `(B,)` int64;
        numbers: `(B, N, N_NUMBERS)` float32 in [0, 1) for `mosaic.training.augment.augment`;
        epoch, number, of: of the batch, see `Batch`;
        photo_use: where the photos came from;
        encoded: photos that are not decoded yet, white in `photos`;
        products: `(B,)` int64 positions in the catalogue.
    """

    photos: Tensor
    labels: Tensor
    numbers: Tensor
    epoch: int
    number: int
    of: int
    photo_use: PhotoUse
    encoded: EncodedPhotos = NONE_ENCODED
    products: NDArray[np.int64] = NO_PRODUCTS


class BatchPlan(NamedTuple):
    """A `Batch` looked up: all that who prepares it must know, so that no worker process is sent the examples.

    Attributes:
        products: `(B,)` int64 positions in the catalogue of those that are shown;
        lenders: `(B, N)` int64 positions of the products whose photos are shown: mostly the same;
        places: `(B, N)` int64 which of their photos, from 0, in the seller's order;
        md5s: of these photos, row by row; None of those that are never kept;
        labels: `(B,)` int64; epoch, number, of: see `Batch`.
    """

    products: NDArray[np.int64]
    lenders: NDArray[np.int64]
    places: NDArray[np.int64]
    md5s: list[bytes | None]
    labels: NDArray[np.int64]
    epoch: int
    number: int
    of: int


class MosaicDataset(Dataset[TrainingBatch]):
    """Maps a `Batch` to what is shown; decodes straight from the memory-mapped catalogue, or has it from the cache.

    Everything random is a function of seed, epoch, product and photo. A photo that cannot be decoded becomes a white
    one: the mosaic keeps its width.

    Two steps, of which worker processes do the second: a plan of arrays that grow with the catalogue (of 7 million
    products they take 300 MB, which 8 processes would each be sent), then its pictures.
    """

    def __init__(
        self, catalog: Catalog, examples: Examples, config: MosaicConfig, size: int, reassembly: float = 0,
        shrunken: ShrunkenPhotos = NONE_KEPT, *, encoded: bool = False,
    ) -> None:  # fmt: skip
        """`size`: side of the photos; `reassembly`: share of them that come from another product of the leaf.

        `encoded`: JPEGs that need nothing but decoding are left to the device, see `TrainingBatch.encoded`.
        """
        self.catalog, self.examples, self.config = catalog, examples, config
        self.size, self.reassembly, self.shrunken = size, reassembly, shrunken
        self.preparation = Preparation(catalog, config.seed, size, shrunken.folder, encoded)
        # examples that may lend each other photos: those of one leaf and one image count
        group = examples.labels * (int(examples.n_images.max(initial=0)) + 1) + examples.n_images
        self._by_group = np.argsort(group, kind="stable")
        _, inverse, sizes = np.unique(group, return_inverse=True, return_counts=True)
        self._group_start = (np.cumsum(sizes) - sizes)[inverse]
        self._group_size = sizes[inverse]

    def __getitem__(self, batch: Batch) -> TrainingBatch:
        """Photos, labels and numbers of one batch."""
        return self.preparation[self.plan(batch)]

    def plan(self, batch: Batch) -> BatchPlan:
        """Which photos of which products a batch shows."""
        places = self._places(batch)
        positions = self.examples.positions
        lenders = positions[self._lenders(batch, places)]
        md5s = self.shrunken.md5s_of(lenders.ravel(), places.ravel())
        return BatchPlan(
            positions[batch.examples], lenders, places, md5s, self.examples.labels[batch.examples],
            batch.epoch, batch.number, batch.of,
        )  # fmt: skip

    def _places(self, batch: Batch) -> NDArray[np.int64]:
        """`(B, N)` which photos of each product are shown, from 0, in the seller's order."""
        single = self.examples.photos[batch.examples].astype(np.int64)
        if single[0] != WHOLE:
            return single[:, None]
        counts = self.examples.n_images[batch.examples][:, None]
        positions = self.examples.positions[batch.examples]
        chance = uniforms(int(counts.max()), self.config.seed, _SUBSET, batch.epoch, positions)
        chance[np.arange(chance.shape[1]) >= counts] = np.inf
        return np.sort(np.argsort(chance, axis=1)[:, : batch.n_shown], axis=1)

    def _lenders(self, batch: Batch, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """`(B, N)` example whose photo of that number is shown: mostly the product itself."""
        borrowers = np.broadcast_to(batch.examples[:, None], places.shape)
        if self.reassembly == 0:
            return borrowers
        positions = self.examples.positions[batch.examples][:, None]
        chance = uniforms(2, self.config.seed, _REASSEMBLY, batch.epoch, positions, places)
        offset = (chance[..., 1] * self._group_size[borrowers]).astype(np.int64)
        others = self._by_group[self._group_start[borrowers] + offset]
        return np.where(chance[..., 0] < self.reassembly, others, borrowers)


class Preparation(Dataset[TrainingBatch]):
    """Maps a `BatchPlan` to what is shown: the half of a `MosaicDataset` that worker processes are sent."""

    def __init__(self, catalog: Catalog, seed: int, size: int, folder: Path, encoded: bool) -> None:
        """`size`: side of the photos; `folder`: of shrunken photos; `encoded`: see `MosaicDataset`."""
        self.catalog, self.seed, self.size, self.folder, self.encoded = catalog, seed, size, folder, encoded
        # after a full disk the cache is only read
        self.keeps = True

    def __getitem__(self, plan: BatchPlan) -> TrainingBatch:
        """Photos, labels and numbers of one batch."""
        size = self.size
        pictures = np.empty((plan.places.size, size, size, 3), np.uint8)
        photo_use, encoded = self._show(plan, pictures)
        numbers = uniforms(N_NUMBERS, self.seed, _AUGMENTATION, plan.epoch, plan.products[:, None], plan.places)
        return TrainingBatch(
            torch.from_numpy(pictures.reshape(*plan.places.shape, size, size, 3)),
            torch.from_numpy(plan.labels),
            torch.from_numpy(numbers.astype(np.float32)),
            plan.epoch, plan.number, plan.of, photo_use, encoded, plan.products,
        )  # fmt: skip

    def _show(self, plan: BatchPlan, pictures: Picture) -> tuple[PhotoUse, EncodedPhotos]:
        """Fill `(n, S, S, 3)` uint8 with the n photos of a plan, row by row."""
        md5s = plan.md5s
        missing = [
            k for k, md5 in enumerate(md5s) if md5 is None or not read_entry(self.folder, md5, pictures[k])
        ]  # fmt: skip
        n_kept, refusal = 0, ""
        # what the cache has is not asked of the catalogue: photos of several megabytes may lie on another machine
        lenders, places = plan.lenders.ravel()[missing], plan.places.ravel()[missing]
        photos = self.catalog.take_photos(lenders, places) if missing else []
        encoded: dict[int, bytes] = {}
        for k, photo in zip(missing, photos, strict=True):
            if self.encoded and stays_encoded(photo, self.size):
                pictures[k], encoded[k] = WHITE, photo
                continue
            md5 = md5s[k]
            pictures[k], is_large = square_of(photo, self.size)
            if is_large and md5 is not None and self.keeps:
                try:
                    keep_entry(self.folder, md5, pictures[k])
                    n_kept += 1
                except OSError as error:
                    self.keeps, refusal = False, str(error)
        return PhotoUse(len(md5s), len(md5s) - len(missing), n_kept, refusal), EncodedPhotos.of(encoded)


def square_of(photo: bytes, size: int) -> tuple[Picture, bool]:
    """`(size, size, 3)` uint8 of an encoded photo, and whether it is large enough for that to be kept."""
    try:
        decoded = decode_photo(photo, size)
    except UnreadablePhoto:
        return np.full((size, size, 3), WHITE, np.uint8), False
    return squared(decoded.pixels, size), decoded.enlargement >= PAYS_FROM
