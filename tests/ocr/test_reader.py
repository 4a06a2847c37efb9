import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ocr.cache import TranscriptCache
from ocr.reader import PhotoReader, decode, n_pixels
from ocr.transcript import OcrFailure, Transcript, Word


class FakeEngine:
    """Reads the mean colour; remembers what it saw."""

    name = "fake"
    settings = "fake 1"

    def __init__(self):
        self.seen = []
        self.batches = []

    def read(self, photos):
        self.batches.append(len(photos))
        results = []
        for photo in photos:
            assert photo.dtype == np.uint8
            assert photo.ndim == 3
            value = str(int(photo.mean()))
            self.seen.append(value)
            failed = value == "13"
            results.append(OcrFailure("unlucky") if failed else Transcript((Word(value, 1.0, (0.0, 0.0, 1.0, 1.0)),)))
        return results


def png(value, size=(20, 10)):
    file = io.BytesIO()
    Image.new("RGB", size, (value,) * 3).save(file, "PNG")
    return file.getvalue()


def huge_png(width, height):
    """A few bytes that announce a huge picture."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


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
    bad = [b"", b"\xff\xd8\xff", b"not a picture" * 50, bytes(damaged)]
    good = png(60)
    results = PhotoReader(FakeEngine(), cache, batch_size=8).read(keyed(*bad, good))
    assert [results[hashlib.md5(photo).digest()] for photo in bad] == [OcrFailure("unreadable")] * 4
    assert results[hashlib.md5(good).digest()].text == "60"


@pytest.mark.parametrize("size", [(1001, 1000), (12_000, 12_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs_are_not_decoded(cache, size, monkeypatch):
    monkeypatch.setattr("ocr.reader.decode", lambda photo: pytest.fail("decoded"))
    bomb = huge_png(*size)
    (refusal,) = PhotoReader(FakeEngine(), cache, batch_size=8, max_pixels=1_000_000).read(keyed(bomb)).values()
    assert isinstance(refusal, OcrFailure)
    assert not refusal.lasting
    assert cache.get_many("fake 1", keyed(bomb)) == {}


def test_batches_are_bounded_in_pixels():
    engine = FakeEngine()
    photos = keyed(*[png(value, (10, 10)) for value in range(20, 30)])
    PhotoReader(engine, None, batch_size=8, max_pixels=150).read(photos)
    assert engine.batches == [3, 3, 3, 1]


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


def test_header_size():
    assert n_pixels(png(3, (7, 5))) == 35
    assert n_pixels(b"nothing") == 0


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_photos_are_set_on_white(kind):
    layers = np.zeros((40, 40, 4), np.uint8)
    layers[10:20, 10:20] = (200, 0, 0, 255)
    out = io.BytesIO()
    Image.fromarray(layers).save(out, kind, **({"lossless": True} if kind == "WEBP" else {}))
    photo = decode(out.getvalue())
    assert photo.shape == (40, 40, 3)
    assert photo[0, 0].tolist() == [255, 255, 255]
    assert photo[15, 15].tolist() == [0, 0, 200]
