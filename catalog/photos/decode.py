"""Encoded photos -> pixels: the one decoder, whose picture networks, OCR, pages and hashes share."""

import os
from typing import NamedTuple

import cv2

from catalog.photos.confined import decode_confined, is_srgb
from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header
from catalog.photos.headers.png import has_all_rows
from catalog.photos.headers.read import read_header
from catalog.photos.limits import BytesInFlight, check_cost, max_decoded_bytes, plan_for
from catalog.photos.opencv import Pixels, decode_plain, shrunk, upright

_in_flight = BytesInFlight()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_flight.forget)


class DecodedPhoto(NamedTuple):
    """A photo's picture.

    Attributes:
        pixels: `(H, W, 3)` uint8 RGB, upright, on white, in sRGB.
        header: what was announced.
        remark: what was wrong with a photo that is nevertheless used, empty for nothing.
    """

    pixels: Pixels
    header: Header
    remark: str = ""

    @property
    def enlargement(self) -> float:
        """Pixels of the photo, upright, for one of the picture: 1 where it was not shrunk."""
        return max(self.header.width, self.header.height) / max(self.pixels.shape[:2])


def decode_photo(photo: bytes, at_most: int | None = None) -> DecodedPhoto:
    """Decode one photo, at bounded cost (`catalog.photos.limits`); safe in threads.

    Args:
        photo: in any `PhotoFormat`.
        at_most: longer side in pixels that is wanted. A larger photo is shrunk by averaging areas, a JPEG also while
            it is decoded (libjpeg's halves, where they leave twice as many pixels); none is enlarged. None: all.

    Raises:
        UnreadablePhoto: no photo, damaged, too large, of a format whose package is missing, or more than the memory
            that is left; the message says why.
    """
    try:
        return _decoded(photo, at_most)
    except (cv2.error, MemoryError):
        raise UnreadablePhoto("there is not enough memory left to decode it", is_lasting=False) from None


def _decoded(photo: bytes, at_most: int | None) -> DecodedPhoto:
    header, allowed = read_header(photo), max_decoded_bytes()
    is_plain = header.is_plain and (not header.profile or is_srgb(header.profile))
    plan = plan_for(header, at_most, not is_plain, allowed)
    check_cost(header, plan.n_bytes, allowed)
    if is_plain:
        with _in_flight.take(plan.n_bytes, allowed):
            pixels = _plain_pixels(photo, header, plan.scale, at_most)
        if pixels is not None:
            return DecodedPhoto(pixels, header)
        if header.format == PhotoFormat.PNG and not has_all_rows(photo):
            raise UnreadablePhoto("the PNG breaks off: rows are missing at its end")
        # Pillow may want more of it than OpenCV would have taken: it has what a photo may have, and no more
        plan = plan_for(header, at_most, is_confined=True, allowed=allowed)
        plan = plan._replace(n_bytes=min(plan.n_bytes, allowed))
    with _in_flight.take(plan.n_bytes, allowed):
        picture = decode_confined(photo, header, plan, at_most)
    header = header._replace(width=picture.size[0], height=picture.size[1])
    return DecodedPhoto(picture.pixels, header, picture.remark)


def _plain_pixels(photo: bytes, header: Header, scale: int, at_most: int | None) -> Pixels | None:
    """`(H, W, 3)` uint8, upright; None where the confined decoder has to tell what is wrong, or is less strict."""
    try:
        pixels = decode_plain(photo, header, scale, at_most)
    except (cv2.error, MemoryError):
        return None
    return None if pixels is None else upright(pixels, header.orientation)


def header_for_device(photo: bytes, at_most: int | None) -> Header | None:
    """The header of a JPEG that a device may decode instead, to `decode_photo`'s picture; None of any other photo.

    One that is `Header.is_baseline`, in sRGB, within its limits, and that libjpeg would not make smaller while decoding
    (it is less than four times as large as wanted). Of what is wrong with another `decode_photo` tells.
    """
    try:
        header, allowed = read_header(photo), max_decoded_bytes()
        if not header.is_baseline or (header.profile and not is_srgb(header.profile)):
            return None
        plan = plan_for(header, at_most, is_confined=False, allowed=allowed)
        check_cost(header, plan.n_bytes, allowed)
    except UnreadablePhoto:
        return None
    return header if plan.scale == 1 else None


def decoded_on_device(pixels: Pixels, header: Header, at_most: int | None) -> DecodedPhoto:
    """What `decode_photo` gives, of a photo's `(H, W, 3)` uint8 RGB pixels in full and as stored, not turned."""
    return DecodedPhoto(upright(shrunk(pixels, at_most), header.orientation), header)


def why_unreadable(photo: bytes, at_most: int) -> str:
    """What is wrong with a photo, also where it can nevertheless be used; empty for nothing."""
    try:
        return decode_photo(photo, at_most).remark
    except UnreadablePhoto as error:
        return str(error)
