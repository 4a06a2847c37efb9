"""Encoded photos -> square uint8 pictures, with untrusted input bounded."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.catalog import photo_md5
from catalog.photos.header import NoPicture, announced_size
from catalog.product import Problem, ProblemKind, Product

Picture = NDArray[np.uint8]
WHITE = (255, 255, 255)


class UnreadablePhoto(ValueError):
    """The bytes are no picture that can be decoded; the message says why."""


def decode(photo: bytes, max_pixels: int) -> Picture:
    """Decode JPEG, PNG, WebP ... (colour, grey or CMYK) to a square `(S, S, 3)` uint8 RGB picture.

    A photo that is not square, or in part transparent, is set on white, as shops show it.

    Raises:
        UnreadablePhoto: not a picture, damaged, or more than `max_pixels`.
    """
    # before a decoder sees it: a few bytes may announce gigabytes of pixels
    check_size(photo, max_pixels)
    picture = _pixels(photo)
    if picture is None:
        raise UnreadablePhoto("damaged picture")
    return _squared(picture)


def _pixels(photo: bytes) -> NDArray[Any] | None:
    """`(H, W, 3)` uint8 RGB, None when OpenCV cannot decode it."""
    # OpenCV decodes 6,700 of Cdiscount's photos per second and core, Pillow 3,600
    encoded = np.frombuffer(photo, np.uint8)
    if photo.startswith(b"\x89PNG") or photo[8:12] == b"WEBP":
        # OpenCV's colour mode would show the colour that lies hidden below transparent pixels, mostly black
        raw = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if raw is not None and raw.ndim == 3 and raw.shape[2] == 4:
            scale = np.float32(255 if raw.dtype == np.uint8 else 65535)
            opacity = raw[..., 3:] / scale
            return np.rint(255 * (raw[..., 2::-1] / scale * opacity + 1 - opacity)).astype(np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)


def check_size(photo: bytes, max_pixels: int) -> None:
    """Read the header alone: raise UnreadablePhoto when it is none, or announces a square over `max_pixels`."""
    try:
        width, height = announced_size(photo)
    except NoPicture as error:
        raise UnreadablePhoto(str(error)) from None
    # the side counts squared: a thin strip is set on a white square of its longer side
    if max(width, height) ** 2 > max_pixels:
        raise UnreadablePhoto(f"{width} x {height} pixels: as a square over the {max_pixels} that are accepted")


def _squared(picture: NDArray[Any]) -> Picture:
    """`(H, W, 3)` uint8 in the middle of a white square."""
    height, width = picture.shape[:2]
    if height == width:
        return picture
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    bottom, right = side - height - top, side - width - left
    framed = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=WHITE)
    return framed.astype(np.uint8, copy=False)


def resize(picture: Picture, size: int) -> Picture:
    """Resize a square `(S, S, 3)` picture to `(size, size, 3)` uint8: area averaging when shrinking, else cubic."""
    side = picture.shape[0]
    if side == size:
        return picture
    # anything but averaging skips pixels when shrinking: fine patterns would turn into coarse ones
    interpolation = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=interpolation).astype(np.uint8, copy=False)


@dataclass
class DecodedPhotos:
    """Decoded photos of one chunk of products, each distinct photo once.

    Attributes:
        pictures: MD5 -> `(photo_size, photo_size, 3)` uint8; readable photos only.
        keys: per product the MD5s of its readable photos, in the seller's order.
        md5s: per product the MD5s of all its photos.
        problems: unreadable photos, by product and position.
    """

    pictures: dict[bytes, Picture]
    keys: list[tuple[bytes, ...]]
    md5s: list[tuple[bytes, ...]]
    problems: list[Problem]

    @property
    def n_readable(self) -> NDArray[np.int8]:
        """`(N,)` int8."""
        return np.array([len(keys) for keys in self.keys], np.int8)


def load_photos(products: Sequence[Product], size: int, max_pixels: int) -> DecodedPhotos:
    """Decode each distinct photo of a chunk at `size`, in threads (OpenCV lets go of the interpreter lock)."""
    md5s = [tuple(map(photo_md5, product.images)) for product in products]
    encoded: dict[bytes, bytes] = {}
    for md5s_of_product, product in zip(md5s, products, strict=True):
        encoded.update(zip(md5s_of_product, product.images, strict=True))

    def read(item: tuple[bytes, bytes]) -> tuple[bytes, Picture | UnreadablePhoto]:
        try:
            return item[0], resize(decode(item[1], max_pixels), size)
        except UnreadablePhoto as error:
            return item[0], error

    with ThreadPoolExecutor(cv2.getNumberOfCPUs()) as pool:
        decoded = dict(pool.map(read, encoded.items()))
    pictures = {md5: p for md5, p in decoded.items() if not isinstance(p, UnreadablePhoto)}
    readable = [tuple(md5 for md5 in md5s_of_product if md5 in pictures) for md5s_of_product in md5s]
    problems = [
        Problem(ProblemKind.UNREADABLE_PHOTO, f"photo {number}", product.product_id, str(decoded[md5]))
        for product, md5s_of_product in zip(products, md5s, strict=True)
        for number, md5 in enumerate(md5s_of_product, start=1)
        if md5 not in pictures
    ]
    return DecodedPhotos(pictures, readable, md5s, problems)
