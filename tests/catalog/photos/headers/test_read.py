"""What photos announce: Pillow's sizes and orientations, and of damaged bytes a reason and nothing else."""

import contextlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers import read
from catalog.photos.headers.read import read_header, readable_formats
from tests.support.photo_kinds import MODES, SIZES, WITH_EXIF, photo_of

KINDS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]
PHOTOS = {(kind, mode): photo_of(kind, mode, (37, 23), orientation=6) for kind, mode in KINDS}

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
STARTS = [photo[:n] for photo in (*PHOTOS.values(), HEIC + PHOTOS["AVIF", "RGB"][32:]) for n in (4, 12, 16, 30, 60)]


@pytest.mark.parametrize(("kind", "mode"), KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_the_size_is_pillows(kind, mode, size):
    header = read_header(photo_of(kind, mode, size))
    assert (header.format, header.width, header.height) == (PhotoFormat(kind), *size)
    assert not header.is_cut


@given(st.sampled_from(KINDS), st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(1, 8))
def test_the_upright_size_is_pillows(kind_and_mode, size, orientation):
    photo = photo_of(*kind_and_mode, size, orientation)
    header = read_header(photo)
    assert header.upright_size == ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).size
    # formats that Pillow turns by itself need no turning
    turns_itself = header.format in (PhotoFormat.AVIF, PhotoFormat.TIFF)
    assert header.orientation == (orientation if kind_and_mode[0] in WITH_EXIF and not turns_itself else 1)


@pytest.mark.slow
@settings(max_examples=1500)
@given(st.sampled_from(KINDS), st.data())
def test_damaged_bytes_are_unreadable_and_nothing_else(kind_and_mode, data):
    """Changed, cut, doubled and removed bytes: a header with a size, or the one error."""
    photo = bytearray(PHOTOS[kind_and_mode])
    for _ in range(data.draw(st.integers(1, 5))):
        # headers stand at the beginning, or (TIFF) at the end
        place = data.draw(st.integers(0, min(len(photo) - 1, 400)) | st.integers(0, len(photo) - 1))
        length = data.draw(st.integers(0, 12))
        photo[place : place + length] = data.draw(st.binary(max_size=12))
        if not photo:
            break
    cut = bytes(photo[: data.draw(st.integers(0, len(photo)))])
    for damaged in (bytes(photo), cut):
        try:
            header = read_header(damaged)
        except UnreadablePhoto:
            continue
        assert header.width > 0 < header.height
        assert 1 <= header.orientation <= 8
        assert header.bytes_per_pixel > 0
        assert header.n_passes >= 1


@settings(max_examples=300)
@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_garbage_behind_a_photos_first_bytes_is_unreadable_and_nothing_else(start, rest):
    with contextlib.suppress(UnreadablePhoto):
        assert read_header(start + rest).width > 0


def test_heic_is_among_what_is_read_where_its_package_is(monkeypatch):
    monkeypatch.setattr(read, "find_spec", lambda name: None)
    assert readable_formats() == tuple(kind for kind in PhotoFormat if kind != PhotoFormat.HEIC)
    monkeypatch.setattr(read, "find_spec", lambda name: object())
    assert readable_formats() == tuple(PhotoFormat)
