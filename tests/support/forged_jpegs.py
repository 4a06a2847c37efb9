"""Hostile JPEGs: sound ones that Pillow made, with their segments repeated, changed or crossed by hand."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageCms

START, END = b"\xff\xd8", b"\xff\xd9"
COMMENT, PROFILE, EXIF = 0xFE, 0xE2, 0xE1
BASELINE, PROGRESSIVE, LOSSLESS, ARITHMETIC = 0xC0, 0xC2, 0xC3, 0xC9
LONGEST = 65533
"""Bytes that one segment may hold."""
MARKED = b"ICC_PROFILE\0"


@cache
def jpeg(width: int, height: int, mode: str = "L", progressive: bool = False, sampling: int = 0) -> bytes:
    """A sound one that shows one colour; `sampling`: 0 keeps colours in full, 2 halves them."""
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, "JPEG", progressive=progressive, subsampling=sampling)
    return out.getvalue()


def segment(marker: int, content: bytes = b"") -> bytes:
    """Marker, length, content."""
    return bytes([0xFF, marker]) + (2 + len(content)).to_bytes(2) + content


def with_segments(segments: bytes, photo: bytes) -> bytes:
    """Right behind the start."""
    return START + segments + photo[2:]


def resized(photo: bytes, width: int, height: int, kind: int | None = None) -> bytes:
    """Its frame header announces another size, perhaps another kind of coding; its data stay."""
    place = next(i for marker in (BASELINE, PROGRESSIVE) if (i := photo.find(bytes([0xFF, marker, 0]))) >= 0)
    marker = photo[place + 1] if kind is None else kind
    size = height.to_bytes(2) + width.to_bytes(2)
    return photo[: place + 1] + bytes([marker]) + photo[place + 2 : place + 5] + size + photo[place + 9 :]


def many_scans(side: int, scans: int) -> bytes:
    """Time: each scan of a progressive photo goes over all of its coefficients and takes 75 bytes."""
    photo = jpeg(side, side, progressive=True)
    last = photo.rindex(b"\xff\xda")
    return photo[:last] + scans * photo[last:-2] + END


def huge() -> bytes:
    """The largest that can be announced, in some hundred bytes."""
    return resized(jpeg(8, 8), 65535, 65535)


def larger_than_said(side: int) -> bytes:
    """Decoders that set aside what is announced: the data of 180 x 180 pixels are there."""
    return resized(jpeg(180, 180, "RGB"), side, side)


def smaller_than_said() -> bytes:
    """Data of 180 x 180 pixels behind a header of 8 x 8."""
    return resized(jpeg(180, 180, "RGB"), 8, 8)


def coefficients(side: int) -> bytes:
    """A progressive photo's coefficients are kept whole, 6 bytes a pixel, at whatever size it is asked for."""
    return resized(jpeg(64, 64, "RGB", progressive=True), side, side)


def separate_scans(side: int) -> bytes:
    """A baseline photo whose colours come one after the other: kept whole as well, although it is not progressive."""
    photo, grey = jpeg(16, 16, "RGB"), jpeg(16, 16)
    brightness = grey[grey.index(b"\xff\xda") + 10 : -2]
    # of each of the four blocks: no difference, no more coefficients; two zero bits each (ITU-T T.81, annex K.3)
    coded = {1: brightness, 2: bytes(2), 3: bytes(2)}
    scans = (segment(0xDA, bytes([1, i, 0 if i == 1 else 0x11, 0, 63, 0])) + content for i, content in coded.items())
    return resized(photo[: photo.index(b"\xff\xda")], side, side) + b"".join(scans) + END


def height_to_follow() -> bytes:
    """A height of 0: it stands behind the picture (ITU-T T.81, B.2.5), 65535 rows here."""
    return resized(jpeg(64, 64), 64, 0)[:-2] + segment(0xDC, b"\xff\xff") + END


def cmyk(side: int) -> bytes:
    """Four bytes a pixel beside the three of the result."""
    return jpeg(side, side, "CMYK")


def lossless() -> bytes:
    """A kind of coding that nobody reads."""
    return resized(jpeg(64, 64), 8000, 8000, LOSSLESS)


def arithmetic() -> bytes:
    """A kind of coding that some read."""
    return resized(jpeg(64, 64), 8000, 8000, ARITHMETIC)


def arithmetic_scans() -> bytes:
    """Decoders of arithmetic codes go on without data: every coefficient of every scan takes its time."""
    return resized(many_scans(64, 400), 1000, 1000, 0xCA)


def many_comments(number: int = 10_000) -> bytes:
    """A loop over segments that has no end in sight."""
    return with_segments(segment(COMMENT, b"a") * number, jpeg(180, 180, "RGB"))


def many_tables(number: int = 20_000) -> bytes:
    """Huffman tables, each of which is built anew."""
    photo = jpeg(180, 180, "RGB")
    place = photo.index(b"\xff\xc4")
    table = photo[place : place + 2 + int.from_bytes(photo[place + 2 : place + 4])]
    return with_segments(table * number, photo)


def large_profile(size: int = 10_000_000) -> bytes:
    """An embedded profile in as many pieces as it takes."""
    known = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = size.to_bytes(4) + known[4:].ljust(size - 4, b"\0")
    room = LONGEST - len(MARKED) - 2
    pieces = [profile[i : i + room] for i in range(0, size, room)]
    segments = (segment(PROFILE, MARKED + bytes([i, len(pieces)]) + piece) for i, piece in enumerate(pieces, start=1))
    return with_segments(b"".join(segments), jpeg(180, 180, "RGB"))


def profile_that_counts() -> bytes:
    """An embedded profile whose curves and whose list of parts are announced to have 2^32 - 1 entries."""
    known = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    known[128:132] = b"\xff" * 4
    for i in range(132, len(known) - 12, 4):
        if known[i : i + 4] in (b"curv", b"para"):
            known[i : i + 12] = b"curv" + bytes(4) + b"\xff" * 4
    return with_segments(segment(PROFILE, MARKED + b"\1\1" + bytes(known)), jpeg(180, 180, "RGB"))


def wrong_length(length: int) -> bytes:
    """A segment that says it is shorter than its own length, or longer than the file."""
    return with_segments(b"\xff\xe5" + length.to_bytes(2) + b"abc", jpeg(180, 180, "RGB"))


def filled_up(size: int = 5_000_000) -> bytes:
    """Fill bytes between segments, as many as one likes."""
    return with_segments(b"\xff" * size, jpeg(180, 180, "RGB"))


def exif(entries: bytes, following: int = 0, count: int | None = None) -> bytes:
    """A photo whose EXIF has these 12-byte entries in a directory at byte 8, `following` the next directory's place."""
    n_entries = len(entries) // 12 if count is None else count
    directory = n_entries.to_bytes(2, "little") + entries + following.to_bytes(4, "little")
    return with_segments(segment(EXIF, b"Exif\0\0II*\0\x08\0\0\0" + directory), jpeg(180, 180, "RGB"))


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    """One entry of a TIFF directory."""
    return b"".join(n.to_bytes(size, "little") for n, size in ((tag, 2), (kind, 2), (count, 4), (value, 4)))


def exif_in_a_circle() -> bytes:
    """A directory that is its own next one, and its own EXIF and GPS directory as well."""
    return exif(entry(0x8769, 4, 1, 8) + entry(0x8825, 4, 1, 8) + entry(0xA005, 4, 1, 8), following=8)


def exif_that_counts() -> bytes:
    """An orientation of 2^32 - 1 numbers, and a directory of 65535 entries that are not there."""
    return exif(entry(0x0112, 12, 2**32 - 1, 8), count=65535)
