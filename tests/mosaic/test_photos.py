"""Encoded photos of every kind, and what is none."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mosaic.photos import UnreadablePhoto, decode, resize
from tests.support.products import make_photo

LIMIT = 10**6


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("PNG", "P"),
     ("WEBP", "RGB"), ("GIF", "RGB"), ("BMP", "RGB"), ("TIFF", "RGB")],
)  # fmt: skip
def test_every_usual_kind_becomes_rgb(kind, mode):
    photo = make_photo(1, (40, 40), kind, mode)
    picture = decode(photo, LIMIT)
    assert picture.shape == (40, 40, 3)
    assert picture.dtype == np.uint8
    expected = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"), float)
    # decoders differ by a little, and in how CMYK is turned
    assert np.abs(picture - expected).mean() < (40 if mode == "CMYK" else 4)


def test_red_stays_red():
    out = io.BytesIO()
    Image.new("RGB", (20, 20), (220, 10, 30)).save(out, "PNG")
    assert decode(out.getvalue(), LIMIT)[5, 5].tolist() == [220, 10, 30]


def test_a_photo_that_is_not_square_is_set_on_white():
    out = io.BytesIO()
    Image.new("RGB", (30, 10)).save(out, "PNG")
    picture = decode(out.getvalue(), LIMIT)
    assert picture.shape == (30, 30, 3)
    assert (picture[:10] == 255).all()
    assert (picture[10:20] == 0).all()
    assert (picture[20:] == 255).all()


def bomb(side: int) -> bytes:
    """A tiny PNG that announces a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [2_000, 12_000, 60_000])
def test_a_bomb_is_refused_by_its_header(side):
    with pytest.raises(UnreadablePhoto, match="over the 1000000 that are accepted"):
        decode(bomb(side), LIMIT)


def test_a_thin_strip_counts_as_the_square_it_would_become():
    with pytest.raises(UnreadablePhoto, match="1200 x 2"):
        decode(make_photo(0, (1200, 2), "PNG"), LIMIT)


@pytest.mark.parametrize("photo", [b"", b"hello", b"\xff\xd8\xff\xe0 jpeg?", make_photo(0)[:100], bomb(30)])
def test_what_is_no_picture_is_said_to_be_none(photo):
    with pytest.raises(UnreadablePhoto):
        decode(photo, LIMIT)


def test_one_pixel_and_resizing():
    picture = decode(make_photo(0, (1, 1), "PNG"), LIMIT)
    assert resize(picture, 16).shape == (16, 16, 3)
    assert resize(decode(make_photo(0, (50, 50)), LIMIT), 20).shape == (20, 20, 3)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_is_white(kind):
    """Cut-out product photos: the colour below a transparent pixel is whatever the editor left there."""
    cut_out = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    cut_out.paste((200, 30, 30, 255), (5, 5, 15, 15))
    picture = decode(encoded(cut_out, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {})), LIMIT)
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[10, 10].tolist() == [200, 30, 30]


@pytest.mark.parametrize("mode", ["LA", "P", "RGBA16"])
def test_every_kind_of_transparency_is_white(mode):
    if mode == "P":
        photo = encoded(Image.new("P", (8, 8)), transparency=0)
    elif mode == "LA":
        photo = encoded(Image.new("LA", (8, 8), (0, 0)))
    else:
        photo = cv2.imencode(".png", np.zeros((8, 8, 4), np.uint16))[1].tobytes()
    assert (decode(photo, LIMIT) == 255).all()


def test_half_opaque_is_half_white():
    picture = decode(encoded(Image.new("RGBA", (4, 4), (100, 0, 200, 128))), LIMIT)
    np.testing.assert_allclose(picture[0, 0], [177, 127, 227], atol=1)


def test_deep_and_binary_pictures_become_eight_bits():
    ramp = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    picture = decode(encoded(Image.fromarray(ramp)), LIMIT)
    assert picture.dtype == np.uint8
    assert np.abs(picture[..., 0].astype(int) - (ramp >> 8)).max() <= 1
    assert decode(encoded(Image.new("1", (8, 8), 1)), LIMIT).min() == 255


def test_a_photo_cut_in_the_middle_is_shown_or_refused_but_never_crashes(capfd):
    photo = make_photo(1, (64, 64))
    for cut in range(1, len(photo), 97):
        try:
            picture = decode(photo[:cut], LIMIT)
        except UnreadablePhoto:
            continue
        assert picture.shape == (64, 64, 3)
    capfd.readouterr()


@settings(max_examples=150)
@given(st.integers(0, 7), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bytes_are_shown_or_refused(which, changes):
    kind, mode = [
        ("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"),
        ("WEBP", "RGB"), ("GIF", "RGB"), ("BMP", "RGB"), ("TIFF", "RGB"),
    ][which]  # fmt: skip
    photo = bytearray(make_photo(1, (12, 9), kind, mode))
    for at, value in changes:
        photo[at % len(photo)] = value
    try:
        picture = decode(bytes(photo), LIMIT)
    except UnreadablePhoto:
        return
    assert picture.shape[0] == picture.shape[1]
    assert picture.shape[2] == 3
    assert picture.dtype == np.uint8


@given(st.binary(max_size=200))
def test_random_bytes_are_no_photo(data):
    with pytest.raises(UnreadablePhoto):
        decode(data, LIMIT)


@pytest.mark.parametrize(("size", "top", "left"), [((10, 31), 0, 10), ((31, 10), 10, 0), ((2, 1), 0, 0)])
def test_the_white_border_is_even(size, top, left):
    picture = decode(encoded(Image.new("RGB", size)), LIMIT)
    side = max(size)
    assert picture.shape == (side, side, 3)
    assert not picture[top : top + size[1], left : left + size[0]].any()
    assert (picture == 255).sum() == 3 * (side**2 - size[0] * size[1])
