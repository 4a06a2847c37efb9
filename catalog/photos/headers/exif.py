"""The orientation in a photo's EXIF data: which way up the camera was held."""

import struct

ORIENTATION = 0x0112
MAX_ENTRIES = 200


def orientation(exif: bytes) -> int:
    """1 to 8 of EXIF data, a small TIFF with or without the mark `Exif` before it; 1 where nothing valid is said.

    Source: EXIF 2.32 (CIPA DC-008), 4.6.4 tag 274.
    """
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (n_entries,) = struct.unpack_from(order + "H", tiff, start)
    for number in range(min(n_entries, MAX_ENTRIES)):
        place = start + 2 + 12 * number
        if place + 12 > len(tiff):
            return 1
        tag, kind, count, value = struct.unpack_from(order + "HHIH", tiff, place)
        if tag == ORIENTATION:
            # 3: SHORT
            return int(value) if kind == 3 and count == 1 and 1 <= value <= 8 else 1
    return 1
