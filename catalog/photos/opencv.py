"""Plain photos (`Header.is_plain`) by OpenCV, in this process: 6,700 of Cdiscount's a second and core, Pillow 3,600."""

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.photos.formats import PhotoFormat
from catalog.photos.headers.header import Header
from catalog.photos.headers.png import only_pixels

Pixels = NDArray[np.uint8]
# OpenCV turns by EXIF in some formats and not in others: it is done once, by `upright`
_COLOUR = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_FLAGS = {
    1: _COLOUR,
    2: _COLOUR | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: _COLOUR | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: _COLOUR | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""By scale; the flags of reduced colour pictures are those of grey ones with a bit for BGR, which excludes RGB."""
STRIP_PIXELS = 2**18


def decode_plain(photo: bytes, header: Header, scale: int, at_most: int | None) -> Pixels | None:
    """`(H, W, 3)` uint8 RGB on white, as stored (not turned), the longer side at most `at_most`.

    None where OpenCV refuses the photo, or gives another size than it announced. Raises cv2.error and MemoryError.
    """
    if header.format == PhotoFormat.PNG:
        photo = only_pixels(photo)
    flags = cv2.IMREAD_UNCHANGED if header.has_alpha else _FLAGS[scale]
    decoded = cv2.imdecode(np.frombuffer(photo, np.uint8), flags)
    if decoded is None or decoded.shape[:2] != (-(-header.height // scale), -(-header.width // scale)):
        return None
    pixels = np.asarray(decoded, np.uint8)
    return _without_opacity(pixels, at_most) if header.has_alpha else shrunk(pixels, at_most)


def _without_opacity(pixels: Pixels, at_most: int | None) -> Pixels:
    """`(H, W, 3)` of what OpenCV gives unchanged: grey, BGR where there is no opacity after all, or BGRA."""
    if pixels.ndim < 3:
        return np.asarray(cv2.cvtColor(shrunk(pixels, at_most), cv2.COLOR_GRAY2RGB), np.uint8)
    if pixels.shape[2] == 3:
        return np.asarray(cv2.cvtColor(shrunk(pixels, at_most), cv2.COLOR_BGR2RGB), np.uint8)
    set_on_white(pixels)
    # four channels until it is small: dropping one of a large picture would need a second
    return np.asarray(cv2.cvtColor(shrunk(pixels, at_most), cv2.COLOR_BGRA2RGB), np.uint8)


def set_on_white(layers: Pixels) -> None:
    """Blend the colours of `(H, W, 4)` uint8 with white by their opacity, in place.

    Strip by strip and in eight bits: as numbers with a point, a cut-out of 49 million pixels took 1.5 GiB.
    """
    rows = max(1, STRIP_PIXELS // layers.shape[1])
    for top in range(0, len(layers), rows):
        strip = layers[top : top + rows]
        opacity = cv2.cvtColor(np.ascontiguousarray(strip[..., 3]), cv2.COLOR_GRAY2RGB)
        strip[..., :3] = cv2.add(cv2.multiply(strip[..., :3], opacity, scale=1 / 255), cv2.bitwise_not(opacity))


def shrunk(pixels: Pixels, at_most: int | None) -> Pixels:
    """`(H, W)` or `(H, W, C)` uint8 with its longer side at most `at_most`, by averaging areas; never enlarged."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    if at_most is None or longer <= at_most:
        return pixels
    size = max(1, round(width * at_most / longer)), max(1, round(height * at_most / longer))
    # anything but averaging skips pixels when shrinking: fine patterns would turn into coarse ones
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """`(H, W, 3)` uint8 turned and mirrored as EXIF's orientation, 1 to 8, says (CIPA DC-008, 4.6.4 tag 274)."""
    if orientation == 1:
        return pixels
    if orientation in (2, 4):
        return np.asarray(cv2.flip(pixels, 1 if orientation == 2 else 0), np.uint8)
    if orientation == 5:
        return np.asarray(cv2.transpose(pixels), np.uint8)
    if orientation == 7:
        return np.asarray(cv2.flip(cv2.transpose(pixels), -1), np.uint8)
    turn = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}[orientation]
    return np.asarray(cv2.rotate(pixels, turn), np.uint8)
