"""Sizes of BMPs."""

import struct

import pytest

from catalog.photos.formats import UnreadablePhoto, format_of
from catalog.photos.headers.bmp import bmp_header
from catalog.photos.limits import check_cost
from tests.support.forged_others import bmp


@pytest.mark.parametrize("height", [9, -9])
def test_a_height_below_zero_counts_from_the_top(height):
    assert bmp_header(bmp(7, height))[1:3] == (7, 9)


def test_the_oldest_header_has_short_sides():
    photo = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 300, 200, 1, 24)
    assert format_of(photo) == "BMP"
    assert bmp_header(photo)[1:3] == (300, 200)


@pytest.mark.parametrize(("bits", "compression", "passes"), [(24, 0, 1), (8, 1, 1), (4, 2, 40)])
def test_run_lengths_of_four_bits_are_dear(bits, compression, passes):
    header = bmp_header(bmp(6500, 6500, bits, compression))
    assert header.n_passes == passes
    if passes > 1:
        with pytest.raises(UnreadablePhoto, match="too long to decode"):
            check_cost(header, 0, 1)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (2**31, 5)])
def test_a_picture_without_pixels_is_damaged(width, height):
    with pytest.raises(UnreadablePhoto, match="damaged BMP"):
        bmp_header(bmp(width, height))


def test_a_file_of_a_few_bytes_breaks_off():
    for n in range(26):
        with pytest.raises(UnreadablePhoto, match=r"breaks off|damaged"):
            bmp_header(bmp(7, 9)[:n])
