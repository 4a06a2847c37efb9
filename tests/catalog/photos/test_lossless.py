"""A picture in memory is seen as its file is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from catalog.photos.decode import decode_photo
from catalog.photos.lossless import encoded_array, encoded_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)


def file_of(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def test_arrays_are_decoded_to_the_letter():
    assert (decode_photo(encoded_array(PIXELS)).pixels == PIXELS).all()
    assert (decode_photo(encoded_array(PIXELS[::2, ::-1])).pixels == PIXELS[::2, ::-1]).all()
    grey = decode_photo(encoded_array(PIXELS[..., 0])).pixels
    assert (grey == PIXELS[..., :1]).all()
    assert grey.shape == PIXELS.shape


@pytest.mark.parametrize(
    ("pixels", "got"),
    [
        (PIXELS.astype(np.float32), r"\(30, 40, 3\) of float32"),
        (np.zeros((5, 5, 4), np.uint8), r"\(5, 5, 4\) of uint8"),
        (PIXELS[None], r"\(1, 30, 40, 3\) of uint8"),
        (np.zeros((0, 5, 3), np.uint8), r"\(0, 5, 3\) of uint8"),
    ],
)
def test_other_arrays_are_refused(pixels, got):
    with pytest.raises(ValueError, match=rf"an array {got}: expected \(H, W, 3\) RGB or \(H, W\) grey, uint8"):
        encoded_array(pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_any_mode_is_seen_as_its_file_is(mode):
    rgb = Image.fromarray(PIXELS)
    picture = rgb.convert("L").convert("I").convert(mode) if mode == "I;16" else rgb.convert(mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(Image.fromarray(PIXELS[..., 1]))
    photo = file_of(picture, "JPEG" if mode == "YCbCr" else "TIFF" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(photo)) as opened:
        assert (decode_photo(encoded_picture(opened)).pixels == decode_photo(photo).pixels).all()
    assert decode_photo(encoded_picture(picture)).pixels.shape == PIXELS.shape


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_a_picture_is_turned_as_its_exif_says(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    photo = file_of(Image.fromarray(PIXELS), "JPEG", exif=exif)
    with Image.open(io.BytesIO(photo)) as opened:
        assert (decode_photo(encoded_picture(opened)).pixels == decode_photo(photo).pixels).all()


def test_what_cannot_be_kept_is_refused():
    with pytest.raises(ValueError, match="32 bits"):
        encoded_picture(Image.new("F", (5, 5)))
    with pytest.raises(ValueError, match="empty"):
        encoded_picture(Image.new("RGB", (0, 5)))
    cut = Image.open(io.BytesIO(file_of(Image.fromarray(PIXELS), "PNG")[:200]))
    with pytest.raises(ValueError, match="cannot be read"):
        encoded_picture(cut)
