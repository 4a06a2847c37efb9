"""Photos made small for a page, by Pillow: each of bounded size in pixels and bytes, whatever was given."""

import io
import warnings
from collections.abc import Sequence

from PIL import Image, ImageDraw

from catalog.photos.header import NoPicture, announced

MAX_PIXELS = 50_000_000
"""A photo that announces more is not decoded."""
PROGRAMS = ("EPS",)
"""Formats for which Pillow would run Ghostscript on whatever stands in the file."""
PHOTO_BYTES = 6000
"""What one photo may take on the page."""
SHARPER = 2
"""Pixels of a thumbnail for one of the page: screens are finer than their pixels."""
GAP = 4
EMPTY, CROSS = (236, 240, 238), (176, 188, 183)
QUALITIES = (82, 65, 45, 30)


class UndecodablePhoto(ValueError):
    """The photo cannot be decoded; the message says why."""


def decoded(photo: bytes, draft: tuple[int, int] | None = None) -> Image.Image:
    """The photo decoded in full, as RGB on white; `draft`: a smaller size will do.

    Raises:
        UndecodablePhoto: no picture, damaged, a PostScript program, or over 50 million pixels.
    """
    try:
        width, height, kind = announced(photo)
        if kind in PROGRAMS:
            raise UndecodablePhoto(f"{kind} is a program that draws, no photo")
        if width * height > MAX_PIXELS:
            raise UndecodablePhoto(f"{width} x {height} pixels are too many")
        with Image.open(io.BytesIO(photo)) as picture:
            if draft is not None:
                picture.draft("RGB", draft)
            picture.load()
            return _on_white(picture)
    except UndecodablePhoto:
        raise
    except NoPicture as error:
        raise UndecodablePhoto(str(error)) from None
    except Exception as error:
        # Pillow's decoders raise anything on damaged bytes
        raise UndecodablePhoto(f"damaged picture ({error})") from error


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def strip(photos: Sequence[bytes], height: int) -> bytes:
    """A product's photos side by side as one JPEG, `height` pixels of the page high; a broken one is crossed out."""
    side = height * SHARPER
    with warnings.catch_warnings():
        # Pillow warns of odd files; here they are only looked at
        warnings.simplefilter("ignore")
        small = [_small(photo, side) for photo in photos] or [_empty(side)]
    canvas = Image.new("RGB", (sum(p.width + GAP for p in small) - GAP, side), "white")
    left = 0
    for picture in small:
        canvas.paste(picture, (left, (side - picture.height) // 2))
        left += picture.width + GAP
    return _encoded(canvas, PHOTO_BYTES * len(small))


def _small(photo: bytes, side: int) -> Image.Image:
    try:
        picture = decoded(photo, draft=(2 * side, side))
    except UndecodablePhoto:
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
