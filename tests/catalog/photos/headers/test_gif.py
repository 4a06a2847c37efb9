"""GIFs up to their first picture."""

import io

import pytest
from PIL import Image

from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.gif import MAX_BLOCKS, gif_header
from tests.support.photo_kinds import colours

NOTE = b"!\xfe"


def gif(screen: tuple[int, int], place: tuple[int, int], size: tuple[int, int], before: bytes = b"") -> bytes:
    """One picture at a place on a screen."""
    frame = b"".join(n.to_bytes(2, "little") for n in (*place, *size))
    sides = b"".join(n.to_bytes(2, "little") for n in screen)
    return b"GIF89a" + sides + b"\0\0\0" + before + b"," + frame + b"\0\x02\0;"


@pytest.mark.parametrize(
    ("place", "size", "expected"),
    [
        ((0, 0), (20, 10), (20, 10)),
        ((5, 5), (3, 3), (20, 10)),
        ((5, 5), (30, 3), (35, 10)),
        ((0, 9), (1, 60), (20, 69)),
    ],
)
def test_a_picture_that_leaves_the_screen_enlarges_it(place, size, expected):
    photo = gif((20, 10), place, size)
    assert gif_header(photo)[1:3] == expected
    picture = Image.open(io.BytesIO(photo))
    assert picture.size == expected


def test_notes_before_the_picture_are_passed_over():
    out = io.BytesIO()
    colours((40, 30)).convert("P").save(
        out, "GIF", save_all=True, append_images=[colours((40, 30), 1).convert("P")], comment=b"," * 1000, loop=0
    )
    assert gif_header(out.getvalue())[1:3] == (40, 30)
    for notes in (NOTE + b"\0", NOTE + b"\x03,,,\x01,\0" + NOTE + b"\0", NOTE + b"\xff" + b"," * 255 + b"\0"):
        assert gif_header(gif((9, 8), (0, 0), (9, 8), notes))[1:3] == (9, 8)


@pytest.mark.parametrize("notes", [NOTE + b"\0", NOTE + b"\x01a" * MAX_BLOCKS + b"\0"])
def test_notes_are_bounded_in_all(notes):
    """A block of one byte takes a step of the walk as well as one of 255 does."""
    with pytest.raises(UnreadablePhoto, match="more than 100,000 blocks"):
        gif_header(gif((9, 8), (0, 0), (9, 8), notes * (MAX_BLOCKS if len(notes) == 3 else 1)))


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (b"GIF89a", "breaks off"), (gif((9, 8), (0, 0), (9, 8))[:-3], "breaks off"),
        (gif((9, 8), (0, 0), (9, 8), NOTE + b"\xff"), "breaks off"),
        (gif((9, 8), (0, 0), (9, 8), b"?"), "byte 13 begins neither"), (b"GIF89a" + bytes(7) + b";", "byte 13 begins"),
        (gif((9, 8), (0, 0), (0, 8)), "no pixels"), (gif((9, 8), (0, 0), (9, 0)), "no pixels"),
    ],
)  # fmt: skip
def test_what_shows_nothing_is_unreadable(photo, why):
    with pytest.raises(UnreadablePhoto, match=why):
        gif_header(photo)
