"""The first directory of a TIFF."""

import io

import pytest
from PIL import Image

from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.tiff import tiff_header
from tests.support.forged_others import BITS, COLOUR, HEIGHT, SAMPLES, WIDTH, tiff
from tests.support.forged_photos import bomb
from tests.support.photo_kinds import photo_of

ORIENTATION = 274


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_photo(orientation):
    """Pillow turns TIFFs while it loads them, and is said nothing of it."""
    photo = photo_of("TIFF", "RGB", (40, 24), orientation)
    header = tiff_header(photo)
    assert header.orientation == 1
    assert (
        (header.width, header.height)
        == Image.open(io.BytesIO(photo)).size
        == ((40, 24) if orientation < 5 else (24, 40))
    )


@pytest.mark.parametrize("orientation", [0, 9, 2**32 - 1])
def test_an_orientation_that_is_none_turns_nothing(orientation):
    assert tiff_header(tiff({WIDTH: 40, HEIGHT: 24, ORIENTATION: orientation}))[1:3] == (40, 24)


def test_both_orders_of_bytes():
    little, big = (photo_of("TIFF", "L", (40, 24)), io.BytesIO())
    Image.new("I;16B", (40, 24)).save(big, "TIFF")
    assert big.getvalue().startswith(b"MM")
    assert tiff_header(little)[1:3] == tiff_header(big.getvalue())[1:3] == (40, 24)


@pytest.mark.parametrize(("samples", "bits"), [(1, 64), (1, 2**31), (200, 8), (2**16, 16)])
def test_more_bits_or_layers_take_more_memory(samples, bits):
    values = {WIDTH: 40, HEIGHT: 24, SAMPLES: samples, BITS: bits, COLOUR: 1}
    assert tiff_header(tiff(values)).bytes_per_pixel >= min(8, samples * bits // 8)
    assert tiff_header(tiff(values)).bytes_per_pixel > tiff_header(tiff({WIDTH: 40, HEIGHT: 24})).bytes_per_pixel


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (b"II*\0", "outside the file"), (b"II*\0\xff\xff\xff\xff", "outside the file"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(99), "outside the file"), (tiff({WIDTH: 5}), "announces 5 x 0"),
        (tiff({WIDTH: 5, HEIGHT: [1, 2]}), "announces 5 x 0"), (tiff({}), "announces 0 x 0"),
    ],
)  # fmt: skip
def test_what_has_no_size_is_damaged(photo, why):
    with pytest.raises(UnreadablePhoto, match=why):
        tiff_header(photo)


@pytest.mark.parametrize("name", ["tiff-in-a-circle", "tiff-many-strips", "tiff-counted-strips"])
def test_only_the_first_directory_is_read(name):
    assert tiff_header(bomb(name)).width <= 16
