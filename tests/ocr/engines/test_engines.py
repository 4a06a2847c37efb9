import difflib
import logging
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from catalog.runs.config import load_config
from ocr.config import OcrConfig
from ocr.engines.base import EngineMissing
from ocr.engines.prepare import prepare
from ocr.engines.rapid import MAX_ASPECT, prepared
from ocr.engines.registry import ENGINES, make_engine
from ocr.engines.tesseract import TesseractEngine, parse_table
from ocr.transcript import OcrFailure, Transcript
from tests.support.processes import wait_for_end

FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
TITLES = [
    ("Le rouge", "et le noir", "Stendhal"),
    ("La bête", "humaine", "Émile Zola"),
    ("Du côté de", "chez Swann", "Marcel Proust"),
]
NEEDS_TESSERACT = pytest.mark.skipif(shutil.which("tesseract") is None, reason="the tesseract program is not installed")
HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"


def config(*overrides):
    return load_config(OcrConfig, "ocr", None, [f"engine.{item}" for item in overrides]).engine


def cover(lines, size=(180, 180)):
    picture = Image.new("RGB", size, (235, 225, 200))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((12, 20 + 45 * number), line, font=ImageFont.truetype(FONT, 22), fill=(40, 20, 90))
    return np.asarray(picture)


def odd_photos():
    rng = np.random.default_rng(0)
    return [
        np.zeros((1, 1, 3), np.uint8),
        np.full((180, 180, 3), 255, np.uint8),
        np.full((6, 6, 3), 10, np.uint8),
        rng.integers(0, 256, (12, 3000, 3), np.uint8),
        np.full((9000, 8, 3), 90, np.uint8),
        np.zeros((2, 400, 3), np.uint8),
    ]


@pytest.fixture(scope="module", params=["rapidocr", pytest.param("tesseract", marks=NEEDS_TESSERACT)])
def engine(request):
    return make_engine(config(f"name={request.param}"))


@pytest.fixture(scope="module")
def rapid():
    return make_engine(config("name=rapidocr"))


@pytest.mark.slow
def test_titles_are_read(engine):
    least = {"rapidocr": 0.95, "tesseract": 0.5}[engine.name]
    results = engine.read([cover(lines) for lines in TITLES])
    for lines, transcript in zip(TITLES, results, strict=True):
        text = transcript.text.replace("\n", " ")
        assert difflib.SequenceMatcher(None, text, " ".join(lines), autojunk=False).ratio() >= least, text
        assert Transcript.from_json(transcript.to_json()).text == transcript.text


def test_boxes_are_in_pixels_of_the_photo(engine):
    (transcript,) = engine.read([cover(("Stendhal",))])
    left, top, right, bottom = transcript.words[0].box
    assert 0 <= left < 25
    assert 10 <= top < 30
    assert 80 < right < 150
    assert 35 < bottom < 60


@pytest.mark.slow
def test_odd_photos_do_not_stop_the_others(engine):
    results = engine.read([*odd_photos(), cover(TITLES[0])])
    assert len(results) == 7
    assert all(isinstance(result, Transcript) for result in results)
    assert [result.text for result in results[:3]] == ["", "", ""]
    assert "Stendhal" in results[-1].text
    assert engine.read([]) == []


def test_settings_name_what_changes_the_output(engine):
    same, other = (make_engine(config(f"name={engine.name}", item)) for item in ("threads=1", "min_confidence=0.9"))
    assert engine.settings == same.settings != other.settings
    assert engine.name in engine.settings


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_photos_are_read_in_order(rapid, turns):
    (transcript,) = rapid.read([np.rot90(cover(TITLES[0]), turns).copy()])
    assert transcript.text.split("\n") == list(TITLES[0])


def test_a_spine_is_read_in_both_directions(rapid):
    words = np.full((180, 180, 3), 240, np.uint8)
    line = cover(("Les Misérables",), (180, 180))[15:55]
    words[:, 20:60] = np.rot90(line, 1)
    words[:, 110:150] = np.rot90(line, 3)
    (transcript,) = rapid.read([words])
    assert transcript.text.split("\n") == ["Les Misérables", "Les Misérables"]
    # the first line's words run down or up the photo, one after the other
    tops = [word.box[1] for word in transcript.words]
    assert len(set(np.sign([tops[1] - tops[0], tops[3] - tops[2]]))) == 2


@pytest.mark.slow
def test_light_text_and_other_scripts(rapid):
    light = 255 - cover(TITLES[1])
    greek = cover(("Ιλιάδα", "Όμηρος"))
    results = rapid.read([light, greek])
    assert results[0].text.split("\n") == list(TITLES[1])
    # what is no Latin text may come out as anything, but as something that can be kept
    assert Transcript.from_json(results[1].to_json()).text == results[1].text


def test_a_strip_is_padded():
    picture, scale = prepared(np.zeros((10, 9000, 3), np.uint8), 2.0)
    assert picture.shape[1] <= MAX_ASPECT * picture.shape[0] * 1.01
    assert picture.shape[1] == round(9000 * scale) <= 2000


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a shell script in the place of the `tesseract` program; `$REAL` is the program itself."""
    folder = tmp_path / "bin"
    folder.mkdir()
    real = shutil.which("tesseract")

    def replaced_by(script):
        (folder / "tesseract").write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
        (folder / "tesseract").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder / "tesseract"

    return replaced_by


# reads a list as the program does, but hangs on a picture of 120 pixels, with a child that hangs too, and crashes on
# one of 150
UNLUCKY = """
for photo in $(cat "$1"); do
    case "$(od -A n -t u1 -j 16 -N 8 "$photo" | tr -s ' ')" in
    *" 0 0 0 120 0 0 0 120"*) sleep 600 & echo $! >> {pids}; wait ;;
    *" 0 0 0 150 0 0 0 150"*) kill -SEGV $$ ;;
    esac
done
exec $REAL "$@"
"""


@NEEDS_TESSERACT
def test_a_crash_or_hang_is_retried_one_by_one_and_leaves_nothing_behind(program, tmp_path, caplog):
    engine = make_engine(config("name=tesseract", "threads=2", "time_limit_s=4"))
    assert engine.languages
    program(UNLUCKY.format(pids=tmp_path / "pids"))
    photos = [cover(TITLES[0]), np.zeros((40, 40, 3), np.uint8), np.zeros((50, 50, 3), np.uint8)]
    with caplog.at_level(logging.WARNING):
        good, hung, crashed = engine.read(photos)
    assert "Stendhal" in good.text
    assert hung == OcrFailure("tesseract: Tesseract process timeout", lasting=False)
    assert isinstance(crashed, OcrFailure)
    assert crashed.lasting
    assert "one by one" in caplog.text
    for pid in (tmp_path / "pids").read_text().split():
        wait_for_end(int(pid))


@NEEDS_TESSERACT
def test_a_program_that_is_gone_is_named_and_one_that_is_killed_is_no_fault_of_the_photo(program, monkeypatch):
    engine = make_engine(config("name=tesseract"))
    assert engine.settings.startswith("tesseract")
    replaced = program("kill -KILL $$")
    (killed,) = engine.read([cover(TITLES[0])])
    assert isinstance(killed, OcrFailure)
    assert not killed.lasting
    replaced.unlink()
    monkeypatch.setenv("PATH", str(replaced.parent))
    with pytest.raises(EngineMissing, match="apt-get install tesseract-ocr"):
        engine.read([cover(TITLES[0])])


@NEEDS_TESSERACT
def test_many_threads_read_without_a_word_in_the_environment(program, tmp_path):
    engine = make_engine(config("name=tesseract", "threads=2"))
    assert engine.languages
    program(f'echo "${{OMP_THREAD_LIMIT}}" >> {tmp_path / "limits"}; exec $REAL "$@"')
    photos, seen = [cover(lines) for lines in TITLES], set()
    with ThreadPoolExecutor(4) as pool:
        readings = [pool.submit(engine.read, [photo]) for photo in photos]
        while not all(reading.done() for reading in readings):
            seen.add(os.environ.get("OMP_THREAD_LIMIT"))
            time.sleep(0.005)
    assert [reading.result()[0] for reading in readings] == engine.read(photos)
    assert seen == {None}
    assert set((tmp_path / "limits").read_text().split()) == {"1"}


@pytest.mark.slow
@NEEDS_TESSERACT
@pytest.mark.parametrize("turns", [1, 3])
def test_tesseract_reads_turned_and_skewed_text(turns):
    engine = make_engine(config("name=tesseract"))
    photo = np.asarray(Image.fromarray(cover(TITLES[0])).rotate(5, Image.Resampling.BICUBIC, fillcolor=(200, 225, 235)))
    results = engine.read([np.rot90(photo, turns).copy(), photo])
    for transcript in results:
        assert "Stendhal" in transcript.text
    # boxes lie where the word is printed: below the title, turned with the photo
    (turned,) = [word.box for word in results[0].words if word.text == "Stendhal"]
    assert (turned[3] - turned[1]) > (turned[2] - turned[0])
    assert (turned[0] > 90) == (turns == 1)


@NEEDS_TESSERACT
def test_a_real_time_limit():
    engine = make_engine(config("name=tesseract", "time_limit_s=0.001"))
    (failure,) = engine.read([cover(TITLES[0])])
    assert failure == OcrFailure("tesseract: Tesseract process timeout", lasting=False)


@NEEDS_TESSERACT
def test_languages_that_are_not_installed(caplog):
    with caplog.at_level(logging.WARNING):
        assert TesseractEngine(config("name=tesseract", "languages=[eng,xxx]")).languages == ("eng",)
    assert "xxx" in caplog.text
    with pytest.raises(EngineMissing, match="apt-get"):
        _ = make_engine(config("name=tesseract", "languages=[xxx]")).settings


def test_a_missing_program_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngineMissing, match="apt-get install tesseract-ocr"):
        make_engine(config("name=tesseract"))


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineMissing, match="pip install"):
        make_engine(config("name=rapidocr"))


def test_the_table_must_have_a_page_per_photo():
    page = "1\t{}\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t\n"
    word = '5\t2\t1\t1\t1\t1\t30\t60\t90\t30\t{}\t"Horla\n'
    table = HEADER + page.format(1) + page.format(2) + word.format("96.5") + word.format("20.0")
    tripled = prepare(np.zeros((100, 100, 3), np.uint8), 3.0)
    blank, read = parse_table(table, [tripled, tripled], 0.6)
    assert blank == Transcript()
    assert [(w.text, w.confidence, w.box) for w in read.words] == [('"Horla', 0.965, (10.0, 20.0, 40.0, 30.0))]
    for broken in (HEADER + page.format(1), HEADER + word.format("x"), HEADER + page.format(3)):
        with pytest.raises(ValueError):
            parse_table(broken, [tripled, tripled], 0.6)


@pytest.mark.slow
def test_every_configured_name_has_an_engine():
    assert set(ENGINES) == {"rapidocr", "tesseract"}


def test_onnxruntime_is_named_where_it_reads():
    assert " onnxruntime " in make_engine(config("name=rapidocr", "backend=onnxruntime")).settings


@pytest.mark.parametrize("bad", ["enlarge=100", "min_confidence=2", "threads=0", "languages=['../x']", "page_mode=0"])
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=bad.partition("=")[0]):
        config(bad)
