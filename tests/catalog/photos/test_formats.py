"""What a file is by its first bytes."""

import io

import pytest
from PIL import Image

from catalog.photos.formats import ENDINGS, FIRST_BYTES, PhotoFormat, ending_of, format_of, what_else


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_a_photo_is_what_its_first_bytes_say(kind):
    out = io.BytesIO()
    Image.new("RGB", (20, 20)).save(out, kind)
    photo = out.getvalue()
    assert format_of(photo) == format_of(photo[:FIRST_BYTES]) == PhotoFormat(kind)
    assert ending_of(photo) == ENDINGS[PhotoFormat(kind)][0]


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", PhotoFormat.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", PhotoFormat.HEIC),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", PhotoFormat.AVIF),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"BM which begins a text about BMW, long enough to be one", None),
        (b"", None),
    ],
)
def test_boxes_and_letters_alone_do_not_make_a_photo(start, kind):
    assert format_of(start) == kind


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"", "an empty file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0\0\1\0\1\0", "a Windows icon"),
        (b"  <!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><svg xmlns=", "an SVG drawing"),
        (b"\xef\xbb\xbf<svg>", "an SVG drawing"),
        (b"\0\0\0\x18ftypisom", "a video"),
        (b"hello", "not a picture"),
    ],
)
def test_what_is_no_photo_has_a_name(start, name):
    assert what_else(start).startswith(name)
