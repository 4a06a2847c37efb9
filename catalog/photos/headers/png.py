"""The chunks of a PNG (W3C PNG, third edition, 5 and 11)."""

import zlib
from dataclasses import dataclass, field

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.exif import orientation
from catalog.photos.headers.header import MAX_PROFILE_BYTES, Header, damaged

MAX_CHUNKS = 50_000
"""Encoders write the pixels of a photo in chunks of 8 KiB or more: this is 400 MB."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Grey, colour, palette, grey and opacity, colour and opacity."""
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
UNPACKED_AT_ONCE = 2**20
MAX_PLAIN_PIXELS = 12_000_000
"""OpenCV holds the picture of a PNG twice, Pillow once: larger ones go to it."""
_PILLOW_BYTES = {0: 2, 2: 4, 3: 1, 4: 4, 6: 4}
"""That Pillow keeps of a pixel of each kind."""
PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""The chunks that make the picture; others only describe it."""


@dataclass(slots=True)
class PngChunks:
    """What a walk over all chunks found.

    Attributes:
        pixels: (start, end) in the file of every chunk that makes the picture.
        is_whole: its end is there.
    """

    first: bytes = b""
    exif: bytes = b""
    profile: bytes = b""
    has_transparent_colour: bool = False
    pixels: list[tuple[int, int]] = field(default_factory=list)
    is_whole: bool = False


def png_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: a chunk longer than the file, no size, or a kind of pixels that the standard lacks."""
    chunks = png_chunks(photo)
    width, height = int.from_bytes(chunks.first[:4]), int.from_bytes(chunks.first[4:8])
    depth, colour = chunks.first[8], chunks.first[9]
    if not 0 < width < 2**31 or not 0 < height < 2**31 or depth not in _DEPTHS.get(colour, ()):
        raise damaged(f"PNG: it announces {width} x {height} pixels of kind {colour} with {depth} bits")
    has_alpha = colour in (4, 6) or chunks.has_transparent_colour
    # OpenCV leaves a transparent colour of grey and coloured PNGs as it is, and cuts 16 bits in its own way
    is_right = depth <= 8 and (colour in (3, 4, 6) or not chunks.has_transparent_colour)
    # of an interlaced one that lacks its end OpenCV shows a coarse picture without a word
    is_plain = chunks.is_whole and is_right and chunks.first[12] == 0 and width * height <= MAX_PLAIN_PIXELS
    return Header(
        PhotoFormat.PNG, width, height,
        orientation(chunks.exif) if chunks.exif else 1,
        is_plain, has_alpha, _profile(chunks.profile),
        2 * (4 if has_alpha else 3) if is_plain else _PILLOW_BYTES[colour],
        is_cut=not chunks.is_whole,
    )  # fmt: skip


def png_chunks(photo: bytes) -> PngChunks:
    """Walk over all chunks; nothing is unpacked.

    Raises:
        UnreadablePhoto: a chunk is longer than what is left of the file, or there are too many.
    """
    found, place, end = PngChunks(), len(SIGNATURE), len(photo)
    for _ in range(MAX_CHUNKS):
        length, name = int.from_bytes(photo[place : place + 4]), photo[place + 4 : place + 8]
        if len(name) < 4:
            break
        after = place + 12 + length
        if length >= 2**31 or (after > end and name != b"IDAT"):
            raise UnreadablePhoto(f"damaged PNG: at byte {place} a part of {length:,} bytes, {end - place:,} are left")
        if after > end:
            raise UnreadablePhoto(
                f"the PNG breaks off: at byte {place} begin {length:,} bytes, {end - place:,} are left"
            )
        _take(found, name, photo, place + 8, after - 4)
        if name in PIXELS:
            found.pixels.append((place, after))
        place = after
        if name == b"IEND":
            found.is_whole = True
            break
    else:
        raise UnreadablePhoto(f"a PNG of more than {MAX_CHUNKS:,} parts")
    if len(found.first) != 13:
        raise damaged("PNG: it does not begin with its size")
    return found


def _take(found: PngChunks, name: bytes, photo: bytes, start: int, end: int) -> None:
    if name == b"IHDR":
        found.first = found.first or photo[start:end]
    elif name == b"eXIf":
        found.exif = found.exif or photo[start:end]
    elif name == b"iCCP":
        found.profile = found.profile or photo[start:end]
    elif name == b"tRNS":
        found.has_transparent_colour = True


def only_pixels(photo: bytes) -> bytes:
    """The same PNG without what only describes it: texts and profiles unpack to more than a decoder should hold."""
    view = memoryview(photo)
    return b"".join([SIGNATURE, *(view[start:end] for start, end in png_chunks(photo).pixels)])


def has_all_rows(photo: bytes) -> bool:
    """Whether the packed data of a PNG unpacks to as many bytes as its rows have; of an interlaced one, yes.

    Pillow leaves the rows black that a well-formed file does not have.
    """
    chunks = png_chunks(photo)
    width, height = int.from_bytes(chunks.first[:4]), int.from_bytes(chunks.first[4:8])
    if chunks.first[12]:
        return True
    missing = height * (1 + -(-width * chunks.first[8] * _CHANNELS[chunks.first[9]] // 8))
    unpacker = zlib.decompressobj()
    for start, end in chunks.pixels:
        packed = photo[start + 8 : end - 4] if photo[start + 4 : start + 8] == b"IDAT" else b""
        while packed and missing > 0:
            try:
                missing -= len(unpacker.decompress(packed, UNPACKED_AT_ONCE))
            except zlib.error:
                return False
            packed = unpacker.unconsumed_tail
    return missing <= len(unpacker.flush(UNPACKED_AT_ONCE)) if not unpacker.eof else missing <= 0


def _profile(chunk: bytes) -> bytes:
    """The colour profile of an iCCP chunk; empty where it cannot be unpacked, or is larger than profiles are."""
    _, _, packed = chunk.partition(b"\0")
    if not packed:
        return b""
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""
