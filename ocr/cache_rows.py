"""What stands in the transcripts' SQLite file, and how a transcript becomes a row of it."""

import json
import math
import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.files.progress import in_batches
from ocr.transcript import OcrFailure, PhotoReading, Transcript

MD5_BYTES = 16
KEYS_PER_STATEMENT = 500
"""SQLite before 3.32 takes 999 variables in a statement."""
MAX_VALUE_BYTES = 4 * 2**20
"""A damaged or foreign entry of a few kilobytes may unpack to gigabytes."""
TABLES = (
    # settings are a line of text: written once, not with every photo
    "CREATE TABLE IF NOT EXISTS engines (id INTEGER PRIMARY KEY, settings TEXT NOT NULL UNIQUE)",
    # without row numbers the key is the table, and needs no index beside it
    "CREATE TABLE IF NOT EXISTS transcripts (md5 BLOB NOT NULL, engine INTEGER NOT NULL, value BLOB NOT NULL, "
    "PRIMARY KEY (md5, engine)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS reading_times (engine INTEGER PRIMARY KEY, photos INTEGER NOT NULL, "
    "seconds REAL NOT NULL)",
)


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


def check_keys(keys: Iterable[Any]) -> None:
    """Raise ValueError where a key is no MD5."""
    for key in keys:
        if not isinstance(key, bytes) or len(key) != MD5_BYTES:
            raise ValueError(f"photos are keyed by the {MD5_BYTES} bytes of their MD5, got {key!r}")


def select(db: sqlite3.Connection, settings: str, keys: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Keys that are known under an engine's settings, with their values as `encode` made them."""
    rows: list[tuple[bytes, bytes]] = []
    if not _has_tables(db):
        return rows
    for part in in_batches(keys, KEYS_PER_STATEMENT):
        marks = ",".join("?" * len(part))
        rows += db.execute(
            "SELECT md5, value FROM transcripts JOIN engines ON engine = engines.id "
            f"WHERE settings = ? AND md5 IN ({marks})",
            [settings, *part],
        ).fetchall()
    return rows


def kept_by_settings(db: sqlite3.Connection) -> list[Kept]:
    """What is kept, by engine settings, the largest first."""
    if not _has_tables(db):
        return []
    rows = db.execute(
        "SELECT settings, COUNT(*), SUM(LENGTH(value)), reading_times.seconds / reading_times.photos "
        "FROM transcripts JOIN engines ON transcripts.engine = engines.id "
        "LEFT JOIN reading_times ON reading_times.engine = engines.id GROUP BY engines.id ORDER BY 2 DESC, 1"
    )
    return [Kept(name, photos, size, math.nan if seconds is None else seconds) for name, photos, size, seconds in rows]


def _has_tables(db: sqlite3.Connection) -> bool:
    # looking up makes none, and the process that made the file may not have come to it yet
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'transcripts'").fetchone() is not None


def remove_others(db: sqlite3.Connection, keep: str) -> int:
    """Remove what was read under other settings; returns entries removed."""
    others = "SELECT id FROM engines WHERE settings <> ?"
    removed = db.execute(f"DELETE FROM transcripts WHERE engine IN ({others})", [keep]).rowcount
    db.execute(f"DELETE FROM reading_times WHERE engine IN ({others})", [keep])
    db.execute("DELETE FROM engines WHERE settings <> ?", [keep])
    return removed


def insert(
    db: sqlite3.Connection, settings: str, rows: list[tuple[bytes, bytes]], reading: tuple[int, float] | None
) -> None:
    """Keep values under an engine's settings; `reading`: photos that it was given for them, and its seconds."""
    db.execute("INSERT OR IGNORE INTO engines (settings) VALUES (?)", [settings])
    (engine,) = db.execute("SELECT id FROM engines WHERE settings = ?", [settings]).fetchone()
    db.executemany("INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?)", [(md5, engine, value) for md5, value in rows])
    if reading is not None:
        db.execute(
            "INSERT INTO reading_times VALUES (?1, ?2, ?3) ON CONFLICT (engine) DO UPDATE "
            "SET photos = photos + ?2, seconds = seconds + ?3",
            [engine, *reading],
        )


def encode(result: PhotoReading) -> bytes:
    """A value of a row: compressed JSON."""
    return zlib.compress(json.dumps(result.to_json(), ensure_ascii=False, separators=(",", ":")).encode())


def decode(value: object) -> PhotoReading:
    """What `encode` made; raises ValueError for anything else."""
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
