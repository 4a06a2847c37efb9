"""Photos made small for a page, side by side: each of bounded size in pixels and bytes, whatever was given."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from catalog.photos.decode import decode_photo
from catalog.photos.formats import UnreadablePhoto

PHOTO_BYTES = 6000
"""What one photo may take on the page."""
SHARPER = 2
"""Pixels of a thumbnail for one of the page: screens are finer than their pixels."""
GAP = 4
EMPTY, CROSS = (236, 240, 238), (176, 188, 183)
QUALITIES = (82, 65, 45, 30)
THUMBNAIL_QUALITY = 85


def thumbnail(photo: bytes, side: int) -> bytes:
    """One photo as a JPEG of at most `side` pixels on its longer side, upright, on white; none is enlarged.

    It is encoded anew: of what the seller's file held beside the picture (a place, a comment) nothing is left.

    Raises:
        UnreadablePhoto: see `catalog.photos.decode.decode_photo`.
    """
    picture = Image.fromarray(decode_photo(photo, at_most=side).pixels)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return out.getvalue()


def strip(photos: Sequence[bytes], height: int) -> bytes:
    """A product's photos side by side as one JPEG, `height` pixels of the page high; a broken one is crossed out."""
    side = height * SHARPER
    small = [_small(photo, side) for photo in photos] or [_empty(side)]
    canvas = Image.new("RGB", (sum(p.width + GAP for p in small) - GAP, side), "white")
    left = 0
    for picture in small:
        canvas.paste(picture, (left, (side - picture.height) // 2))
        left += picture.width + GAP
    return _encoded(canvas, PHOTO_BYTES * len(small))


def _small(photo: bytes, side: int) -> Image.Image:
    """At most twice as wide as high: banners are shown whole, and none pushes the others from the page."""
    try:
        picture = Image.fromarray(decode_photo(photo, at_most=2 * side).pixels)
    except UnreadablePhoto:
        return _empty(side)
    # a photo smaller than that is shown at its own size
    picture.thumbnail((2 * side, side))
    return picture


def _empty(side: int) -> Image.Image:
    field = Image.new("RGB", (side, side), EMPTY)
    draw = ImageDraw.Draw(field)
    for ends in (((0, 0), (side, side)), ((0, side), (side, 0))):
        draw.line(ends, fill=CROSS, width=SHARPER)
    return field


def _encoded(picture: Image.Image, at_most: int) -> bytes:
    while True:
        for quality in QUALITIES:
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=quality, optimize=True)
            if out.tell() <= at_most:
                return out.getvalue()
        picture = picture.reduce(2)
