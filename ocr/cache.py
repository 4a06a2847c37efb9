"""What was read once is kept: one SQLite file, shared by processes, safe against kills."""

import json
import logging
import math
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from catalog.files.progress import in_batches
from ocr.transcript import OcrFailure, PhotoReading, Transcript

log = logging.getLogger(__name__)

MD5_BYTES = 16
KEYS_PER_STATEMENT = 500
"""SQLite before 3.32 takes 999 variables in a statement."""
MAX_VALUE_BYTES = 4 * 2**20
"""A damaged or foreign entry of a few kilobytes may unpack to gigabytes."""
WAIT_S = 60.0
_moving = threading.Lock()
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLES = (
    # settings are a line of text: written once, not with every photo
    "CREATE TABLE IF NOT EXISTS engines (id INTEGER PRIMARY KEY, settings TEXT NOT NULL UNIQUE)",
    # without row numbers the key is the table, and needs no index beside it
    "CREATE TABLE IF NOT EXISTS transcripts (md5 BLOB NOT NULL, engine INTEGER NOT NULL, value BLOB NOT NULL, "
    "PRIMARY KEY (md5, engine)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS reading_times (engine INTEGER PRIMARY KEY, photos INTEGER NOT NULL, "
    "seconds REAL NOT NULL)",
)

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """What the cache holds of one engine's settings.

    Attributes:
        photos: entries; bytes: their compressed size; seconds_per_photo: mean time that the engine took, with as many
        photos at a time as it was set to; NaN where no time was kept.
    """

    settings: str
    photos: int
    bytes: int
    seconds_per_photo: float


class CacheError(OSError):
    """The cache cannot be used now: locked, read-only, or no space left."""


class TranscriptCache:
    """Transcripts and lasting failures by photo MD5 and engine settings.

    Every call opens the file anew: it may be used from threads and across forks. The file, and its folder, are made
    when something is first kept. A damaged file is moved aside with a warning and a new one begun. Where the file
    cannot be read or written (a full disk, a read-only one, another program that holds it), photos are read without
    it, with one warning: reading is the slow part.
    """

    others: Sequence["TranscriptCache"] = ()
    """What other hosts keep beside it."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._warned = False

    def get_many(self, settings: str, md5s: Iterable[bytes]) -> dict[bytes, PhotoReading]:
        """What is known of some photos (16-byte MD5s) under an engine's settings; unknown ones are left out."""
        keys = list(dict.fromkeys(md5s))
        _check(keys)
        if not keys:
            return {}
        results: dict[bytes, PhotoReading] = {}
        for md5, value in self._if_usable(lambda db: _select(db, settings, keys), writes=False) or ():
            try:
                results[md5] = _decode(value)
            except ValueError as error:
                log.warning("%s: entry %s is damaged and will be read again: %s", self.path, md5.hex(), error)
        return results

    def put_many(
        self, settings: str, results: Mapping[bytes, PhotoReading], reading: tuple[int, float] | None = None
    ) -> None:
        """Keep results in one transaction; failures that are not lasting are passed over.

        Args:
            reading: photos that the engine was given for them, and the seconds that it took.
        """
        _check(results)
        kept = [
            (md5, _encode(result))
            for md5, result in results.items()
            if isinstance(result, Transcript) or result.lasting
        ]
        if kept:
            self._if_usable(lambda db: _insert(db, settings, kept, reading))

    def contents(self) -> list[Kept]:
        """What is kept, by engine settings, the largest first; raises CacheError."""
        return [] if self._number() is None else self._with_file(_contents)

    def seconds_per_photo(self, settings: str) -> float:
        """Mean time per photo under an engine's settings, NaN where none was kept or can be looked up."""
        kept = self._if_usable(_contents, writes=False)
        return next((entry.seconds_per_photo for entry in kept or () if entry.settings == settings), math.nan)

    def prune(self, keep: str) -> int:
        """Forget what was read under all settings but `keep`, and shrink the file; returns entries removed.

        Raises:
            ValueError: nothing is kept under those settings, all would be lost. CacheError.
        """
        known = [entry.settings for entry in self.contents()]
        if keep not in known:
            raise ValueError(
                f"{self.path} holds nothing read as {keep!r}, only {'; '.join(known) or 'nothing at all'}: "
                "--set engine.KEY=VALUE names the settings to keep; to forget everything, remove the file"
            )
        removed = self._with_file(lambda db: _remove_others(db, keep))
        try:
            # not through `_try`: VACUUM runs outside of transactions only
            with closing(self._connection()) as db:
                db.execute("VACUUM")
        except sqlite3.OperationalError as error:
            log.warning("%s could not be made smaller (%s); the space is used again for new entries", self.path, error)
        return removed

    def _if_usable(self, work: Callable[[sqlite3.Connection], T], writes: bool = True) -> T | None:
        """What the work gives; None where there is nothing to look up yet, or the file cannot be used (a warning)."""
        try:
            return self._with_file(work, writes) if writes or self._number() is not None else None
        except CacheError as error:
            if not self._warned:
                self._warned = True
                log.warning("%s: photos are read without it", error)
            return None

    def _with_file(self, work: Callable[[sqlite3.Connection], T], writes: bool = True) -> T:
        opened = self._number()
        try:
            try:
                return self._try(work, writes)
            except sqlite3.DatabaseError as error:
                # the low byte is the kind of error; a locked file or a full disk is not a damaged one
                if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in _DAMAGED:
                    raise
                with _moving:
                    # unless another thread or process did, and has begun a new one
                    if self._number() == opened:
                        self._move_aside(error)
                return self._try(work, writes=True)
        except (sqlite3.DatabaseError, OSError) as error:
            raise CacheError(f"{self.path} cannot be used ({error}): check its rights and the free space") from error

    def _number(self) -> int | None:
        """What tells the file from one that takes its place; None where there is none that could be opened."""
        try:
            return self.path.stat().st_ino
        except OSError:
            return None

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)

    def _try(self, work: Callable[[sqlite3.Connection], T], writes: bool) -> T:
        if writes:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        # a rollback journal, not a write-ahead log: processes that open and close the file at the same moment then
        # wait for each other, where switching to a log fails at once
        with closing(self._connection()) as db:
            # the write lock is asked for first: a read lock that grows cannot wait either
            db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                for table in _TABLES if writes else ():
                    db.execute(table)
                result = work(db)
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back already
                    db.rollback()
                raise
            db.commit()
            return result

    def _move_aside(self, error: Exception) -> None:
        damaged = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        # the file itself last: what lies beside it afterwards is the next one's
        for suffix in ("-journal", "-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(self.path.with_name(self.path.name + suffix), damaged.with_name(damaged.name + suffix))
        log.warning("%s is damaged (%s): moved to %s, photos are read again", self.path, error, damaged.name)


def _check(keys: Iterable[Any]) -> None:
    for key in keys:
        if not isinstance(key, bytes) or len(key) != MD5_BYTES:
            raise ValueError(f"photos are keyed by the {MD5_BYTES} bytes of their MD5, got {key!r}")


def _select(db: sqlite3.Connection, settings: str, keys: list[bytes]) -> list[tuple[bytes, bytes]]:
    rows: list[tuple[bytes, bytes]] = []
    # looking up makes no tables, and the process that made the file may not have come to it yet
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'transcripts'").fetchone():
        return rows
    for part in in_batches(keys, KEYS_PER_STATEMENT):
        marks = ",".join("?" * len(part))
        rows += db.execute(
            "SELECT md5, value FROM transcripts JOIN engines ON engine = engines.id "
            f"WHERE settings = ? AND md5 IN ({marks})",
            [settings, *part],
        ).fetchall()
    return rows


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


def _insert(
    db: sqlite3.Connection, settings: str, rows: list[tuple[bytes, bytes]], reading: tuple[int, float] | None
) -> None:
    db.execute("INSERT OR IGNORE INTO engines (settings) VALUES (?)", [settings])
    (engine,) = db.execute("SELECT id FROM engines WHERE settings = ?", [settings]).fetchone()
    db.executemany("INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?)", [(md5, engine, value) for md5, value in rows])
    if reading is not None:
        db.execute(
            "INSERT INTO reading_times VALUES (?1, ?2, ?3) ON CONFLICT (engine) DO UPDATE "
            "SET photos = photos + ?2, seconds = seconds + ?3",
            [engine, *reading],
        )


def _encode(result: PhotoReading) -> bytes:
    return zlib.compress(json.dumps(result.to_json(), ensure_ascii=False, separators=(",", ":")).encode())


def _decode(value: object) -> PhotoReading:
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
        entry = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(entry, dict) and set(entry) == {"failure"} and isinstance(entry["failure"], str):
        return OcrFailure(entry["failure"])
    return Transcript.from_json(entry)
