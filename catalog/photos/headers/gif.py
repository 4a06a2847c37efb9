"""The screen of a GIF and its first picture (GIF89a, 18 to 26)."""

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header, damaged

MAX_BLOCKS = 100_000
"""Before the first picture, of at most 255 bytes each: colour profiles and notes of editors."""
_EXTENSION, _PICTURE = 0x21, 0x2C


def gif_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: no picture within, or one without pixels."""
    try:
        flags = photo[10]
        place = 13 + (3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0)
        place = _first_picture(photo, place)
        left, top, width, height = (int.from_bytes(photo[place + at : place + at + 2], "little") for at in (1, 3, 5, 7))
        # the code size, which stands behind the frame and its palette
        photo[place + 10]
    except IndexError:
        raise UnreadablePhoto("the GIF breaks off before its picture begins") from None
    screen = int.from_bytes(photo[6:8], "little"), int.from_bytes(photo[8:10], "little")
    if not width or not height:
        raise damaged("GIF: its first picture has no pixels")
    # a picture that leaves the screen enlarges it
    return Header(PhotoFormat.GIF, max(screen[0], left + width), max(screen[1], top + height), bytes_per_pixel=6)


def _first_picture(photo: bytes, place: int) -> int:
    """Where the first picture's description stands; raises IndexError where the bytes end before it."""
    is_within = False
    for _ in range(MAX_BLOCKS):
        kind = photo[place]
        if is_within:
            # a block of a note tells its length; an empty one ends the note
            is_within = kind > 0
            place += 1 + kind
        elif kind == _PICTURE:
            return place
        elif kind == _EXTENSION:
            is_within = True
            place += 2
        else:
            raise damaged(f"GIF: byte {place} begins neither a picture nor a note")
    raise UnreadablePhoto(f"a GIF with more than {MAX_BLOCKS:,} blocks of notes before its picture")
