"""From the bytes of a photo to its header."""

from importlib.util import find_spec

from catalog.photos.formats import FIRST_BYTES, PhotoFormat, UnreadablePhoto, format_of, what_else
from catalog.photos.headers.bmp import bmp_header
from catalog.photos.headers.boxes import boxes_header
from catalog.photos.headers.gif import gif_header
from catalog.photos.headers.header import Header
from catalog.photos.headers.jpeg import jpeg_header
from catalog.photos.headers.png import png_header
from catalog.photos.headers.tiff import tiff_header
from catalog.photos.headers.webp import webp_header

_READERS = {
    PhotoFormat.JPEG: jpeg_header,
    PhotoFormat.PNG: png_header,
    PhotoFormat.WEBP: webp_header,
    PhotoFormat.GIF: gif_header,
    PhotoFormat.BMP: bmp_header,
    PhotoFormat.TIFF: tiff_header,
}


def read_header(photo: bytes) -> Header:
    """What a photo announces; nothing is decoded.

    Raises:
        UnreadablePhoto: no photo in a format that is decoded, or one whose structure contradicts itself.
    """
    # looking the kind up takes longer than all the rest of it for a shop's usual photo
    if photo.startswith(b"\xff\xd8\xff"):
        return jpeg_header(photo)
    kind = format_of(photo)
    if kind is None:
        raise UnreadablePhoto(f"this is {what_else(photo[:FIRST_BYTES])}")
    if kind == PhotoFormat.HEIC and not _has_heic():
        raise UnreadablePhoto(
            "a HEIC photo (iPhone): pip install 'rayonnage[heic]' to have them read", is_lasting=False
        )
    if kind in _READERS:
        return _READERS[kind](photo)
    return boxes_header(photo, kind)


def readable_formats() -> tuple[PhotoFormat, ...]:
    """Those that are decoded here: what is remembered of photos holds as long as these do not change."""
    return tuple(kind for kind in PhotoFormat if kind != PhotoFormat.HEIC or _has_heic())


def _has_heic() -> bool:
    return find_spec("pillow_heif") is not None
