"""Size and format of an encoded photo as its header announces them, so that nothing too large is ever decoded."""

import io
import warnings
from typing import NamedTuple

from PIL import Image

# baseline and progressive frames; tables, comments and application data that may stand before them
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_BEFORE_FRAME = frozenset({0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)})
MAX_SEGMENTS = 40


class NoPicture(ValueError):
    """The bytes are not a picture in any format that Pillow knows."""


class Header(NamedTuple):
    """What a photo announces: width and height in pixels, and Pillow's name of its format (empty when it refuses)."""

    width: int
    height: int
    format: str


def announced_size(photo: bytes) -> tuple[int, int]:
    """(width, height) in pixels, without decoding, also of pictures that Pillow refuses as too large.

    Raises:
        NoPicture: not a picture.
    """
    header = announced(photo)
    return header.width, header.height


def announced(photo: bytes) -> Header:
    """Size as `announced_size` gives it, and format.

    Raises:
        NoPicture: not a picture.
    """
    # Pillow takes 22 us for a header, decoding the whole photo of a shop 120: the usual kind is read directly
    size = _jpeg_size(photo)
    return Header(*size, "JPEG") if size else _pillow_header(photo)


def _jpeg_size(photo: bytes) -> tuple[int, int] | None:
    """(width, height) of a plain JPEG; None for anything else, or where the segments are not as expected."""
    if photo[:3] != b"\xff\xd8\xff":
        return None
    place = 2
    # tables and application data come before the frame; a photo with more segments than this is left to Pillow
    for _ in range(MAX_SEGMENTS):
        marker = photo[place : place + 4]
        if len(marker) < 4 or marker[0] != 0xFF:
            return None
        if marker[1] in _FRAMES:
            height, width = photo[place + 5 : place + 7], photo[place + 7 : place + 9]
            size = int.from_bytes(width), int.from_bytes(height)
            return size if len(width) == 2 and all(size) else None
        if marker[1] not in _BEFORE_FRAME:
            return None
        place += 2 + int.from_bytes(marker[2:])
    return None


def _pillow_header(photo: bytes) -> Header:
    try:
        with warnings.catch_warnings():
            # Pillow warns over a limit of its own, which is not ours
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(photo)) as header:
                return Header(*header.size, header.format or "")
    except Image.DecompressionBombError:
        return _refused_header(photo)
    except Exception as error:
        # Pillow's header parsers raise anything on damaged bytes
        raise NoPicture("zero bytes" if not photo else "not a picture") from error


def _refused_header(photo: bytes) -> Header:
    """Of a picture that `Image.open` refuses for its size; the parsers of its formats read the header nevertheless."""
    for name, (parser, accepts) in Image.OPEN.items():
        try:
            if accepts is not None and accepts(photo[:16]) is not True:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with parser(io.BytesIO(photo), "") as header:
                    return Header(*header.size, header.format or name)
        except Exception:
            # anything again: bytes of another format, or a parser that looks at the size itself
            continue
    # too large for Pillow, however large it is
    return Header(2**16, 2**16, "")
