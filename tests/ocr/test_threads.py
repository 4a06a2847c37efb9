"""One reader, many threads; one workspace, many processes: everybody gets the words of the own photos."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ocr.cache import TranscriptCache
from ocr.reader import PhotoReader
from ocr.transcript import PhotoReading, Transcript, Word
from tests.ocr.test_reader import png
from tests.support.processes import Running

THREADS, CALLS, PHOTOS = 16, 12, 60


class ColourEngine:
    """Reads the photo's grey value, and lets other threads go first."""

    name = "colour"
    settings = "colour 1"
    max_side = 400

    def __init__(self) -> None:
        self.n_read = 0

    def read(self, photos: Sequence[np.ndarray]) -> list[PhotoReading]:
        self.n_read += len(photos)
        threading.Event().wait(0.001)
        return [Transcript((Word(str(photo[0, 0, 0]), 1.0, (0.0, 0.0, 1.0, 1.0)),)) for photo in photos]

    def close(self) -> None:
        """Nothing was started."""


GREY = {hashlib.md5(photo).digest(): (str(grey), photo) for grey, photo in ((n, png(n)) for n in range(PHOTOS))}


def read_some(reader: PhotoReader, seed: int) -> int:
    """Reads random photos, several times; returns how many answers were right."""
    dice, n_right = random.Random(seed), 0
    for _ in range(CALLS):
        wanted = dice.sample(list(GREY), dice.randint(1, 9))
        readings = reader.read({md5: GREY[md5][1] for md5 in wanted})
        assert readings.keys() == set(wanted)
        n_right += all(isinstance(one, Transcript) and one.text == GREY[md5][0] for md5, one in readings.items())
    return n_right


@pytest.mark.parametrize("keeps", [True, False])
def test_sixteen_threads_read_through_one_reader(tmp_path, keeps):
    engine = ColourEngine()
    reader = PhotoReader(engine, TranscriptCache(tmp_path / "transcripts.sqlite") if keeps else None, batch_size=4)
    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(read_some, [reader] * THREADS, range(THREADS))) == [CALLS] * THREADS
    if keeps:
        # at most once in each thread, and not again by who comes later
        n_read = engine.n_read
        assert n_read <= THREADS * PHOTOS
        reader.read({md5: photo for md5, (_, photo) in GREY.items()})
        assert engine.n_read <= n_read + PHOTOS
        reader.read({md5: photo for md5, (_, photo) in GREY.items()})
        assert engine.n_read <= n_read + PHOTOS


def test_a_damaged_file_is_moved_aside_by_one_of_many_threads(tmp_path, caplog):
    path = tmp_path / "transcripts.sqlite"
    path.write_bytes(b"no database" * 1000)
    cache, everyone = TranscriptCache(path), threading.Barrier(THREADS)

    def keep(number: int) -> None:
        everyone.wait(300)
        md5 = hashlib.md5(bytes([number])).digest()
        cache.put_many("colour 1", {md5: Transcript((Word(str(number), 1.0, (0.0, 0.0, 1.0, 1.0)),))})
        assert cache.get_many("colour 1", [md5])[md5].text == str(number)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(keep, range(THREADS)))
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    assert cache.contents()[0].photos == THREADS
    assert "without it" not in caplog.text


def reads_and_says(path: Path, seed: int) -> None:
    """In a process of its own."""
    print(read_some(PhotoReader(ColourEngine(), TranscriptCache(path), batch_size=4), seed))


def test_eight_processes_read_in_one_workspace(tmp_path):
    path = tmp_path / "runs" / "transcripts.sqlite"
    running = [Running(reads_and_says, path, seed) for seed in range(8)]
    assert [process.finish() for process in running] == [f"{CALLS}\n"] * 8
    (kept,) = TranscriptCache(path).contents()
    assert kept.photos == len({md5 for seed in range(8) for md5 in asked(seed)})


def asked(seed: int) -> set[bytes]:
    """What `read_some` asks for."""
    dice = random.Random(seed)
    return {md5 for _ in range(CALLS) for md5 in dice.sample(list(GREY), dice.randint(1, 9))}
