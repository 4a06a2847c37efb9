"""What was read once is kept: one SQLite file, shared by processes, safe against kills."""

from __future__ import annotations

import json
import logging
import math
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ocr.transcript import OcrFailure, Transcript

log = logging.getLogger(__name__)

MD5_BYTES = 16
KEYS_PER_STATEMENT = 500
MAX_VALUE_BYTES = 4 * 2**20
WAIT_S = 60.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLES = (
    "CREATE TABLE IF NOT EXISTS engines (id INTEGER PRIMARY KEY, settings TEXT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS transcripts (md5 BLOB NOT NULL, engine INTEGER NOT NULL, value BLOB NOT NULL, "
    "PRIMARY KEY (md5, engine)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS reading_times (engine INTEGER PRIMARY KEY, photos INTEGER NOT NULL, "
    "seconds REAL NOT NULL)",
)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """What the cache holds of one engine's settings.

    Attributes:
        photos: entries; bytes: their compressed size; seconds_per_photo: mean time from batch to batch when they
        were read, NaN where no time was kept.
    """

    settings: str
    photos: int
    bytes: int
    seconds_per_photo: float


class TranscriptCache:
    """Transcripts and lasting failures by photo MD5 and engine settings.

    Every call opens the file anew: it may be used from threads and across forks. A damaged file is moved aside
    with a warning and a new one begun; on a full disk what is read is no longer kept, with one warning.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._disk_is_full = False

    def get_many(self, settings: str, md5s: Iterable[bytes]) -> dict[bytes, Transcript | OcrFailure]:
        """What is known of some photos (16-byte MD5s) under an engine's settings; unknown ones are left out."""
        keys = list(dict.fromkeys(md5s))
        _check(keys)
        found: dict[bytes, Transcript | OcrFailure] = {}
        for md5, value in self._with_file(lambda db: _select(db, settings, keys)):
            try:
                found[md5] = _decode(value)
            except ValueError as error:
                log.warning("%s: entry %s is damaged and will be read again: %s", self.path, md5.hex(), error)
        return found

    def put_many(
        self, settings: str, results: Mapping[bytes, Transcript | OcrFailure], seconds: float | None = None
    ) -> None:
        """Keep results in one transaction, with the time that reading them took; failures that are not lasting are
        passed over."""
        _check(results)
        kept = [
            (md5, _encode(result))
            for md5, result in results.items()
            if isinstance(result, Transcript) or result.lasting
        ]
        if not kept or self._disk_is_full:
            return
        try:
            self._with_file(lambda db: _insert(db, settings, kept, seconds))
        except sqlite3.OperationalError as error:
            if _kind(error) not in _FULL:
                raise
            # reading is the slow part: its results are still worth handing on
            self._disk_is_full = True
            log.warning("%s cannot grow (%s): photos read from here on are not kept. Free some space", self.path, error)

    def contents(self) -> list[Kept]:
        """What is kept, by engine settings, the largest first."""
        return self._with_file(_contents)

    def seconds_per_photo(self, settings: str) -> float:
        """Mean time per photo under an engine's settings, NaN where none was kept."""
        return next((kept.seconds_per_photo for kept in self.contents() if kept.settings == settings), math.nan)

    def prune(self, keep: str) -> int:
        """Forget what was read under all settings but `keep`, and shrink the file; returns entries removed."""
        removed = self._with_file(lambda db: _remove_others(db, keep))
        with closing(sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)) as db:
            db.execute("VACUUM")
        return removed

    def _with_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._try(work)
        except sqlite3.DatabaseError as error:
            # a locked file or a full disk is not a damaged one
            if _kind(error) not in _DAMAGED:
                raise
            self._move_aside(error)
            return self._try(work)

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # a rollback journal, not a write-ahead log: processes that open and close the file at the same moment then
        # wait for each other, where switching to a log fails at once
        with closing(sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)) as db:
            # the write lock is asked for first: a read lock that grows cannot wait either
            db.execute("BEGIN IMMEDIATE")
            try:
                for table in _TABLES:
                    db.execute(table)
                result = work(db)
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back already
                    db.rollback()
                raise
            db.commit()
            return result

    def _move_aside(self, error: Exception) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        log.warning("%s is damaged (%s): moved to %s, photos are read again", self.path, error, aside.name)
        for suffix in ("", "-wal", "-shm"):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                os.replace(source, aside.with_name(aside.name + suffix))


def _check(keys: Iterable[Any]) -> None:
    for key in keys:
        if not isinstance(key, bytes) or len(key) != MD5_BYTES:
            raise ValueError(f"photos are keyed by the {MD5_BYTES} bytes of their MD5, got {key!r}")


def _select(db: sqlite3.Connection, settings: str, keys: list[bytes]) -> list[tuple[bytes, bytes]]:
    rows: list[tuple[bytes, bytes]] = []
    for start in range(0, len(keys), KEYS_PER_STATEMENT):
        part = keys[start : start + KEYS_PER_STATEMENT]
        marks = ",".join("?" * len(part))
        rows += db.execute(
            "SELECT md5, value FROM transcripts JOIN engines ON engine = engines.id "
            f"WHERE settings = ? AND md5 IN ({marks})",
            [settings, *part],
        ).fetchall()
    return rows


def _kind(error: sqlite3.Error) -> int:
    """The primary result code: the low byte of SQLite's extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _contents(db: sqlite3.Connection) -> list[Kept]:
    rows = db.execute(
        "SELECT settings, COUNT(*), SUM(LENGTH(value)), reading_times.seconds / reading_times.photos "
        "FROM transcripts JOIN engines ON transcripts.engine = engines.id "
        "LEFT JOIN reading_times ON reading_times.engine = engines.id GROUP BY engines.id ORDER BY 2 DESC, 1"
    )
    return [Kept(name, photos, size, math.nan if seconds is None else seconds) for name, photos, size, seconds in rows]


def _remove_others(db: sqlite3.Connection, keep: str) -> int:
    others = "SELECT id FROM engines WHERE settings <> ?"
    removed = db.execute(f"DELETE FROM transcripts WHERE engine IN ({others})", [keep]).rowcount
    db.execute(f"DELETE FROM reading_times WHERE engine IN ({others})", [keep])
    db.execute("DELETE FROM engines WHERE settings <> ?", [keep])
    return removed


def _insert(db: sqlite3.Connection, settings: str, rows: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    db.execute("INSERT OR IGNORE INTO engines (settings) VALUES (?)", [settings])
    (engine,) = db.execute("SELECT id FROM engines WHERE settings = ?", [settings]).fetchone()
    db.executemany("INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?)", [(md5, engine, value) for md5, value in rows])
    if seconds is not None:
        db.execute(
            "INSERT INTO reading_times VALUES (?1, ?2, ?3) ON CONFLICT (engine) DO UPDATE "
            "SET photos = photos + ?2, seconds = seconds + ?3",
            [engine, len(rows), seconds],
        )


def _encode(result: Transcript | OcrFailure) -> bytes:
    value = result.to_json() if isinstance(result, Transcript) else {"failure": result.reason}
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _decode(value: object) -> Transcript | OcrFailure:
    if not isinstance(value, bytes):
        raise ValueError("not bytes")
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(value, MAX_VALUE_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError(f"cut short or larger than {MAX_VALUE_BYTES} bytes")
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(found, dict) and set(found) == {"failure"} and isinstance(found["failure"], str):
        return OcrFailure(found["failure"])
    return Transcript.from_json(found)
