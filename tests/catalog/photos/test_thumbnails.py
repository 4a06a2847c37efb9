"""Small pictures for a page: bounded whatever was given."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from catalog.photos.thumbnails import EMPTY, GAP, PHOTO_BYTES, SHARPER, UndecodablePhoto, decoded, strip
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


@pytest.mark.parametrize("photo", [b"", b"none", make_photo(1)[:300], b"\x89PNG\r\n\x1a\n"])
def test_a_broken_photo_is_a_crossed_field_and_never_an_error(photo):
    with pytest.raises(UndecodablePhoto):
        decoded(photo)
    found = opened(strip([photo], 40))
    assert found.size == (80, 80)
    assert found.getpixel((40, 12)) == pytest.approx(EMPTY, abs=3)
    assert sum(found.getpixel((40, 40))) < sum(EMPTY) - 60
    assert opened(strip([], 40)).size == (80, 80)


def test_what_announces_too_many_pixels_is_not_decoded():
    photo = bytearray(make_photo(1))
    frame = photo.index(b"\xff\xc0")
    photo[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UndecodablePhoto, match="65535 x 65535 pixels are too many"):
            decoded(bytes(photo))


def test_no_program_is_run_to_draw_a_photo(monkeypatch):
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "EPS")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *arguments, **options: pytest.fail("was run"))
    with pytest.raises(UndecodablePhoto, match="EPS is a program"):
        decoded(out.getvalue())


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "I;16", "1"])
def test_every_mode_becomes_colour_on_white(mode):
    if mode in ("RGBA", "LA"):
        picture = Image.new(mode, (20, 20), 0)
    elif mode == "P":
        picture = Image.new("P", (20, 20), 0)
        picture.info["transparency"] = 0
    else:
        picture = Image.fromarray(np.full((20, 20), 255, np.uint8)).convert(mode)
    out = io.BytesIO()
    picture.save(out, "JPEG" if mode == "CMYK" else "PNG")
    found = decoded(out.getvalue())
    assert found.mode == "RGB"
    if mode in ("RGBA", "LA", "P"):
        assert found.getpixel((5, 5)) == (255, 255, 255)
