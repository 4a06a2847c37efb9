"""Transcripts on a disk that several hosts share: each host writes a file of its own and looks into those of all.

SQLite's locks hold between the processes and containers of one host, but not reliably between hosts (sqlite.org,
"How To Corrupt An SQLite Database File", 2.1). So nobody writes where another host writes, and what cannot be read at
the moment, because its host is writing or has left it unfinished, counts as not known.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from catalog.files.lease import host_name
from catalog.files.network_disk import network_disk
from ocr.cache import CacheError, T, TranscriptCache
from ocr.transcript import PhotoReading

log = logging.getLogger(__name__)

TRANSCRIPTS = "transcripts"
ENDING = ".sqlite"
WAIT_S = 1.0
"""A host that writes for longer is not waited for: its photos are read here."""


def transcripts_of(folder: Path) -> TranscriptCache:
    """The transcripts that a workspace's folder keeps, or will keep when something is read."""
    if network_disk(folder) is None:
        return TranscriptCache(folder / f"{TRANSCRIPTS}{ENDING}")
    return HostTranscripts(folder, host_name())


class HostTranscripts(TranscriptCache):
    """This host's file, `transcripts-HOST.sqlite`, and what the other files of the folder know beside it.

    A `transcripts.sqlite`, of before the folder came to be shared, is among the others.
    """

    def __init__(self, folder: Path, host: str) -> None:
        super().__init__(folder / f"{TRANSCRIPTS}-{host}{ENDING}")

    @property
    def others(self) -> Sequence[TranscriptCache]:
        """Files of the other hosts, by name."""
        files = self.path.parent.glob(f"{TRANSCRIPTS}*{ENDING}")
        return [_OtherHosts(path) for path in sorted(files) if path != self.path]

    def get_many(self, settings: str, md5s: Iterable[bytes]) -> dict[bytes, PhotoReading]:
        """See `TranscriptCache.get_many`; this host's file is asked first."""
        wanted = list(md5s)
        results = super().get_many(settings, wanted)
        for other in self.others:
            results |= other.get_many(settings, [md5 for md5 in wanted if md5 not in results])
        return results

    def seconds_per_photo(self, settings: str) -> float:
        """See `TranscriptCache.seconds_per_photo`: this host's time, else another's."""
        others = (other.seconds_per_photo(settings) for other in self.others)
        times = chain([super().seconds_per_photo(settings)], others)
        return next((time for time in times if not math.isnan(time)), math.nan)


class _OtherHosts(TranscriptCache):
    """A file that another host writes: it is looked into, and never changed."""

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", WAIT_S, isolation_level=None, uri=True)

    def _if_usable(self, work: Callable[[sqlite3.Connection], T], writes: bool = True) -> T | None:
        try:
            return self._with_file(work)
        except CacheError as error:
            log.info("%s: its photos are read here", error)
            return None

    def _with_file(self, work: Callable[[sqlite3.Connection], T], writes: bool = True) -> T:
        try:
            return self._try(work, writes=False)
        except sqlite3.DatabaseError as error:
            raise CacheError(f"{self.path} cannot be read now ({error})") from error
