"""Hostile GIFs and WebPs, built by hand: canvases that differ from their frames, and frames without end."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

SMALLEST_CODE = 2
"""Bits of a pixel in the GIFs here; codes are one bit longer and grow to 12."""


def gif_header(width: int, height: int) -> bytes:
    """Screen and a palette of four colours."""
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x91\0\0" + bytes(range(12))


def gif_frame(width: int, height: int, data: bytes) -> bytes:
    """A frame at the upper left."""
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return b"\x2c" + bytes(4) + size + b"\0" + bytes([SMALLEST_CODE]) + blocks + b"\0"


def one_colour(pixels: int) -> bytes:
    """LZW codes for so many pixels of colour 0: each code stands for one pixel more than the code before it."""
    clear, end = 1 << SMALLEST_CODE, (1 << SMALLEST_CODE) + 1
    codes, width = [], SMALLEST_CODE + 1
    while pixels > 0:
        codes += [(clear, width), (0, SMALLEST_CODE + 1)]
        width, code, pixels = SMALLEST_CODE + 1, end + 1, pixels - 1
        while pixels > 0 and code < 4096:
            # the code that the decoder is about to learn: what it has just shown, and its first pixel again
            codes.append((code, width))
            pixels -= code - end + 1
            code += 1
            width += code == 1 << width and width < 12
    return packed([*codes, (end, width)])


def packed(codes: list[tuple[int, int]]) -> bytes:
    """(value, number of bits), lowest bits first."""
    out, held, n_held = bytearray(), 0, 0
    for value, n_bits in codes:
        held |= value << n_held
        n_held += n_bits
        while n_held >= 8:
            out.append(held & 255)
            held, n_held = held >> 8, n_held - 8
    if n_held:
        out.append(held)
    return bytes(out)


def gif(screen: int, frame: int) -> bytes:
    """Decoders that set aside the screen, or the frame, whichever they did not look at."""
    return gif_header(screen, screen) + gif_frame(frame, frame, one_colour(frame * frame)) + b";"


def gif_of_many_frames(frames: int = 50_000) -> bytes:
    """An animation of which the first picture alone is asked for."""
    return gif_header(16, 16) + gif_frame(1, 1, one_colour(1)) * frames + b";"


def gif_without_end(size: int = 2_000_000) -> bytes:
    """Comments before the first picture, which never comes."""
    return gif_header(16, 16) + b"\x21\xfe\x01a\0" * (size // 5)


def riff(*chunks: bytes) -> bytes:
    """A WebP of these chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def chunk(kind: bytes, content: bytes) -> bytes:
    """Kind, length, content, and a byte to an even length."""
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def canvas(width: int, height: int, flags: int = 0) -> bytes:
    """The VP8X chunk; `flags`: 2 for an animation, 16 for transparency."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)


def lossless(width: int, height: int) -> bytes:
    """The VP8L chunk of one colour, some 20 bytes whatever its size: every code has one symbol and takes no bit."""
    sizes = [(width - 1, 14), (height - 1, 14), (1, 1), (0, 3)]
    # no transform, no cache of colours, one group of five codes, each of the one symbol 0
    codes = [(0, 1), (0, 1), (0, 1), *[(1, 1), (0, 1), (0, 1), (0, 1)] * 5]
    return chunk(b"VP8L", b"\x2f" + packed(sizes + codes) + bytes(8))


def webp(side: int) -> bytes:
    """Decoders that take a small file for a small picture."""
    return riff(lossless(side, side))


def webp_of_many_codes(side: int) -> bytes:
    """A lossless picture that brings five codes for each square of 4 x 4 pixels: 36 bits become 5 kB of tables."""
    sizes = [(side - 1, 14), (side - 1, 14), (1, 1), (0, 3), (0, 1), (0, 1)]
    # numbers of the squares' codes follow: two bytes each, all of whose 256 values take 8 bits
    lengths = [(0, 1), (8, 4), *[(n, 3) for n in (0, 1, *[0] * 9, 1)], (0, 1), *[(0, 1)] * 256]
    one_symbol = [(1, 1), (0, 1), (0, 1), (0, 1)]
    numbers = [(1, 1), (0, 3), (0, 1), *lengths, (1, 1), (13, 7), *lengths, *one_symbol * 3]
    n_squares = (-(-side // 4)) ** 2
    for number in range(n_squares):
        # codes stand with their highest bit first
        numbers += [(int(f"{byte:08b}"[::-1], 2), 8) for byte in (number & 255, number >> 8 & 255)]
    return riff(chunk(b"VP8L", b"\x2f" + packed(sizes + numbers + one_symbol * 5 * min(n_squares, 2**16)) + bytes(8)))


def webp_canvas(outside: int, inside: int) -> bytes:
    """Decoders that set aside the canvas, or the picture on it, whichever they did not look at."""
    return riff(canvas(outside, outside), lossless(inside, inside))


def frame(width: int, height: int) -> bytes:
    """One of an animation, at the upper left."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return chunk(b"ANMF", bytes(6) + size + b"\x0a\0\0\0" + lossless(width, height))


def animated_webp(side: int, frame_side: int, frames: int) -> bytes:
    """An animation on a canvas: four bytes for each of its pixels, twice, before the first frame is looked at."""
    return riff(canvas(side, side, flags=2 + 16), chunk(b"ANIM", bytes(6)), frame(frame_side, frame_side) * frames)


def lossy_webp(side: int) -> bytes:
    """A frame header (RFC 6386, 9.1) that announces 14 bits' worth of pixels over the data of 16 x 16."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP")
    photo = out.getvalue()
    place = photo.index(b"\x9d\x01\x2a") + 3
    return photo[:place] + side.to_bytes(2, "little") * 2 + photo[place + 4 :]


def many_chunks(number: int = 200_000) -> Iterator[bytes]:
    """Chunks that nobody knows."""
    return (chunk(b"raYn", b"") for _ in range(number))


def webp_of_many_chunks() -> bytes:
    """A loop over chunks that has no end in sight."""
    return riff(canvas(16, 16), *many_chunks(), lossless(16, 16))
