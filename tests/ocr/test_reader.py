import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from catalog.photos.decode import decode_photo
from ocr.cache import TranscriptCache
from ocr.reader import PhotoReader
from ocr.transcript import OcrFailure, Transcript, Word


class FakeEngine:
    """Reads the mean colour; remembers what it saw."""

    name = "fake"
    settings = "fake 1"
    max_side = 400

    def __init__(self):
        self.seen = []
        self.sizes = []
        self.batches = []

    def read(self, photos):
        self.batches.append(len(photos))
        results = []
        for photo in photos:
            assert photo.dtype == np.uint8
            assert photo.ndim == 3
            self.sizes.append(photo.shape[:2])
            value = str(round(photo.mean()))
            self.seen.append(value)
            failed = value == "13"
            results.append(OcrFailure("unlucky") if failed else Transcript((Word(value, 1.0, (0.0, 0.0, 1.0, 1.0)),)))
        return results


class FindingEngine(FakeEngine):
    """Reads one word where the photo is dark."""

    def read(self, photos):
        return [self._one(photo) for photo in photos]

    def _one(self, photo):
        rows, columns = np.nonzero(photo.mean(axis=2) < 128)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return Transcript((Word("dark", 1.0, tuple(map(float, box))),))


def png(value, size=(20, 10)):
    file = io.BytesIO()
    Image.new("RGB", size, (value,) * 3).save(file, "PNG")
    return file.getvalue()


def drawn_jpeg(size, places, orientation=1):
    """White, with a black square of 40 pixels at each place (left, top); stored as EXIF's orientation needs it."""
    picture = Image.new("RGB", size, "white")
    for left, top in places:
        picture.paste("black", (left, top, left + 40, top + 40))
    back = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    if back[orientation] is not None:
        picture = picture.transpose(back[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif)
    return file.getvalue()


def keyed(*photos):
    return {hashlib.md5(photo).digest(): photo for photo in photos}


@pytest.fixture
def cache(tmp_path):
    return TranscriptCache(tmp_path / "transcripts.sqlite")


def test_each_md5_is_read_once(cache):
    engine = FakeEngine()
    reader = PhotoReader(engine, cache, batch_size=4)
    photos = keyed(*[png(value) for value in range(20, 30)], png(13))
    first = reader.read(photos)
    assert first[hashlib.md5(png(25)).digest()].text == "25"
    assert first[hashlib.md5(png(13)).digest()] == OcrFailure("unlucky")
    again = PhotoReader(engine, cache, batch_size=4).read(photos | keyed(png(40)))
    assert {md5: again[md5] for md5 in photos} == first
    assert sorted(engine.seen) == sorted(["13", "40", *map(str, range(20, 30))])
    assert engine.batches == [4, 4, 3, 1]


def test_bad_photos_have_a_reason(cache):
    damaged = bytearray(png(50))
    damaged[40:] = b"\0" * 10
    reasons = {
        b"": "this is an empty file",
        b"%PDF-1.7": "this is a PDF document",
        b"not a picture" * 50: "this is not a picture",
        bytes(damaged): "damaged PNG",
    }
    good = png(60)
    results = PhotoReader(FakeEngine(), cache, batch_size=8).read(keyed(*reasons, good))
    for photo, reason in reasons.items():
        failure = results[hashlib.md5(photo).digest()]
        assert isinstance(failure, OcrFailure)
        assert failure.lasting
        assert reason in failure.reason
    assert results[hashlib.md5(good).digest()].text == "60"
    assert cache.get_many("fake 1", results) == results


def test_a_photo_that_is_too_large_is_not_given_up_for_good(cache, monkeypatch):
    monkeypatch.setattr("catalog.photos.decode.max_decoded_bytes", lambda: 2**20)
    large = png(50, (1000, 1000))
    (refusal,) = PhotoReader(FakeEngine(), cache, batch_size=8).read(keyed(large)).values()
    assert isinstance(refusal, OcrFailure)
    assert "RAYONNAGE_MAX_PHOTO_MIB" in refusal.reason
    assert cache.get_many("fake 1", keyed(large)) == {}
    monkeypatch.undo()
    (read,) = PhotoReader(FakeEngine(), cache, batch_size=8).read(keyed(large)).values()
    assert read.text == "50"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("a surprise")])
def test_whatever_decoding_stumbles_over_costs_that_photo_alone(cache, monkeypatch, error):
    unlucky, lucky = png(50), png(60)

    def decode(photo, at_most):
        if photo == unlucky:
            raise error
        return decode_photo(photo, at_most)

    monkeypatch.setattr("ocr.reader.decode_photo", decode)
    failure, transcript = PhotoReader(FakeEngine(), cache, batch_size=8).read(keyed(unlucky, lucky)).values()
    assert failure == OcrFailure(f"it cannot be decoded: {type(error).__name__} {error}".rstrip(), lasting=False)
    assert transcript.text == "60"


def test_a_wrong_setting_is_told_before_anything_is_read(monkeypatch):
    def wrong():
        raise ValueError("RAYONNAGE_MAX_PHOTO_MIB is 'much'")

    monkeypatch.setattr("ocr.reader.max_decoded_bytes", wrong)
    with pytest.raises(ValueError, match="'much'"):
        PhotoReader(FakeEngine(), None, batch_size=8)


def test_photos_with_a_remark_are_read(cache):
    whole = drawn_jpeg((80, 80), [])
    (transcript,) = PhotoReader(FakeEngine(), cache, batch_size=8).read(keyed(whole[:-2])).values()
    assert transcript.text == "255"


def test_what_was_kept_as_unreadable_without_a_reason_is_tried_again(cache):
    photos = keyed(png(50), b"no picture", png(60))
    good, bad, unlucky = photos
    failures = {good: OcrFailure("unreadable"), bad: OcrFailure("unreadable"), unlucky: OcrFailure("unlucky")}
    cache.put_many("fake 1", failures)
    results = PhotoReader(FakeEngine(), cache, batch_size=8).read(photos)
    assert results[good].text == "50"
    assert results[bad] == OcrFailure("this is not a picture")
    assert results[unlucky] == OcrFailure("unlucky")
    assert cache.get_many("fake 1", photos) == results


def test_photos_are_decoded_at_the_size_that_the_engine_needs():
    engine = FakeEngine()
    PhotoReader(engine, None, batch_size=8).read(keyed(drawn_jpeg((1600, 1203), []), png(60), png(70, (10, 900))))
    assert engine.sizes == [(301, 400), (10, 20), (400, 4)]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(1600, 1200), (1203, 1601), (300, 200)])
def test_boxes_are_in_pixels_of_the_whole_upright_photo(size, orientation):
    photo = drawn_jpeg(size, [(size[0] - 60, 20)], orientation)
    (transcript,) = PhotoReader(FindingEngine(), None, batch_size=8).read(keyed(photo)).values()
    expected = (size[0] - 60, 20, size[0] - 20, 60)
    assert transcript.words[0].box == pytest.approx(expected, abs=2 * max(1, max(size) / 400))


def test_batches_are_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr("ocr.reader.MAX_BATCH_BYTES", 1000)
    engine = FakeEngine()
    photos = keyed(*[png(value, (10, 10)) for value in range(20, 30)], png(99, (90, 90)), png(98))
    results = PhotoReader(engine, None, batch_size=8).read(photos)
    assert engine.batches == [3, 3, 3, 1, 1, 1]
    assert [results[md5].text for md5 in photos] == [*map(str, range(20, 30)), "99", "98"]


def test_a_kill_loses_at_most_a_batch(cache):
    class Killed(FakeEngine):
        def read(self, photos):
            if len(self.batches) == 2:
                raise KeyboardInterrupt
            return super().read(photos)

    photos = keyed(*[png(value) for value in range(20, 30)])
    with pytest.raises(KeyboardInterrupt):
        PhotoReader(Killed(), cache, batch_size=4).read(photos)
    engine = FakeEngine()
    assert len(PhotoReader(engine, cache, batch_size=4).read(photos)) == 10
    assert engine.batches == [2]


def test_progress_reaches_the_end(cache):
    calls = []
    reader = PhotoReader(FakeEngine(), cache, batch_size=2)
    reader.read(keyed(png(20), b"bad", png(22)), progress=lambda done, total: calls.append((done, total)))
    reader.read(keyed(png(20), b"bad", png(22)), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(2, 3), (3, 3), (3, 3)]
    assert reader.read({}) == {}
