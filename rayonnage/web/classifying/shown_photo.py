"""A client's photo as the page shows it again: upright, of bounded size, whatever was sent."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from catalog.photos.decode import decode_photo
from catalog.photos.formats import UnreadablePhoto

SIDE, SMALL_SIDE = 960, 112
"""Pixels of the longer side: beside the answer, and in the table."""
QUALITY = 80


@dataclass(frozen=True)
class ShownPhoto:
    """One photo; empty bytes where it cannot be decoded.

    Attributes:
        jpeg, small: it, at both sizes; width, height: of the whole photo, upright, in whose pixels boxes are given.
    """

    jpeg: bytes = b""
    small: bytes = b""
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, photo: bytes) -> ShownPhoto:
        """Decode a photo; this takes milliseconds."""
        try:
            decoded = decode_photo(photo, SIDE)
        except UnreadablePhoto:
            return cls()
        picture = Image.fromarray(decoded.pixels)
        width, height = (round(side * decoded.enlargement) for side in picture.size)
        large = _encoded(picture)
        picture.thumbnail((SMALL_SIDE, SMALL_SIDE))
        return cls(large, _encoded(picture), width, height)


def _encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
