"""The size of a BMP (Windows' BITMAPCOREHEADER and BITMAPINFOHEADER)."""

import struct

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header, damaged

_OLD_HEADER = 12


def bmp_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: of no size, or too short for its header."""
    try:
        if int.from_bytes(photo[14:18], "little") == _OLD_HEADER:
            width, height = struct.unpack_from("<HH", photo, 18)
        else:
            width, height = struct.unpack_from("<ii", photo, 18)
    except struct.error:
        raise UnreadablePhoto("the BMP breaks off before its picture begins") from None
    # rows from the top are announced by a negative height
    if width <= 0 or height == 0:
        raise damaged(f"BMP: it announces {width} x {height} pixels")
    return Header(PhotoFormat.BMP, width, abs(height), bytes_per_pixel=5)
