"""Both engines on real books and CDs, against what a person reads on them."""

import difflib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.photos.decode import decode_photo
from catalog.runs.config import load_config
from ocr.config import OcrConfig
from ocr.engines.registry import make_engine
from ocr.transcript import Transcript
from text.normalize import without_accents

LEGIBLE = json.loads(Path(__file__).with_name("real_covers.json").read_text(encoding="utf-8"))


def folded(text):
    return without_accents(text.casefold()).replace("'", " ").split()


def share_read(lines, transcript):
    """Share of the transcribed words that were read, one letter in five forgiven."""
    wanted, read = folded(" ".join(lines)), folded(transcript.text)
    return np.mean([bool(difflib.get_close_matches(word, read, n=1, cutoff=0.8)) for word in wanted])


@pytest.mark.parametrize(("name", "least", "titles"), [("rapidocr", 0.7, 8), ("tesseract", 0.2, 2)])
def test_what_people_read_is_read(shared_data, name, least, titles):
    if name == "tesseract" and shutil.which("tesseract") is None:
        pytest.skip("the tesseract program is not installed")
    catalog = Catalog(shared_data / "cdiscount" / "train_example.bson")
    rows = {int(i): row for row, i in enumerate(catalog.product_ids)}
    legible = {int(i): photos for i, photos in LEGIBLE.items() if i != "about"}
    encoded = [photo for i in legible for photo in catalog[rows[i]].images]
    lines = [photo_lines for photos in legible.values() for photo_lines in photos]
    engine = make_engine(load_config(OcrConfig, "ocr", None, [f"engine.name={name}"]).engine)
    transcripts = engine.read([decode_photo(photo, engine.max_side).pixels for photo in encoded])
    assert all(isinstance(transcript, Transcript) for transcript in transcripts)
    read = [(printed, transcript) for printed, transcript in zip(lines, transcripts, strict=True) if printed]
    shares = [share_read(printed, transcript) for printed, transcript in read]
    assert np.mean(shares) >= least
    first_lines = [share_read(printed[:1], transcript) for printed, transcript in read]
    assert sum(share >= 0.5 for share in first_lines) >= titles
    # what no one can read is not made up: the back of the one book that has two photos
    assert len(transcripts[lines.index([])].words) <= 5
