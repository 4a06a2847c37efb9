"""Encoded photos -> the square pictures that networks see, each distinct photo of a chunk of products once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.catalog import photo_md5
from catalog.files.cores import n_cores
from catalog.photos.decode import decode_photo
from catalog.photos.formats import UnreadablePhoto
from catalog.product import Problem, ProblemKind, Product

Picture = NDArray[np.uint8]
WHITE = (255, 255, 255)


def square_photo(photo: bytes, size: int) -> Picture:
    """Decode to a `(size, size, 3)` uint8 RGB picture; a photo that is not square is set on white, as shops show it.

    Raises:
        UnreadablePhoto: see `catalog.photos.decode.decode_photo`.
    """
    return squared(decode_photo(photo, size).pixels, size)


def squared(pixels: Picture, size: int) -> Picture:
    """`(H, W, 3)` uint8, at most `size` on its longer side, enlarged to it, in the middle of a white square."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    if longer != size:
        height, width = (max(1, round(side * size / longer)) for side in (height, width))
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    if height == width:
        return pixels
    top, left = (size - height) // 2, (size - width) // 2
    below, right = size - height - top, size - width - left
    framed = cv2.copyMakeBorder(pixels, top, below, left, right, cv2.BORDER_CONSTANT, value=WHITE)
    return np.asarray(framed, np.uint8)


@dataclass
class DecodedPhotos:
    """Decoded photos of one chunk of products, each distinct photo once.

    Attributes:
        pictures: MD5 -> `(photo_size, photo_size, 3)` uint8; readable photos only.
        keys: per product the MD5s of its readable photos, in the seller's order.
        md5s: per product the MD5s of all its photos.
        problems: unreadable photos and those that are damaged but used, by product and position.
    """

    pictures: dict[bytes, Picture]
    keys: list[tuple[bytes, ...]]
    md5s: list[tuple[bytes, ...]]
    problems: list[Problem]

    @property
    def n_readable(self) -> NDArray[np.int8]:
        """`(N,)` int8."""
        return np.array([len(keys) for keys in self.keys], np.int8)


def load_photos(products: Sequence[Product], size: int) -> DecodedPhotos:
    """Decode each distinct photo of a chunk at `size`, in threads (OpenCV lets go of the interpreter lock)."""
    md5s = [tuple(map(photo_md5, product.images)) for product in products]
    encoded: dict[bytes, bytes] = {}
    for md5s_of_product, product in zip(md5s, products, strict=True):
        encoded.update(zip(md5s_of_product, product.images, strict=True))
    pictures: dict[bytes, Picture] = {}
    faults: dict[bytes, tuple[ProblemKind, str]] = {}

    def read(item: tuple[bytes, bytes]) -> None:
        md5, photo = item
        try:
            decoded = decode_photo(photo, size)
        except UnreadablePhoto as error:
            faults[md5] = ProblemKind.UNREADABLE_PHOTO, str(error)
            return
        pictures[md5] = squared(decoded.pixels, size)
        if decoded.remark:
            faults[md5] = ProblemKind.DAMAGED_PHOTO, decoded.remark

    with ThreadPoolExecutor(n_cores()) as pool:
        list(pool.map(read, encoded.items()))
    readable = [tuple(md5 for md5 in md5s_of_product if md5 in pictures) for md5s_of_product in md5s]
    problems = [
        Problem(faults[md5][0], "", product.product_id, faults[md5][1], position)
        for product, md5s_of_product in zip(products, md5s, strict=True)
        for position, md5 in enumerate(md5s_of_product)
        if md5 in faults
    ]
    return DecodedPhotos(pictures, readable, md5s, problems)
