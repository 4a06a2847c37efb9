"""JPEGs of a batch that no worker decodes, but the device that learns from it."""

from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from catalog.photos.decode import header_for_device


class EncodedPhotos(NamedTuple):
    """Some of a batch's photos as they lie in the catalogue; arrays, which are handed from process to process whole.

    Attributes:
        places: `(E,)` int64 where each belongs among the photos of the batch, counted row by row;
        sizes: `(E,)` int64 bytes of each; content: `(sum of sizes,)` uint8, one after the other.
    """

    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    content: NDArray[np.uint8]

    @classmethod
    def of(cls, photos: Mapping[int, bytes]) -> Self:
        """Encoded photos by their places."""
        sizes = np.array([len(photo) for photo in photos.values()], np.int64)
        return cls(np.array([*photos], np.int64), sizes, np.frombuffer(b"".join(photos.values()), np.uint8))

    @property
    def photos(self) -> list[bytes]:
        """Each photo, in the order of `places`."""
        content, ends = self.content.tobytes(), np.cumsum(self.sizes)
        return [content[end - size : end] for end, size in zip(ends.tolist(), self.sizes.tolist(), strict=True)]


NONE_ENCODED = EncodedPhotos.of({})
"""Where workers decode everything."""


def stays_encoded(photo: bytes, size: int) -> bool:
    """Whether a device may decode it and nothing is left to do: it is `size` x `size` pixels, and upright."""
    header = header_for_device(photo, size)
    return header is not None and header.orientation == 1 and header.width == header.height == size
