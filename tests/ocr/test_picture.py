"""Photos with boxes around what was read on them."""

import io

import numpy as np
import pytest
from PIL import Image

from ocr.picture import HEIGHT, MARGIN, drawn
from ocr.transcript import OcrFailure, Transcript, Word


def photo(size, orientation=1):
    """Light blue, as stored; `size` is the upright one."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", size[::-1] if orientation > 4 else size, (170, 170, 250)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("size", "orientation"), [((40, 36), 1), ((3000, 3600), 1), ((3000, 3600), 6), ((5001, 500), 1)]
)
def test_boxes_lie_where_the_words_are(size, orientation):
    width, height = size
    box = (0.2 * width, 0.5 * height, 0.6 * width, 0.75 * height)
    sheet = np.asarray(drawn([photo(size, orientation)], [Transcript((Word("mot", 0.95, box),))])).astype(int)
    # boxes of words read with 90 % confidence are green, and nothing else is
    rows, columns = np.nonzero(sheet[..., 1] - sheet[..., 0] > 60)
    shown = (sheet.shape[1] - 2 * MARGIN, min(HEIGHT, round((sheet.shape[1] - 2 * MARGIN) * height / width)))
    place = [side - MARGIN for side in (columns.min(), rows.min(), columns.max(), rows.max())]
    assert place == pytest.approx(
        [box[0] / width * shown[0], box[1] / height * shown[1], box[2] / width * shown[0], box[3] / height * shown[1]],
        abs=3,
    )


def test_colours_are_those_of_the_photo():
    sheet = drawn([photo((72, 72))], [Transcript()])
    assert sheet.getpixel((MARGIN + HEIGHT // 2, MARGIN + HEIGHT // 2)) == pytest.approx((170, 170, 250), abs=2)


def test_a_photo_without_pixels_is_shown_with_its_reason():
    sheet = drawn([b"no picture", photo((30, 30))], [OcrFailure("this is not a picture"), OcrFailure("engine stopped")])
    assert sheet.width > sheet.height
    assert drawn([], []).size > (0, 0)


def test_a_long_reason_is_written_in_several_lines():
    short = np.asarray(drawn([b""], [OcrFailure("-")]))
    long = np.asarray(drawn([b"<!doctype html>"], [OcrFailure("-")]))

    def lines(sheet):
        ink = (sheet.max(axis=2) < 120).any(axis=1)
        return int((np.diff(ink.astype(int)) == 1).sum())

    assert lines(short) == 1
    assert lines(long) == 3
    assert (long[:, -MARGIN:].max(axis=2) > 120).all()
