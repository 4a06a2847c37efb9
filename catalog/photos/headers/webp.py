"""The chunks of a WebP up to its picture (RFC 9649)."""

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.exif import orientation
from catalog.photos.headers.header import MAX_PROFILE_BYTES, Header, damaged

MAX_CHUNKS = 1000
_ANIMATED = 0x02
_LOSSLESS = 1
"""How opacity is packed: the lower two bits of its first byte."""
_CANVAS_BYTES = 16
"""Of a pixel that Pillow decodes, as if all were animations: the canvas, the one before it, what is made of them."""
_STILL_BYTES, _ALPHA_BYTES = 6, 9
"""Of a pixel, measured: what it is unpacked into, and the picture that it is copied into."""


MAX_CODE_BYTES = 64 * 2**20
_CODES_BYTES, _CODES_BITS, _CODES_SIDE, _MOST_CODES = 20_104, 36, 4, 2**16
"""A lossless picture may bring its own codes for each square of pixels: the memory of five tables, the bits that they
and their number take at least, the least side of a square in pixels, and how many there may be."""


def webp_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: no picture within, a chunk longer than the file, or sizes that contradict each other."""
    chunks, lossless_bytes = _chunks(photo)
    extended = chunks.get(b"VP8X")
    has_alpha, is_animated, canvas = False, False, (0, 0)
    if extended is not None:
        if len(extended) < 10:
            raise damaged("WebP: its header is too short")
        is_animated = bool(extended[0] & _ANIMATED)
        canvas = 1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")
    size = canvas
    if not is_animated:
        size, has_alpha = _frame(chunks)
        has_alpha = has_alpha or b"ALPH" in chunks
    if extended is not None and size != canvas:
        raise damaged(f"WebP: it announces {canvas[0]} x {canvas[1]} pixels and holds {size[0]} x {size[1]}")
    # 295 kB of a picture of 1024 x 1024 pixels took 364 MiB for its codes
    is_plain = not is_animated and _code_bytes(size, lossless_bytes) <= MAX_CODE_BYTES
    profile, exif = chunks.get(b"ICCP", b""), chunks.get(b"EXIF", b"")
    return Header(
        PhotoFormat.WEBP, *size,
        orientation(exif) if exif else 1,
        is_plain, has_alpha, profile if len(profile) <= MAX_PROFILE_BYTES else b"",
        _CANVAS_BYTES if not is_plain else _ALPHA_BYTES if has_alpha else _STILL_BYTES,
    )  # fmt: skip


def _code_bytes(size: tuple[int, int], lossless_bytes: int) -> int:
    """Memory that the codes of a lossless picture, or of lossless opacity, may take; they are not counted before."""
    n_squares = -(-size[0] // _CODES_SIDE) * -(-size[1] // _CODES_SIDE)
    return _CODES_BYTES * min(n_squares, 8 * lossless_bytes // _CODES_BITS, _MOST_CODES)


def _chunks(photo: bytes) -> tuple[dict[bytes, bytes], int]:
    """The first chunk of each name; of the picture itself, whose rest a decoder checks, the beginning alone.

    Also the bytes of the longest chunk that is packed without loss.
    """
    found: dict[bytes, bytes] = {}
    lossless_bytes = 0
    place, end = 12, min(len(photo), 8 + int.from_bytes(photo[4:8], "little"))
    for _ in range(MAX_CHUNKS):
        name, length = photo[place : place + 4], int.from_bytes(photo[place + 4 : place + 8], "little")
        if place + 8 > end or not name.strip(b"\0"):
            return found, lossless_bytes
        if place + 8 + length > end:
            raise UnreadablePhoto(
                f"the WebP breaks off: at byte {place} begin {length:,} bytes, {max(0, end - place - 8):,} are left"
            )
        kept = length if name in (b"ICCP", b"EXIF") else min(length, 32)
        found.setdefault(name, photo[place + 8 : place + 8 + kept])
        if name == b"VP8L" or (name == b"ALPH" and length and photo[place + 8] & 3 == _LOSSLESS):
            lossless_bytes = max(lossless_bytes, length)
        place += 8 + length + length % 2
        if name == b"ANMF":
            # what an animation shows after its first picture is not looked at
            return found, lossless_bytes
    raise UnreadablePhoto(f"a WebP of more than {MAX_CHUNKS} parts")


def _frame(chunks: dict[bytes, bytes]) -> tuple[tuple[int, int], bool]:
    """((width, height), whether it says that there is opacity) of the still picture."""
    lossy, lossless = chunks.get(b"VP8 ", b""), chunks.get(b"VP8L", b"")
    if len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a":
        size = int.from_bytes(lossy[6:8], "little") & 0x3FFF, int.from_bytes(lossy[8:10], "little") & 0x3FFF
        has_alpha = False
    elif len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        size, has_alpha = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)), bool(bits >> 28 & 1)
    else:
        raise damaged("WebP: it holds no picture")
    if not all(size):
        raise damaged("WebP: it announces a picture without pixels")
    return size, has_alpha
