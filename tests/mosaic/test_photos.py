"""Square pictures for networks."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.chunk import Picture
from catalog.photos.decode import decode_photo
from mosaic.photos import squared
from tests.support.products import make_photo


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def square_photo(photo: bytes, size: int) -> Picture:
    """As networks see it."""
    return squared(decode_photo(photo, size).pixels, size)


def test_a_square_photo_of_the_right_size_is_left_as_it_is():
    """Cdiscount's photos: whatever else is done to others, these are the decoder's pixels."""
    photo = make_photo(1, (180, 180))
    assert (square_photo(photo, 180) == decode_photo(photo).pixels).all()


@pytest.mark.parametrize(
    ("size", "top", "left"), [((10, 31), 0, 10), ((31, 10), 10, 0), ((2, 1), 0, 0), ((31, 31), 0, 0)]
)
def test_the_white_border_is_even(size, top, left):
    picture = square_photo(encoded(Image.new("RGB", size)), max(size))
    side = max(size)
    assert picture.shape == (side, side, 3)
    assert not picture[top : top + size[1], left : left + size[0]].any()
    assert (picture == 255).sum() == 3 * (side**2 - size[0] * size[1])


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(1, 64))
def test_every_size_becomes_the_square_that_was_asked_for(size, side):
    picture = square_photo(encoded(Image.new("RGB", size, (10, 200, 30))), side)
    assert picture.shape == (side, side, 3)
    assert picture.dtype == np.uint8
    # of a picture one pixel wide, the left one of two in the middle
    assert picture[(side - 1) // 2, (side - 1) // 2].tolist() == [10, 200, 30]


def test_a_thin_strip_is_not_larger_than_its_square():
    assert square_photo(encoded(Image.new("L", (5000, 1))), 32).shape == (32, 32, 3)
