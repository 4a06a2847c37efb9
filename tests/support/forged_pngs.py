"""Hostile PNGs, built by hand: each function says what it attacks."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, repeat

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, RGBA = 0, 2, 3, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, RGBA: 4}
# first column, first row and the steps of the seven passes of Adam7 (PNG specification, 8.2)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
BOMB = 300 * 2**20
"""Bytes of zeros that lie in a chunk of 300 kB."""
PIECE = bytes(2**20)


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """Length, kind, content, checksum."""
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def header(width: int, height: int, depth: int = 8, colour: int = RGB, interlaced: bool = False) -> bytes:
    """Signature and IHDR."""
    rest = bytes([depth, colour, 0, 0, interlaced])
    return SIGNATURE + chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + rest)


def deflated(pieces: Iterable[bytes]) -> bytes:
    """As small as zlib makes it; never whole in memory before."""
    packer = zlib.compressobj(9)
    return b"".join(map(packer.compress, pieces)) + packer.flush()


def zeros(size: int) -> bytes:
    """`size` zeros (to the next MiB) deflated: a thousandth of it."""
    return deflated(PIECE for _ in range(-(-size // len(PIECE))))


def png(width: int, height: int, depth: int = 8, colour: int = RGB, before: bytes = b"") -> bytes:
    """A sound one that shows one colour; `before` stands in front of its pixels."""
    whole, rest = divmod(height * (1 + -(-width * depth * CHANNELS[colour] // 8)), len(PIECE))
    # in pieces of any length: packing 80 million rows one by one takes 20 s
    pixels = deflated(chain(repeat(PIECE, whole), [bytes(rest)]))
    return header(width, height, depth, colour) + before + chunk(b"IDAT", pixels) + chunk(b"IEND")


def long_chunk() -> bytes:
    """Decoders that believe a chunk's length, 2 GiB here, and set aside as much."""
    return header(20, 24) + (2**31 - 1).to_bytes(4) + b"IDAT" + zlib.compress(bytes(24 * 61))


def rgba(side: int) -> bytes:
    """Blending in floating point, or in a copy for each step: nothing else is wrong with it."""
    return png(side, side, colour=RGBA)


def rgba_16_bits(side: int) -> bytes:
    """Limits that count the pixels, or the bytes of the result alone: 8 bytes a pixel stand between."""
    return png(side, side, depth=16, colour=RGBA)


def huge() -> bytes:
    """Decoders that set aside 60000 x 60000 pixels before they look for data."""
    return header(60000, 60000) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND")


def one_bit(side: int) -> bytes:
    """One bit a pixel in the file, three bytes in memory."""
    return png(side, side, depth=1, colour=GREY)


def palette(side: int) -> bytes:
    """One byte a pixel and a transparent colour: four bytes a pixel once it is looked up."""
    return png(side, side, colour=PALETTE, before=chunk(b"PLTE", bytes(range(9))) + chunk(b"tRNS", b"\0\x80"))


def profile_bomb() -> bytes:
    """An embedded profile of 300 MiB."""
    return png(20, 24, before=chunk(b"iCCP", b"bomb\0\0" + zeros(BOMB)))


def text_bomb() -> bytes:
    """A comment of 300 MiB."""
    return png(20, 24, before=chunk(b"zTXt", b"bomb\0\0" + zeros(BOMB)))


def international_text_bomb() -> bytes:
    """A comment of 300 MiB in the newer kind of chunk."""
    return png(20, 24, before=chunk(b"iTXt", b"bomb\0\1\0\0\0" + zeros(BOMB)))


def many_texts(number: int = 100_000) -> bytes:
    """A loop over chunks that has no end in sight, and a list that grows with each."""
    return png(20, 24, before=b"".join(chunk(b"tEXt", b"%d\0a" % i) for i in range(number)))


def many_unknown_chunks(number: int = 100_000) -> bytes:
    """The same with empty chunks that nobody knows."""
    return png(20, 24, before=chunk(b"raYn") * number)


def many_pieces(number: int = 100_000) -> bytes:
    """Pixels in chunks of one byte."""
    pixels = zlib.compress(bytes(24 * 61), 0).ljust(number, b"\0")
    pieces = b"".join(chunk(b"IDAT", pixels[i : i + 1]) for i in range(number))
    return header(20, 24) + pieces + chunk(b"IEND")


def more_than_announced() -> bytes:
    """Decoders that inflate all there is: 300 MiB for 20 x 24 pixels."""
    return header(20, 24) + chunk(b"IDAT", zeros(BOMB)) + chunk(b"IEND")


def interlaced(side: int) -> bytes:
    """Seven passes over the whole picture, which nobody can shrink while decoding."""

    def rows() -> Iterator[bytes]:
        for column, row, across, down in ADAM7:
            width, height = -(-(side - column) // across), -(-(side - row) // down)
            yield from (bytes(1 + 3 * width) for _ in range(height))

    return header(side, side, interlaced=True) + chunk(b"IDAT", deflated(rows())) + chunk(b"IEND")


def animated(frames: int = 20_000, side: int = 64) -> bytes:
    """An animation of which the first picture alone is asked for."""
    pixels = zlib.compress(bytes(side * (1 + 3 * side)), 9)
    place = side.to_bytes(4) * 2 + bytes(8) + b"\0\1\0\x0a\0\0"
    start = chunk(b"fcTL", bytes(4) + place) + chunk(b"IDAT", pixels)
    more = (
        chunk(b"fcTL", (2 * i - 1).to_bytes(4) + place) + chunk(b"fdAT", (2 * i).to_bytes(4) + pixels)
        for i in range(1, frames)
    )
    counted = chunk(b"acTL", frames.to_bytes(4) + bytes(4))
    return header(side, side) + counted + start + b"".join(more) + chunk(b"IEND")


def animated_in_words(side: int = 64) -> bytes:
    """Lists that are made as long as the animation is announced to be: two thousand million frames."""
    return png(side, side, before=chunk(b"acTL", (2**31 - 1).to_bytes(4) + bytes(4)))
