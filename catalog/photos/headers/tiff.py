"""The size of a TIFF's first picture (TIFF 6.0, section 2)."""

import struct

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header, damaged

MAX_ENTRIES = 1000
_WIDTH, _HEIGHT, _BITS, _ORIENTATION, _SAMPLES = 256, 257, 258, 274, 277
_SIZES = {1: "B", 3: "H", 4: "I"}
"""BYTE, SHORT and LONG."""
_PILLOW_BYTES = 4
"""Of a pixel; beside it stands what libtiff unpacks, of a file in one strip all of it."""


def tiff_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: no size, a directory outside the file."""
    order = "<" if photo[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", photo, 4)
        (n_entries,) = struct.unpack_from(order + "H", photo, start)
        values = dict(_entry(order, photo, start + 2 + 12 * number) for number in range(min(n_entries, MAX_ENTRIES)))
    except struct.error:
        raise UnreadablePhoto("damaged TIFF: its directory lies outside the file") from None
    width, height = values.get(_WIDTH, 0), values.get(_HEIGHT, 0)
    if not width or not height:
        raise damaged(f"TIFF: it announces {width} x {height} pixels")
    if 5 <= values.get(_ORIENTATION, 1) <= 8:
        # Pillow turns a TIFF while it loads it, and says so from the start
        width, height = height, width
    samples = values.get(_SAMPLES, 1)
    # where there are several, the bits of each stand elsewhere; the decoder refuses more than 16
    bits = values.get(_BITS, 8) if samples == 1 else 8
    return Header(PhotoFormat.TIFF, width, height, bytes_per_pixel=_PILLOW_BYTES + samples * bits // 8)


def _entry(order: str, photo: bytes, place: int) -> tuple[int, int]:
    """A tag and its first value, 0 where that is no small number; raises struct.error outside the file."""
    tag, kind, count = struct.unpack_from(order + "HHI", photo, place)
    if kind not in _SIZES or count != 1:
        return tag, 0
    (value,) = struct.unpack_from(order + _SIZES[kind], photo, place + 8)
    return tag, value
