"""What was read once is kept: one SQLite file, shared by processes, safe against kills."""

import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from ocr.cache_rows import TABLES, Kept, check_keys, decode, encode, insert, kept_by_settings, remove_others, select
from ocr.transcript import PhotoReading, Transcript

log = logging.getLogger(__name__)

WAIT_S = 60.0
_moving = threading.Lock()
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
T = TypeVar("T")


class CacheError(OSError):
    """The cache cannot be used now: locked, read-only, or no space left."""


class TranscriptCache:
    """Transcripts and lasting failures by photo MD5 and engine settings.

    Every call opens the file anew: it may be used from threads and across forks. The file, and its folder, are made
    when something is first kept. A damaged file is moved aside with a warning and a new one begun. Where the file
    cannot be read or written (a full disk, a read-only one, another program that holds it), photos are read without
    it, with one warning: reading is the slow part.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._warned = False

    @property
    def others(self) -> Sequence["TranscriptCache"]:
        """What other hosts keep beside it."""
        return ()

    def get_many(self, settings: str, md5s: Iterable[bytes]) -> dict[bytes, PhotoReading]:
        """What is known of some photos (16-byte MD5s) under an engine's settings; unknown ones are left out."""
        keys = list(dict.fromkeys(md5s))
        check_keys(keys)
        if not keys:
            return {}
        results: dict[bytes, PhotoReading] = {}
        for md5, value in self._if_usable(lambda db: select(db, settings, keys), writes=False) or ():
            try:
                results[md5] = decode(value)
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
        check_keys(results)
        kept = [
            (md5, encode(result)) for md5, result in results.items() if isinstance(result, Transcript) or result.lasting
        ]
        if kept:
            self._if_usable(lambda db: insert(db, settings, kept, reading))

    def contents(self) -> list[Kept]:
        """What is kept, by engine settings, the largest first; raises CacheError."""
        return [] if self._number() is None else self._with_file(kept_by_settings, writes=False)

    def seconds_per_photo(self, settings: str) -> float:
        """Mean time per photo under an engine's settings, NaN where none was kept or can be looked up."""
        kept = self._if_usable(kept_by_settings, writes=False)
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
        removed = self._with_file(lambda db: remove_others(db, keep))
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
                with _moving:
                    # another thread or process may have moved the file, and begun a new one beside what was open here
                    if self._number() == opened:
                        # the low byte is the kind of error; a locked file or a full disk is not a damaged one
                        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in _DAMAGED:
                            raise
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
                for table in TABLES if writes else ():
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
