"""The orientation in EXIF data: Pillow's, and 1 where nothing valid is said."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.photos.headers.exif import MAX_ENTRIES, ORIENTATION, orientation

SHORT = 3


def exif_of(value: int, others: dict[int, int | str]) -> bytes:
    """As Pillow writes it, with other entries around."""
    exif = Image.Exif()
    exif.update(others)
    exif[ORIENTATION] = value
    return exif.tobytes()


def directory(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """(tag, type, count, value) of entries, in either order of bytes."""
    rows = b"".join(
        struct.pack(order + ("HHIHxx" if kind == SHORT else "HHII"), tag, kind, count, value)
        for tag, kind, count, value in entries
    )
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "IH", 8, len(entries)) + rows


@given(st.integers(1, 8), st.dictionaries(st.sampled_from([0x010F, 0x0110, 0x0131]), st.text("abc", max_size=20)))
def test_it_is_pillows(value, others):
    assert orientation(exif_of(value, others)) == value
    # PNG, WebP and AVIF hold it without the mark
    assert orientation(exif_of(value, others).removeprefix(b"Exif\0\0")) == value


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_both_orders_of_bytes(order, value):
    assert orientation(directory((0x010F, 2, 1, 65), (ORIENTATION, 3, 1, value), order=order)) == value


@pytest.mark.parametrize(
    "exif",
    [
        b"", b"Exif\0\0", b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\xff\xff",
        b"XX*\0" + bytes(50),
        directory((ORIENTATION, 3, 1, 0)), directory((ORIENTATION, 3, 1, 9)), directory((ORIENTATION, 3, 2, 6)),
        directory((ORIENTATION, 2, 1, 6)), directory((ORIENTATION, 3, 1, 6))[:-1],
        directory(*[(1, 3, 1, 1)] * MAX_ENTRIES, (ORIENTATION, 3, 1, 6)),
    ],
)  # fmt: skip
def test_what_says_nothing_valid_is_upright(exif):
    assert orientation(exif) == 1


@given(st.binary(max_size=100), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_are_an_orientation(rest, start):
    assert 1 <= orientation(start + rest) <= 8
