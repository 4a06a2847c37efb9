"""The size that an AVIF or HEIC announces in its boxes (ISO/IEC 14496-12 and 23008-12)."""

from collections.abc import Iterator

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header, damaged

MAX_BOXES = 10_000
_BYTES = {PhotoFormat.AVIF: 16, PhotoFormat.HEIC: 10}
"""Of a pixel: the decoder's planes, the colours made of them, and Pillow's copy of those."""


def boxes_header(photo: bytes, kind: PhotoFormat) -> Header:
    """Of a photo in `meta / iprp / ipco / ispe`: the largest size, beside which tiles and previews stand.

    Raises:
        UnreadablePhoto: no size is announced, or a box is longer than what holds it.
    """
    sizes = [
        (int.from_bytes(photo[start + 4 : start + 8]), int.from_bytes(photo[start + 8 : start + 12]))
        for meta in _boxes(photo, 0, len(photo), b"meta")
        # version and flags stand before what meta holds
        for properties in _boxes(photo, meta[0] + 4, meta[1], b"iprp")
        for container in _boxes(photo, *properties, b"ipco")
        for start, end in _boxes(photo, *container, b"ispe")
        if end - start >= 12
    ]
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    if not width or not height:
        raise damaged(f"{kind}: it announces no size")
    return Header(kind, width, height, bytes_per_pixel=_BYTES[kind])


def _boxes(photo: bytes, start: int, end: int, name: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of the content of the boxes of a name between two places."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        length, content = int.from_bytes(photo[start : start + 4]), start + 8
        if length == 1:
            length, content = int.from_bytes(photo[start + 8 : start + 16]), start + 16
        elif length == 0:
            length = end - start
        if length < content - start:
            raise UnreadablePhoto(f"damaged file: at byte {start} a box of {length} bytes")
        # the last one may break off: the decoder tells what is missing
        if photo[start + 4 : start + 8] == name:
            yield content, min(start + length, end)
        start += length
    raise UnreadablePhoto(f"more than {MAX_BOXES:,} boxes")
