"""Hostile TIFFs, BMPs, AVIFs and icons, built by hand: each function says what it attacks."""

from __future__ import annotations

import base64
import io
import zlib
from functools import cache

from PIL import Image

from tests.support.forged_jpegs import entry
from tests.support.forged_pngs import BOMB, PIECE, deflated, zeros
from tests.support.forged_pngs import png as rgb

SHORT, LONG = 3, 4
WIDTH, HEIGHT, BITS, COMPRESSION, COLOUR, STRIPS, SAMPLES, ROWS, STRIP_BYTES = (
    256, 257, 258, 259, 262, 273, 277, 278, 279,
)  # fmt: skip
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 322, 323, 324, 325
RAW, FAX, DEFLATE = 1, 4, 8
# One grey picture of 16384 x 16384 in AV1, 1978 bytes of which nearly all repeat themselves.
AV1_OF_16384 = (
    "c-j+U;Nq75UjP69-(^fvybeYy_$34lXF4=hvM?}Moj(`&f&Yxx$FR!0<SVy0@+a(TtkU-_>n;;9jaB||iy>gIuS&j|^()u3ox;!5cm+~o+#k$xT"
    "^RewY=ZUqa}hPcT|OE?mIglCqTifZaqWTO(f%(_&z_iE<Zwz+{hDZN&;i5r&`{+)e2E|I=GCSi%?S>X;+lAB$>dSZqnbxGk7^#(JgRwEYo<gm05WC"
    "1hX"
)


def tiff(values: dict[int, int | list[int]], data: bytes = b"", following: int = 0) -> bytes:
    """Header, `data` from byte 8 on, lists, then one directory; `following` is the place of the next."""
    lists, entries = b"", b""
    start = 8 + len(data)
    for tag, value in sorted(values.items()):
        if isinstance(value, list):
            entries += entry(tag, LONG, len(value), start + len(lists))
            lists += b"".join(number.to_bytes(4, "little") for number in value)
        else:
            entries += entry(tag, LONG, 1, value)
    directory = (len(entries) // 12).to_bytes(2, "little") + entries + following.to_bytes(4, "little")
    return b"II*\0" + (start + len(lists)).to_bytes(4, "little") + data + lists + directory


def grey_tiff(width: int, height: int, data: bytes, compression: int = DEFLATE) -> bytes:
    """One strip of 8 bits a pixel."""
    size = {WIDTH: width, HEIGHT: height, ROWS: height, BITS: 8, SAMPLES: 1, COLOUR: 1}
    return tiff({**size, COMPRESSION: compression, STRIPS: 8, STRIP_BYTES: len(data)}, data)


def tiff_of_2_31() -> bytes:
    """A width that is negative as a signed number."""
    return grey_tiff(2**31, 1, bytes(100), RAW)


def tiff_in_a_circle() -> bytes:
    """A directory that is its own next one."""
    values: dict[int, int | list[int]] = {WIDTH: 16, HEIGHT: 16, BITS: 8, COMPRESSION: RAW, COLOUR: 1}
    return tiff({**values, STRIPS: 8, STRIP_BYTES: 256, 330: 8 + 256}, bytes(256), following=8 + 256)


def tiff_of_many_strips(number: int = 1_000_000) -> bytes:
    """Two lists of a million places, for a picture one pixel wide."""
    values: dict[int, int | list[int]] = {WIDTH: 1, HEIGHT: number, ROWS: 1, BITS: 8, SAMPLES: 1, COLOUR: 1}
    return tiff({**values, COMPRESSION: RAW, STRIPS: [8] * number, STRIP_BYTES: [1] * number}, b"\0")


def tiff_of_counted_strips() -> bytes:
    """A list of 2^32 - 1 places in a file of 200 bytes."""
    photo = grey_tiff(16, 16, bytes(256), RAW)
    place = photo.index(entry(STRIPS, LONG, 1, 8))
    return photo[:place] + entry(STRIPS, LONG, 2**32 - 1, 8) + photo[place + 12 :]


def tiff_bomb() -> bytes:
    """Decoders that inflate all there is: 300 MiB for 16 x 16 pixels."""
    return grey_tiff(16, 16, zeros(BOMB))


def deflated_tiff(side: int) -> bytes:
    """A sound one, of which one strip is the whole picture."""
    size = side * side
    return grey_tiff(side, side, deflated(PIECE[: size - i] for i in range(0, size, len(PIECE))))


def tiff_of_one_tile() -> bytes:
    """A tile of 2^30 x 2^30 for a picture of 16 x 16."""
    values: dict[int, int | list[int]] = {WIDTH: 16, HEIGHT: 16, BITS: 8, SAMPLES: 1, COLOUR: 1, COMPRESSION: DEFLATE}
    data = zlib.compress(bytes(256))
    tile = {TILE_WIDTH: 2**30, TILE_HEIGHT: 2**30, TILES: 8, TILE_BYTES: len(data)}
    return tiff({**values, **tile}, data)


def tiff_of_large_tiles() -> bytes:
    """A tile of 16384 x 16384 for a picture of 16 x 16: not absurd, yet 256 MiB, or 768 as RGB."""
    values: dict[int, int | list[int]] = {WIDTH: 16, HEIGHT: 16, BITS: 8, SAMPLES: 1, COLOUR: 1, COMPRESSION: DEFLATE}
    data = zeros(2**28)
    return tiff({**values, TILE_WIDTH: 2**14, TILE_HEIGHT: 2**14, TILES: 8, TILE_BYTES: len(data)}, data)


def faxed_tiff(side: int) -> bytes:
    """A fax (ITU-T T.6): a white row is one bit, so 2 kB hold 16000 x 16000 pixels."""
    size = {WIDTH: side, HEIGHT: side, ROWS: side, BITS: 1, SAMPLES: 1, COLOUR: 0}
    data = b"\xff" * (side // 8 + 1) + b"\0\x10\1\0\x10\1"
    return tiff({**size, COMPRESSION: FAX, STRIPS: 8, STRIP_BYTES: len(data)}, data)


def tiff_of_many_samples() -> bytes:
    """65535 numbers for each pixel."""
    size = {WIDTH: 500, HEIGHT: 500, ROWS: 500, BITS: 8, SAMPLES: 65535, COLOUR: 1}
    return tiff({**size, COMPRESSION: RAW, STRIPS: 8, STRIP_BYTES: 256}, bytes(256))


def tiff_of_many_pages(number: int = 100_000) -> bytes:
    """A chain of directories of which the first alone is asked for."""
    page = grey_tiff(16, 16, bytes(256), RAW)
    start = int.from_bytes(page[4:8], "little")
    directory = page[start:-4]
    length = len(directory) + 4
    following = (start + length * i for i in range(1, number))
    pages = (directory + place.to_bytes(4, "little") for place in following)
    return page[:start] + b"".join(pages) + directory + bytes(4)


def bmp(width: int, height: int, bits: int = 24, packing: int = 0, data: bytes = b"") -> bytes:
    """Headers (a palette of 256 greys where it needs one) and data; a negative `height` stands upside down."""
    palette = b"".join(bytes([grey] * 3 + [0]) for grey in range(256)) if bits == 8 else b""
    start = 54 + len(palette)
    size = width.to_bytes(4, "little") + height.to_bytes(4, "little", signed=True)
    information = (40).to_bytes(4, "little") + size + b"\1\0" + bits.to_bytes(2, "little")
    information += packing.to_bytes(4, "little") + len(data).to_bytes(4, "little") + bytes(16)
    return (
        b"BM"
        + (start + len(data)).to_bytes(4, "little")
        + bytes(4)
        + start.to_bytes(4, "little")
        + (information + palette + data)
    )


def long_bmp() -> bytes:
    """One row of 2^31 - 1 pixels."""
    return bmp(2**31 - 1, 1, data=bytes(300))


def lowest_bmp() -> bytes:
    """The one height that stays negative when its sign is turned."""
    return bmp(16, -(2**31), data=bytes(768))


def run_length_bmp(side: int) -> bytes:
    """Run lengths: 255 pixels in two bytes, or the end of the picture at once."""
    row = b"\xff\x80" * (side // 255) + bytes([side % 255 or 1, 128]) + b"\0\0"
    return bmp(side, side, 8, 1, row * side + b"\0\1")


def empty_run_length_bmp(width: int, height: int) -> bytes:
    """The end of the picture at once."""
    return bmp(width, height, 8, 1, b"\0\1")


def box(kind: bytes, *contents: bytes) -> bytes:
    """Length, kind, contents."""
    content = b"".join(contents)
    return (8 + len(content)).to_bytes(4) + kind + content


def avif(outside: int, data: bytes | None = None) -> bytes:
    """A grey picture of 16384 x 16384 (or `data`), of which the container says that it is `outside` x `outside`."""
    data = av1() if data is None else data
    full = bytes(4)
    size = box(b"ispe", full, outside.to_bytes(4) * 2)
    properties = size + box(b"pixi", full, b"\1\x08") + box(b"av1C", b"\x81\x1f\x1c\0")
    owner = box(b"ipma", full, (1).to_bytes(4) + b"\0\1\3\1\2\x83")
    name = box(b"infe", b"\2\0\0\0\0\1\0\0av01\0")
    start = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    head = box(b"hdlr", full, bytes(4), b"pict", bytes(13)) + box(b"pitm", full, b"\0\1")

    def meta(place: int) -> bytes:
        located = b"\x44\0\0\1\0\1\0\0\0\1" + place.to_bytes(4) + len(data).to_bytes(4)
        items = box(b"iloc", full, located) + box(b"iinf", full, b"\0\1", name)
        return box(b"meta", full, head, items, box(b"iprp", box(b"ipco", properties), owner))

    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", data)


@cache
def av1() -> bytes:
    """The coded picture of 16384 x 16384."""
    return zlib.decompress(base64.b85decode(AV1_OF_16384))


def avif_that_counts(frames: int = 3) -> bytes:
    """An animation whose lists announce 2^32 - 1 frames."""
    pictures = [Image.new("RGB", (32, 32), (90 * i, 0, 0)) for i in range(frames)]
    out = io.BytesIO()
    pictures[0].save(out, "AVIF", save_all=True, append_images=pictures[1:], speed=10)
    photo = bytearray(out.getvalue())
    for kind, place in ((b"stsz", 12), (b"stts", 8), (b"stsc", 8), (b"stco", 8)):
        start = photo.find(kind)
        if start >= 0:
            photo[start + place : start + place + 4] = b"\xff" * 4
    return bytes(photo)


def avif_of_boxes(number: int = 200_000) -> bytes:
    """A loop over boxes that has no end in sight."""
    return box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf") + box(b"free") * number


def avif_of_wrong_lengths() -> bytes:
    """Boxes that go on to the end of the file, one in the other, and one of 2^63 bytes."""
    start = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    return start + (b"\0\0\0\0meta" + bytes(4)) * 2000 + b"\0\0\0\1iprp" + (2**63).to_bytes(8)


def heic_garbage() -> bytes:
    """A container that looks like an iPhone's photo and holds nothing that makes sense."""
    return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + box(b"meta", bytes(range(256)) * 40) + box(b"mdat", b"a" * 99)


def icon(side: int) -> bytes:
    """Parsers that decode the picture to read the header: the entry says 256 pixels, the PNG that it holds more."""
    photo = rgb(side, side)
    return b"\0\0\1\0\1\0" + bytes(4) + b"\1\0\x20\0" + len(photo).to_bytes(4, "little") + b"\x16\0\0\0" + photo


def netpbm(side: int = 30000) -> bytes:
    """A few letters that announce gigabytes, in a format that is not decoded."""
    return b"P6\n%d %d\n255\n" % (side, side) + bytes(100)


def postscript() -> bytes:
    """A program: a loop without end for whoever runs it."""
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9000 9000\n{} loop\n"


def drawing() -> bytes:
    """An XML document whose entities multiply."""
    lines = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a0 "ha">{lines}]><svg>&a11;</svg>'.encode()
