"""What a file is by its first bytes, never by its name: the formats that are decoded, and names for others."""

from enum import StrEnum

FIRST_BYTES = 64
"""As many as `format_of` and `what_else` look at."""


class UnreadablePhoto(ValueError):
    """The bytes are no photo that can be decoded; the message says why.

    Attributes:
        is_lasting: the photo itself is the reason, rather than a setting, a missing package or the machine's state.
    """

    def __init__(self, reason: str, is_lasting: bool = True) -> None:
        super().__init__(reason)
        self.is_lasting = is_lasting


class PhotoFormat(StrEnum):
    """The formats that are decoded, each because shops have it; the value is its name for people."""

    JPEG = "JPEG"
    """Cameras, phones, marketplaces: nearly everything; MPO is a JPEG with further pictures behind it."""
    PNG = "PNG"
    """Packshots cut out from their background, screenshots."""
    WEBP = "WEBP"
    """What web shops deliver."""
    GIF = "GIF"
    """Old shops; of an animation the first picture counts."""
    AVIF = "AVIF"
    """What web shops deliver by now."""
    BMP = "BMP"
    """Scanners, old tills."""
    TIFF = "TIFF"
    """Studios and printers."""
    HEIC = "HEIC"
    """iPhones; decoded where `pip install 'rayonnage[heic]'` was done."""


ENDINGS = {
    PhotoFormat.JPEG: (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo"),
    PhotoFormat.PNG: (".png",),
    PhotoFormat.WEBP: (".webp",),
    PhotoFormat.GIF: (".gif",),
    PhotoFormat.AVIF: (".avif", ".avifs"),
    PhotoFormat.BMP: (".bmp", ".dib"),
    PhotoFormat.TIFF: (".tif", ".tiff"),
    PhotoFormat.HEIC: (".heic", ".heif", ".hif"),
}
"""Endings of files that hold a format; the first is the one that is written."""

_STARTS = (
    (b"\xff\xd8\xff", PhotoFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", PhotoFormat.PNG),
    (b"GIF87a", PhotoFormat.GIF),
    (b"GIF89a", PhotoFormat.GIF),
    (b"II*\0", PhotoFormat.TIFF),
    (b"MM\0*", PhotoFormat.TIFF),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""Lengths of the headers that a BMP's first one may be followed by: two letters alone would take text for a photo."""

_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"\0\0\1\0", "a Windows icon"),
    (b"\0\0\2\0", "a Windows cursor"),
    (b"8BPS", "a Photoshop document"),
    (b"%!PS", "a PostScript program"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript program"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"II+\0", "a BigTIFF picture"),
    (b"MM\0+", "a BigTIFF picture"),
    (b"PK\3\4", "a ZIP archive or an Office document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document or Windows' list of thumbnails"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"OggS", "a video or a sound"),
    (b"ID3", "a sound"),
    (b"\0\5\x16\7", "macOS' notes on another file"),
    (b"P1\n", "a Netpbm picture"),
    *((b"P%d" % number, "a Netpbm picture") for number in range(2, 7)),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself"),
)
NOTHING_KNOWN = "not a picture"
"""What `what_else` says where the first bytes tell nothing."""


def format_of(photo: bytes) -> PhotoFormat | None:
    """The format that the first bytes (`FIRST_BYTES` are enough) tell; None where they are no photo's."""
    for start, kind in _STARTS:
        if photo.startswith(start):
            return kind
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return PhotoFormat.WEBP
    if photo[4:8] == b"ftyp":
        return _format_of_brands(photo)
    if photo[:2] == b"BM" and int.from_bytes(photo[14:18], "little") in _BMP_HEADERS:
        return PhotoFormat.BMP
    return None


def _format_of_brands(photo: bytes) -> PhotoFormat | None:
    """Of a file in boxes (ISO base media): its own brand, then those that it says it is compatible with."""
    length = min(int.from_bytes(photo[:4]), FIRST_BYTES)
    brands = [photo[8:12], *(photo[place : place + 4] for place in range(16, length, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return PhotoFormat.AVIF
    return PhotoFormat.HEIC if any(brand in _HEIC_BRANDS for brand in brands) else None


def what_else(photo: bytes) -> str:
    """What the first bytes of something that is no photo are, for a sentence: `this is ...`."""
    if not photo:
        return "an empty file"
    for start, name in _OTHERS:
        if photo.startswith(start):
            return name
    if photo[4:8] == b"ftyp":
        return "a video"
    if photo[:4] == b"RIFF":
        return "a video or a sound"
    text = photo[:FIRST_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"svg" in text):
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "a web page: perhaps the shop's answer that the photo is gone"
    if text.startswith(b"<"):
        return "an XML document"
    return NOTHING_KNOWN


def ending_of(photo: bytes) -> str:
    """The ending that fits an encoded photo; `.jpg` where nothing tells, so that it is still taken for a photo."""
    return ENDINGS[format_of(photo) or PhotoFormat.JPEG][0]
