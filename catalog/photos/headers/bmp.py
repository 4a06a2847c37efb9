"""The size of a BMP (Windows' BITMAPCOREHEADER and BITMAPINFOHEADER)."""

import struct

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header, damaged

_OLD_HEADER = 12
_RUN_LENGTHS_OF_4_BITS = 2
_RUN_LENGTH_PASSES = 40
"""Pillow unpacks these pixel by pixel in Python: 42 million pixels in 351 kB took 2.1 s."""


def bmp_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: of no size, or too short for its header."""
    try:
        if int.from_bytes(photo[14:18], "little") == _OLD_HEADER:
            width, height = struct.unpack_from("<HH", photo, 18)
        else:
            width, height = struct.unpack_from("<ii", photo, 18)
    except struct.error:
        raise UnreadablePhoto("the BMP breaks off before its picture begins") from None
    compression = 0 if photo[14] == _OLD_HEADER else int.from_bytes(photo[30:34], "little")
    # rows from the top are announced by a negative height
    if width <= 0 or height == 0:
        raise damaged(f"BMP: it announces {width} x {height} pixels")
    return Header(
        PhotoFormat.BMP,
        width,
        abs(height),
        bytes_per_pixel=5,
        n_passes=_RUN_LENGTH_PASSES if compression == _RUN_LENGTHS_OF_4_BITS else 1,
    )
