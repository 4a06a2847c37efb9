"""What is read is said, and what is not has a way out that fits the language."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from pathlib import Path

import onnx
import pytest
import rapidocr

from catalog.runs.config import load_config
from ocr.cli import main
from ocr.config import EngineConfig, OcrConfig
from ocr.engines.base import EngineMissing
from ocr.engines.languages import OTHER_SCRIPTS, install_tesseract, unread_by_rapidocr, what_is_read
from ocr.engines.registry import make_engine
from tests.support.command_line import call


def engine(*overrides: str) -> EngineConfig:
    return load_config(OcrConfig, "ocr", None, [f"engine.{item}" for item in overrides]).engine


def test_the_scripts_are_those_of_the_networks_own_dictionary():
    (network,) = (Path(rapidocr.__file__).parent / "models").glob("*_rec_*.onnx")
    (dictionary,) = (entry.value for entry in onnx.load(network).metadata_props if entry.key == "character")
    letters = [letter for letter in dictionary.split("\n") if len(letter) == 1 and letter.isalpha()]
    scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in letters)
    assert all(scripts[name] > 80 for name in ("LATIN", "CJK", "HIRAGANA", "KATAKANA"))
    assert not {"CYRILLIC", "ARABIC", "HEBREW", "HANGUL", "DEVANAGARI", "THAI"} & set(scripts)
    assert "Latin letters, Chinese and Japanese" in what_is_read(engine())
    assert "Latin letters, Chinese and Japanese" in " ".join(call(main, "--help").split())


@pytest.mark.parametrize(
    ("languages", "packages"),
    [
        (["deu"], "tesseract-ocr-deu"),
        (["de", "fr"], "tesseract-ocr-deu tesseract-ocr-fra"),
        (["chi_sim"], "tesseract-ocr-chi-sim"),
        (["ru"], "tesseract-ocr-rus"),
    ],
)
def test_the_package_is_that_of_the_language(languages, packages):
    assert install_tesseract(languages) == f"apt-get install tesseract-ocr {packages}"


def test_languages_in_other_scripts_are_sent_to_tesseract(caplog):
    assert unread_by_rapidocr(["fra", "eng", "deu", "jpn", "chi_sim", "pl"]) == []
    assert unread_by_rapidocr(["fra", "rus", "ar"]) == ["rus", "ar"]
    assert {"kor", "heb", "tha"} <= OTHER_SCRIPTS
    with caplog.at_level(logging.WARNING):
        make_engine(engine("languages=[fra,ru,ar]"))
    assert "not ru, ar" in caplog.text
    assert "apt-get install tesseract-ocr tesseract-ocr-rus tesseract-ocr-ara" in caplog.text


def test_tesseract_names_the_package_of_what_it_lacks(caplog, monkeypatch):
    import pytesseract

    monkeypatch.setattr("shutil.which", lambda program: program)
    monkeypatch.setattr(pytesseract, "get_tesseract_version", lambda: "5.3")
    monkeypatch.setattr(pytesseract, "get_languages", lambda: ["deu", "osd"])
    with pytest.raises(EngineMissing, match="tesseract-ocr tesseract-ocr-pol tesseract-ocr-ces\\)"):
        _ = make_engine(engine("name=tesseract", "languages=[pol,cs]")).settings
    with caplog.at_level(logging.WARNING):
        assert make_engine(engine("name=tesseract", "languages=[de,deu,pol]")).languages == ("deu",)  # type: ignore[attr-defined]
    assert "lacks pol and reads deu only" in caplog.text
    assert "tesseract-ocr-pol)" in caplog.text
    assert what_is_read(engine("name=tesseract", "languages=[de]")).startswith("tesseract reads deu")

    def no_program() -> str:
        raise pytesseract.TesseractNotFoundError

    monkeypatch.setattr(pytesseract, "get_tesseract_version", no_program)
    with pytest.raises(EngineMissing, match="tesseract-ocr-pol"):
        _ = make_engine(engine("name=tesseract", "languages=[pol]")).settings
