"""One photo as users have it: a path, its bytes, or a picture in memory."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from catalog.photos.lossless import encoded_array, encoded_picture, is_picture
from catalog.product import WAYS_OUT, ProblemKind
from catalog.sources.photo_file import read_photo
from catalog.sources.table.rows import is_encoded

if TYPE_CHECKING:
    from PIL import Image

Photo: TypeAlias = Union[bytes, str, PathLike[str], NDArray[np.uint8], "Image.Image"]
"""A path, an encoded photo, or a picture: `(H, W, 3)` uint8 RGB, `(H, W)` uint8 grey, or Pillow's."""
PHOTO = "a path, encoded bytes, a PIL image or a numpy array (H, W, 3) or (H, W)"


def is_photo_given(value: object) -> bool:
    """Whether it is one photo by itself; a path is not looked for."""
    if isinstance(value, np.ndarray):
        return value.ndim in (2, 3)
    return isinstance(value, (bytes, bytearray, memoryview, str, PathLike)) or is_picture(value)


def encoded_photo(photo: object, whose: str) -> bytes:
    """A photo as encoded bytes: those given or read, or a picture without loss.

    Args:
        whose: begins the message: `product 7, photo 2`.

    Raises:
        FileNotFoundError: a path that does not exist.
        ValueError: a file that cannot be read, or has over 64 MiB; a picture of another kind; no photo at all.
    """
    try:
        if isinstance(photo, (bytes, bytearray, memoryview)):
            return bytes(photo)
        if isinstance(photo, (str, PathLike)):
            return _read(photo)
        if isinstance(photo, np.ndarray):
            return encoded_array(photo)
        if is_picture(photo):
            return encoded_picture(photo)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{whose}: {error}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{whose}: {error}") from None
    raise ValueError(f"{whose}: a photo is {PHOTO}, got {type(photo).__name__}")


def _read(path: str | PathLike[str]) -> bytes:
    if isinstance(path, str) and is_encoded(path):
        raise ValueError(f"{ProblemKind.TEXT_PHOTO.value}: {WAYS_OUT[ProblemKind.TEXT_PHOTO]}")
    return read_photo(Path(path))
