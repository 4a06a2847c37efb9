"""Some photos of a catalogue, decoded: whether they can be, and how large they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.cores import n_cores
from catalog.files.progress import Progress, in_batches
from catalog.photos.decode import decode_photo
from catalog.photos.formats import UnreadablePhoto
from catalog.photos.photo_index import PhotoIndex
from catalog.product import Problem, ProblemKind, ProblemLog

N_SAMPLED = 200
"""Distinct photos: of a hundredth that is broken two are met, and a phone's photos take two seconds on two cores."""
BATCH = 32
LOOKED_AT = 256
"""Longer side in pixels at which they are decoded: all of their bytes are gone through."""


@dataclass
class DecodedSample:
    """What decoding showed.

    Attributes:
        megapixels: of each that could be decoded, as it lies there. n_bytes: of each that was tried.
        broken: those that cannot be decoded.
    """

    megapixels: list[float] = field(default_factory=list)
    n_bytes: list[int] = field(default_factory=list)
    broken: ProblemLog = field(default_factory=ProblemLog)

    @property
    def n_tried(self) -> int:
        """Photos that were decoded, or could not be."""
        return len(self.n_bytes)

    @classmethod
    def of(cls, catalog: Catalog, photos: PhotoIndex, seed: int = 0, progress: Progress | None = None) -> DecodedSample:
        """Of the distinct `photos`, by a fixed seed.

        Where all of the sample are broken it looks on until one is not, or none is left.
        """
        sample = cls()
        order = np.random.default_rng(seed).permutation(photos.first)
        with ThreadPoolExecutor(n_cores()) as pool:
            # in the catalogue's order: a disk likes that better
            for batch in in_batches(np.sort(order[:N_SAMPLED]), BATCH, progress):
                sample._decode(catalog, photos, batch, pool)
            for batch in in_batches(order[N_SAMPLED:], BATCH, progress):
                if sample.megapixels:
                    break
                sample._decode(catalog, photos, batch, pool)
        return sample

    def _decode(self, catalog: Catalog, photos: PhotoIndex, batch: NDArray[np.int64], pool: ThreadPoolExecutor) -> None:
        owner, position = photos.owner[batch], photos.position[batch]
        encoded = catalog.take_photos(owner, position)
        for row, place, photo, found in zip(owner, position, encoded, pool.map(_megapixels, encoded), strict=True):
            self.n_bytes.append(len(photo))
            if isinstance(found, float):
                self.megapixels.append(found)
                continue
            where = catalog.where(int(row), int(place) + 1)
            product = catalog.shop_ids([int(row)])[0]
            self.broken.add(Problem(ProblemKind.UNREADABLE_PHOTO, where, product, found, int(place)))


def _megapixels(photo: bytes) -> float | str:
    """How large a photo is, or why it cannot be decoded."""
    try:
        header = decode_photo(photo, LOOKED_AT).header
    except UnreadablePhoto as error:
        return str(error)
    return header.width * header.height / 1e6
