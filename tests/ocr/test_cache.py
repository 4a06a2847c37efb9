import hashlib
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from ocr.cache import CacheError, TranscriptCache
from ocr.cache_rows import KEYS_PER_STATEMENT
from ocr.transcript import OcrFailure, Transcript, Word

BOX = (0.0, 0.0, 1.0, 1.0)
WRITER = """
import sys
from pathlib import Path
from ocr.cache import TranscriptCache
from tests.ocr.test_cache import key, read
cache, who = TranscriptCache(Path(sys.argv[1])), sys.argv[2]
for batch in range(int(sys.argv[3])):
    cache.put_many("e", {key(f"{who}{batch}.{n}"): read(who) for n in range(5)})
    print(batch, flush=True)
"""


def key(name):
    return hashlib.md5(str(name).encode()).digest()


def read(text):
    return Transcript((Word(text, 0.5, BOX),))


@pytest.fixture
def cache(tmp_path):
    return TranscriptCache(tmp_path / "transcripts.sqlite")


def write_in_process(cache, who, batches):
    command = [sys.executable, "-c", WRITER, str(cache.path), who, str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_keeps_transcripts_and_lasting_failures(cache):
    cache.put_many("e", {key(1): read("un"), key(2): OcrFailure("broken"), key(3): OcrFailure("slow", lasting=False)})
    assert cache.get_many("e", [key(1), key(2), key(3), key(4)]) == {key(1): read("un"), key(2): OcrFailure("broken")}
    assert cache.get_many("other settings", [key(1)]) == {}
    cache.put_many("other settings", {key(1): read("deux")})
    cache.put_many("e", {key(1): read("trois")})
    assert cache.get_many("other settings", [key(1)]) == {key(1): read("deux")}
    assert cache.get_many("e", [key(1)]) == {key(1): read("trois")}


def test_a_file_that_another_process_has_just_made_holds_nothing_yet(cache, caplog):
    cache.path.touch()
    assert cache.get_many("e", [key(1)]) == {}
    assert math.isnan(cache.seconds_per_photo("e"))
    assert cache.contents() == []
    assert not caplog.text


def test_more_keys_than_a_statement_takes(cache):
    many = {key(n): read(str(n)) for n in range(2 * KEYS_PER_STATEMENT + 3)}
    cache.put_many("e", many)
    assert cache.get_many("e", many) == many
    assert cache.get_many("e", []) == {}


@pytest.mark.parametrize("bad", [b"short", "a" * 16, None])
def test_keys_are_md5s(cache, bad):
    with pytest.raises(ValueError, match="MD5"):
        cache.get_many("e", [bad])
    with pytest.raises(ValueError, match="MD5"):
        cache.put_many("e", {bad: Transcript()})


@pytest.mark.parametrize("head_only", [False, True])
def test_a_damaged_file_is_moved_aside(cache, caplog, head_only):
    cache.put_many("e", {key(n): read(str(n) * 50) for n in range(300)})
    content = cache.path.read_bytes()
    cache.path.write_bytes(content[:100] + os.urandom(len(content) - 100) if head_only else b"no database" * 1000)
    assert cache.get_many("e", [key(1)]) == {}
    assert "damaged" in caplog.text
    cache.put_many("e", {key(1): read("again")})
    assert cache.get_many("e", [key(1)]) == {key(1): read("again")}
    assert len([path for path in cache.path.parent.iterdir() if "damaged" in path.name]) == 1


def test_whatever_comes_of_a_file_that_another_thread_has_replaced_meanwhile_is_tried_again(cache, caplog, monkeypatch):
    cache.put_many("e", {key(1): read("un")})
    tried = TranscriptCache._try
    times = iter(range(2))

    def replaced(self, work, writes):
        if next(times, 1) == 0:
            os.replace(self.path, self.path.with_name("aside"))
            self.put_many("e", {key(2): read("deux")})
            raise sqlite3.OperationalError("disk I/O error")
        return tried(self, work, writes)

    monkeypatch.setattr(TranscriptCache, "_try", replaced)
    assert cache.get_many("e", [key(1), key(2)]) == {key(2): read("deux")}
    assert not caplog.text


@pytest.mark.parametrize("value", [b"", b"x", zlib.compress(b"[" * 100_000), zlib.compress(b" " * 2**23), "text", 7])
def test_a_damaged_entry_is_read_again(cache, caplog, value):
    cache.put_many("e", {key(1): read("un"), key(2): read("deux")})
    db = sqlite3.connect(cache.path)
    with db:
        db.execute("UPDATE transcripts SET value = ? WHERE md5 = ?", [value, key(1)])
    db.close()
    assert cache.get_many("e", [key(1), key(2)]) == {key(2): read("deux")}
    assert key(1).hex() in caplog.text


def test_two_processes_write(cache):
    writers = [write_in_process(cache, who, 20) for who in "ab"]
    for writer in writers:
        writer.communicate(timeout=600)
    assert [writer.returncode for writer in writers] == [0, 0]
    results = cache.get_many("e", [key(f"{who}{batch}.{n}") for who in "ab" for batch in range(20) for n in range(5)])
    assert len(results) == 200


def test_a_kill_loses_no_finished_batch(cache):
    writer = write_in_process(cache, "a", 100_000)
    done = [int(writer.stdout.readline()) for _ in range(10)]
    time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=600)
    results = cache.get_many("e", [key(f"a{batch}.{n}") for batch in done for n in range(5)])
    assert len(results) == 50
    cache.put_many("e", {key("new"): read("new")})
    assert cache.get_many("e", [key("new")])


def test_times_add_up_and_settings_are_listed(cache):
    cache.put_many("e", {key(n): read("un") for n in range(4)}, (4, 2.0))
    cache.put_many("e", {key(n): read("un") for n in range(4, 6)}, (2, 1.0))
    cache.put_many("other", {key(1): read("deux")})
    first, second = cache.contents()
    assert (first.settings, first.photos, first.seconds_per_photo) == ("e", 6, 0.5)
    assert first.bytes > 100
    assert (second.settings, second.photos) == ("other", 1)
    assert math.isnan(second.seconds_per_photo)
    assert cache.seconds_per_photo("e") == 0.5
    assert math.isnan(cache.seconds_per_photo("never seen"))


def test_pruning_keeps_one_engine_and_gives_the_space_back(cache):
    cache.put_many("old", {key(n): read(os.urandom(200).hex()) for n in range(2000)}, (2000, 1.0))
    cache.put_many("new", {key(1): read("neuf")})
    before = cache.path.stat().st_size
    assert cache.prune("new") == 2000
    assert [kept.settings for kept in cache.contents()] == ["new"]
    assert cache.get_many("new", [key(1)]) == {key(1): read("neuf")}
    assert cache.path.stat().st_size < before / 10


def test_what_is_pruned_must_not_be_everything(cache):
    cache.put_many("tesseract", {key(1): read("un")})
    with pytest.raises(ValueError, match=r"nothing read as 'rapidocr', only tesseract"):
        cache.prune("rapidocr")
    assert cache.get_many("tesseract", [key(1)])


@pytest.fixture
def small_disk(monkeypatch):
    """From now on SQLite finds room for two more pages; returns what gives the space back."""
    connect = sqlite3.connect

    def connect_small(*args, **options):
        db = connect(*args, **options)
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
        return db

    monkeypatch.setattr(sqlite3, "connect", connect_small)
    return lambda: monkeypatch.setattr(sqlite3, "connect", connect)


def test_a_full_disk_stops_keeping_but_not_reading(tmp_path, small_disk, caplog):
    for cache in (TranscriptCache(tmp_path / "fresh.sqlite"), TranscriptCache(tmp_path / "filled.sqlite")):
        if cache.path.name == "filled.sqlite":
            small_disk()
            cache.put_many("e", {key(0): read("un")}, (1, 0.5))
        caplog.clear()
        for batch in range(3):
            cache.put_many("e", {key(f"{batch}.{n}"): read(os.urandom(200).hex()) for n in range(2000)})
            cache.get_many("e", [key(0)])
            cache.seconds_per_photo("e")
        if cache.path.name == "fresh.sqlite":
            assert caplog.text.count("photos are read without it") == 1
            assert cache.get_many("e", [key("0.1")]) == {}
        else:
            # with space again, what comes is kept
            assert "without it" not in caplog.text
            assert cache.get_many("e", [key(0), key("0.1")]).keys() == {key(0), key("0.1")}


def test_a_locked_file_is_waited_for_and_then_gone_without(cache, monkeypatch, caplog):
    monkeypatch.setattr("ocr.cache.WAIT_S", 0.05)
    cache.put_many("e", {key(1): read("un")}, (1, 1.0))
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert cache.get_many("e", [key(1)]) == {}
    cache.put_many("e", {key(2): read("deux")})
    assert math.isnan(cache.seconds_per_photo("e"))
    assert caplog.text.count("without it") == 1
    with pytest.raises(CacheError, match=r"transcripts\.sqlite cannot be used"):
        cache.contents()
    holder.rollback()
    holder.close()
    assert cache.get_many("e", [key(1), key(2)]) == {key(1): read("un")}
