"""The chunks of a WebP up to its picture (RFC 9649)."""

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.exif import orientation
from catalog.photos.headers.header import MAX_PROFILE_BYTES, Header, damaged

MAX_CHUNKS = 1000
_ANIMATED = 0x02
_ANIMATION_BYTES = 16
"""Of a pixel: an animation's canvas, the one before it, and what is made of them."""
_STILL_BYTES, _ALPHA_BYTES = 6, 9
"""Of a pixel, measured: what it is unpacked into, and the picture that it is copied into."""


def webp_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: no picture within, a chunk longer than the file, or sizes that contradict each other."""
    chunks = _chunks(photo)
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
    profile, exif = chunks.get(b"ICCP", b""), chunks.get(b"EXIF", b"")
    return Header(
        PhotoFormat.WEBP, *size,
        orientation(exif) if exif else 1,
        not is_animated, has_alpha, profile if len(profile) <= MAX_PROFILE_BYTES else b"",
        _ANIMATION_BYTES if is_animated else _ALPHA_BYTES if has_alpha else _STILL_BYTES,
    )  # fmt: skip


def _chunks(photo: bytes) -> dict[bytes, bytes]:
    """The first chunk of each name; of the picture itself, whose rest a decoder checks, the beginning alone."""
    found: dict[bytes, bytes] = {}
    place, end = 12, min(len(photo), 8 + int.from_bytes(photo[4:8], "little"))
    for _ in range(MAX_CHUNKS):
        name, length = photo[place : place + 4], int.from_bytes(photo[place + 4 : place + 8], "little")
        if place + 8 > end or not name.strip(b"\0"):
            return found
        if place + 8 + length > end:
            raise UnreadablePhoto(
                f"the WebP breaks off: at byte {place} begin {length:,} bytes, {max(0, end - place - 8):,} are left"
            )
        kept = length if name in (b"ICCP", b"EXIF") else min(length, 32)
        found.setdefault(name, photo[place + 8 : place + 8 + kept])
        place += 8 + length + length % 2
        if name == b"ANMF":
            # what an animation shows after its first picture is not looked at
            return found
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
