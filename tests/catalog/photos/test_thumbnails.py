"""Small pictures for a page: bounded whatever was given."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from catalog.photos.decode import decode_photo
from catalog.photos.thumbnails import EMPTY, GAP, PHOTO_BYTES, SHARPER, strip
from tests.support.forged_photos import bomb
from tests.support.photo_kinds import MODES, WITH_EXIF, photo_of, pillows_picture
from tests.support.products import make_photo


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_photos_stand_side_by_side_in_their_order(n):
    greys = [40, 90, 140, 190][:n]
    photos = []
    for grey in greys:
        out = io.BytesIO()
        Image.new("L", (300, 300), grey).save(out, "PNG")
        photos.append(out.getvalue())
    found = opened(strip(photos, 60))
    side = 60 * SHARPER
    assert found.size == (n * (side + GAP) - GAP, side)
    middles = [found.convert("L").getpixel((i * (side + GAP) + side // 2, side // 2)) for i in range(n)]
    assert middles == pytest.approx(greys, abs=3)


def test_noise_of_any_size_stays_within_its_bytes():
    for size in ((1, 1), (2000, 3), (3, 2000), (900, 700)):
        found = strip([make_photo(1, size), make_photo(2, size)], 90)
        assert len(found) <= 2 * PHOTO_BYTES
        assert opened(found).height <= 90 * SHARPER


@pytest.mark.parametrize("size", [(800, 100), (100, 800), (5000, 1), (1, 5000), (700, 400), (30, 20)])
def test_a_photo_keeps_its_shape_within_twice_the_height(size):
    side = 60 * SHARPER
    found = opened(strip([photo_of("PNG", "RGB", size)], 60))
    scale = min(1, 2 * side / size[0], side / size[1])
    assert found.size == (max(1, round(size[0] * scale)), side)


@pytest.mark.parametrize("photo", [b"", b"none", b"%!PS-Adobe-3.0 EPSF-3.0", make_photo(1)[:300], b"\x89PNG\r\n\x1a\n"])
def test_a_broken_photo_is_a_crossed_field_and_never_an_error(photo):
    check_crossed(strip([photo], 40))
    assert opened(strip([], 40)).size == (80, 80)


@pytest.mark.parametrize("name", ["png-60000", "jpeg-65535", "tiff-2-31", "png-long-chunk"])
def test_what_would_cost_too_much_is_a_crossed_field(name):
    check_crossed(strip([bomb(name)], 40))


def check_crossed(jpeg: bytes) -> None:
    found = opened(jpeg)
    assert found.size == (80, 80)
    assert found.getpixel((40, 12)) == pytest.approx(EMPTY, abs=3)
    assert sum(found.getpixel((40, 40))) < sum(EMPTY) - 60


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_stand_upright(kind, orientation):
    """Taller than wide for the camera that was held on its side."""
    found = opened(strip([photo_of(kind, "RGB", (100, 60), orientation)], 60))
    expected = pillows_picture(photo_of(kind, "RGB", (100, 60), orientation))
    height, width = expected.shape[:2]
    top = (found.height - height) // 2
    assert found.width == width
    shown = np.asarray(found)[top : top + height].astype(int)
    assert np.abs(shown - expected).mean() < 8


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_every_kind_of_photo_is_shown_as_the_networks_see_it(kind, mode):
    photo = photo_of(kind, mode, (100, 120))
    shown, seen = opened(strip([photo], 60)), Image.fromarray(decode_photo(photo).pixels)
    # cells of 10 x 10: a palette's dots are blurred by the page's JPEG
    cells, expected = (np.asarray(picture.reduce(10), int) for picture in (shown, seen))
    assert np.abs(cells - expected).mean() < 5
