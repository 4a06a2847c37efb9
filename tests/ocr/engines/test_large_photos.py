"""Photos larger than an engine can use: decoded at the size that it needs, read as well, boxes on the whole photo."""

import hashlib
import io
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from catalog.runs.config import load_config
from ocr.config import OcrConfig
from ocr.engines.prepare import prepare
from ocr.engines.rapid import prepared
from ocr.engines.registry import make_engine
from ocr.reader import PhotoReader

FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
NEEDS_TESSERACT = pytest.mark.skipif(shutil.which("tesseract") is None, reason="the tesseract program is not installed")
SIDE = {"rapidocr": 2000, "tesseract": 3000}


@pytest.fixture(params=["rapidocr", pytest.param("tesseract", marks=NEEDS_TESSERACT)])
def name(request):
    return request.param


def engine_of(name, *overrides):
    overrides = [f"engine.{item}" for item in (f"name={name}", *overrides)]
    return make_engine(load_config(OcrConfig, "ocr", None, overrides).engine)


@pytest.mark.parametrize("enlarge", [2.0, 1.0, 0.5])
def test_nothing_that_an_engine_sees_is_lost(name, enlarge):
    side = engine_of(name, f"enlarge={enlarge}").max_side
    # a photo of that size is not enlarged, and comes to the largest picture that the engine looks at
    assert side == SIDE[name] / min(enlarge, 1)
    photo = np.zeros((side, 600, 3), np.uint8)
    picture = prepared(photo, enlarge)[0] if name == "rapidocr" else prepare(photo, enlarge).picture
    assert picture.shape[0] == SIDE[name]


def test_rapidocr_is_given_blue_first():
    red = np.zeros((60, 60, 3), np.uint8)
    red[..., 0] = 200
    assert prepared(red, 2.0)[0][30, 30].tolist() == [0, 0, 200]


@pytest.mark.slow
@pytest.mark.parametrize("orientation", [1, 6])
def test_boxes_lie_on_the_whole_upright_photo(name, orientation):
    picture = Image.new("RGB", (3000, 4000), (235, 225, 200))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(FONT, 400)
    drawn = {text: draw.textbbox(at, text, font) for text, at in (("Stendhal", (500, 700)), ("Rouge", (900, 2600)))}
    for text, box in drawn.items():
        draw.text((box[0], box[1]), text, (40, 20, 90), font, anchor="lt")
        drawn[text] = draw.textbbox((box[0], box[1]), text, font, anchor="lt")
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    (picture.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else picture).save(out, "JPEG", exif=exif)
    photo = out.getvalue()
    reader = PhotoReader(engine_of(name), None, batch_size=1)
    (transcript,) = reader.read({hashlib.md5(photo).digest(): photo}).values()
    assert transcript.text.split("\n") == list(drawn)
    for word in transcript.words:
        assert word.box == pytest.approx(drawn[word.text], abs=120), word
