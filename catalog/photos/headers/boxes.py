"""The size that an AVIF or HEIC announces in its boxes (ISO/IEC 14496-12 and 23008-12)."""

from collections.abc import Iterator
from typing import NamedTuple

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header, damaged

MAX_BOXES = 10_000
"""That are looked at in all: a phone's picture of 48 tiles has some hundred."""
_BYTES = {PhotoFormat.AVIF: 8, PhotoFormat.HEIC: 6}
"""Of a pixel: the decoder's planes, the colours made of them, and Pillow's copy of those."""
_MORE_BYTES = 2
"""Of a pixel with opacity, which is a picture of its own."""
_OPACITY = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_BEGINNING = 2**16
"""Bytes within which a photo's boxes describe it."""


def boxes_header(photo: bytes, kind: PhotoFormat) -> Header:
    """Of a photo in `meta / iprp / ipco`: the largest `ispe`, beside which tiles and previews stand, and `irot`.

    Width and height are those of the upright photo: quarter turns are among the properties, mirroring changes nothing.

    Raises:
        UnreadablePhoto: no size is announced, a box is shorter than its own head, or there are too many.
    """
    sizes, is_on_its_side, left = [(0, 0)], False, iter(range(MAX_BOXES))
    for meta in _boxes(photo, 0, len(photo), (b"meta",), left):
        # version and flags stand before what meta holds
        for properties in _boxes(photo, meta.start + 4, meta.end, (b"iprp",), left):
            for container in _boxes(photo, properties.start, properties.end, (b"ipco",), left):
                for box in _boxes(photo, container.start, container.end, (b"ispe", b"irot"), left):
                    content = photo[box.start : min(box.end, box.start + 12)]
                    if box.name == b"irot":
                        is_on_its_side = is_on_its_side or bool(content[:1] and content[0] & 1)
                    elif len(content) == 12:
                        sizes.append((int.from_bytes(content[4:8]), int.from_bytes(content[8:])))
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if not width or not height:
        raise damaged(f"{kind}: it announces no size")
    if is_on_its_side:
        width, height = height, width
    has_alpha = photo.find(_OPACITY, 0, _BEGINNING) >= 0
    return Header(kind, width, height, has_alpha=has_alpha, bytes_per_pixel=_BYTES[kind] + _MORE_BYTES * has_alpha)


class _Box(NamedTuple):
    """The place of a box's content."""

    name: bytes
    start: int
    end: int


def _boxes(photo: bytes, start: int, end: int, names: tuple[bytes, ...], left: Iterator[int]) -> Iterator[_Box]:
    """The boxes of some names between two places; `left` is used up by each that is passed."""
    while start + 8 <= end:
        if next(left, None) is None:
            raise UnreadablePhoto(f"more than {MAX_BOXES:,} boxes")
        length, content = int.from_bytes(photo[start : start + 4]), start + 8
        if length == 1:
            length, content = int.from_bytes(photo[start + 8 : start + 16]), start + 16
        elif length == 0:
            length = end - start
        if length < content - start:
            raise UnreadablePhoto(f"damaged file: at byte {start} a box of {length} bytes")
        # the last one may break off: the decoder tells what is missing
        name = photo[start + 4 : start + 8]
        if name in names:
            yield _Box(name, content, min(start + length, end))
        start += length
