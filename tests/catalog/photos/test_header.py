"""The size that a photo announces: read directly from a JPEG, it is what Pillow reads."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.photos.header import NoPicture, _jpeg_size, _pillow_header, announced, announced_size


def jpeg(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    pixels = np.random.default_rng(width).integers(0, 255, (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


@settings(max_examples=60)
@given(
    st.integers(1, 300), st.integers(1, 300), st.sampled_from(["RGB", "L", "CMYK"]), st.booleans(),
    st.integers(0, 2), st.binary(max_size=300), st.text(max_size=40),
)  # fmt: skip
def test_a_jpeg_tells_its_size_without_pillow(width, height, mode, progressive, subsampling, profile, comment):
    options = {"progressive": progressive, "icc_profile": profile or None, "comment": comment.encode()}
    if mode == "RGB":
        options["subsampling"] = subsampling
    photo = jpeg(width, height, mode, **options)
    assert _jpeg_size(photo) == (width, height)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_header_is_never_smaller_than_pillow_says(data):
    """Whatever the bytes, the direct way gives Pillow's answer or none."""
    photo = bytearray(jpeg(40, 30, comment=b"x" * 20))
    for _ in range(data.draw(st.integers(1, 4))):
        photo[data.draw(st.integers(0, 250))] = data.draw(st.integers(0, 255))
    cut = bytes(photo[: data.draw(st.integers(0, len(photo)))])
    found = _jpeg_size(cut)
    if found is None:
        return
    try:
        expected = _pillow_header(cut)[:2]
    except NoPicture:
        # Pillow also wants what stands behind the frame; that is for the decoder to refuse
        return
    assert found == expected


def test_what_is_no_plain_jpeg_goes_to_pillow():
    out = io.BytesIO()
    Image.new("RGB", (33, 44)).save(out, "PNG")
    assert _jpeg_size(out.getvalue()) is None
    assert announced_size(out.getvalue()) == (33, 44)
    fill = b"\xff\xd8" + 50 * b"\xff\xfe\x00\x04ab" + jpeg(20, 10)[2:]
    assert _jpeg_size(fill) is None
    assert announced_size(fill) == (20, 10)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_header_names_the_format(kind):
    out = io.BytesIO()
    Image.new("RGB", (31, 17)).save(out, kind)
    assert announced(out.getvalue()) == (31, 17, kind)


def test_a_bomb_announces_itself():
    photo = bytearray(jpeg(16, 16))
    frame = photo.index(b"\xff\xc0")
    photo[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    assert announced_size(bytes(photo)) == (65535, 65535)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_what_pillow_refuses_as_too_large_keeps_its_size_and_format(kind, monkeypatch):
    out = io.BytesIO()
    Image.new("L", (70, 50)).save(out, kind)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(out.getvalue()))
    assert announced(out.getvalue()) == (70, 50, kind)


def test_what_is_too_large_without_a_readable_size_counts_as_large(monkeypatch):
    def refuse(*_: object) -> None:
        raise Image.DecompressionBombError

    monkeypatch.setattr(Image, "open", refuse)
    assert announced(b"nothing that any parser reads") == (2**16, 2**16, "")


@pytest.mark.parametrize("photo", [b"", b"\xff\xd8\xff", b"none", b"\xff\xd8\xff\xe0\x00"])
def test_what_is_no_picture_is_refused(photo):
    with pytest.raises(NoPicture):
        announced_size(photo)
