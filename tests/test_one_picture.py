"""Whoever looks at a photo sees the same picture of it: Pillow's, upright, on white, within two grey levels."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.chunk import Chunk
from catalog.photos.thumbnails import strip
from catalog.product import Product
from curation.duplicates.photo_hash import State, photo_hash
from fusion.prediction.explanation import _pictures
from mosaic.photos import squared
from ocr.reader import decoded
from tests.support.photo_kinds import MODES, SIZES, photo_of, pillows_picture

KINDS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]
SIDES = st.one_of(st.sampled_from(SIZES), st.tuples(st.integers(1, 90), st.integers(1, 90)))


def within_two(pixels: np.ndarray, expected: np.ndarray) -> bool:
    return pixels.shape == expected.shape and int(np.abs(pixels.astype(int) - expected).max()) <= 2


@settings(max_examples=80)
@given(st.sampled_from(KINDS), SIDES, st.integers(1, 8))
def test_networks_reading_and_explanations_see_one_picture(kind, size, orientation):
    photo = photo_of(*kind, size, orientation)
    expected = pillows_picture(photo)
    side = max(size)
    height, width = expected.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    [picture] = Chunk.of([Product(1, (photo,))], side).pictures.values()
    square = squared(picture, side)
    assert within_two(square[top : top + height, left : left + width], expected)
    assert (square.sum(dtype=np.int64) - square[top : top + height, left : left + width].sum(dtype=np.int64)) == (
        255 * 3 * (side * side - height * width)
    )
    assert within_two(decoded(photo, 5000).pixels, expected)
    if side <= 90:
        (shown,) = _pictures([photo])
        assert within_two(shown, expected)


@settings(max_examples=30)
@given(st.sampled_from(KINDS), st.tuples(st.integers(24, 60), st.integers(24, 60)), st.integers(1, 8))
def test_pages_and_hashes_see_it_too(kind, size, orientation):
    """A page's thumbnail is a JPEG, a hash 64 bits: both are those of Pillow's picture, as near as they allow."""
    photo = photo_of(*kind, size, orientation)
    out = io.BytesIO()
    Image.fromarray(pillows_picture(photo)).save(out, "PNG")
    thumbnails = [np.asarray(Image.open(io.BytesIO(strip([one], 30))), int) for one in (photo, out.getvalue())]
    assert np.abs(thumbnails[0] - thumbnails[1]).mean() < 3
    ours, of_pillows = photo_hash(photo), photo_hash(out.getvalue())
    assert ours[3] == of_pillows[3]
    if ours[3] == State.HASHED:
        # two grey levels may turn a bit that is close to the median
        assert (ours[0] ^ of_pillows[0]).bit_count() <= 8
        assert max(abs(ours[1] - of_pillows[1]), abs(ours[2] - of_pillows[2])) <= 2
