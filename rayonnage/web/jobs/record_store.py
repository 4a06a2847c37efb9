"""Folders of the workspace that each hold one piece of work and its record; bounded, and emptied by themselves."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

KEY = re.compile(r"[0-9a-f]{32}")


class StoredRecord(Protocol):
    """What is known of one piece of work."""

    @property
    def owner(self) -> str:
        """Name of who began it."""

    @property
    def created(self) -> float:
        """Seconds since 1970."""

    @property
    def state(self) -> str:
        """`waiting` until it is begun."""

    @property
    def is_active(self) -> bool:
        """Whether it waits, or was begun and has not ended."""


Record = TypeVar("Record", bound=StoredRecord)


class RecordStore(ABC, Generic[Record]):
    """Folders `KEY`, one for each piece; safe in threads, used by one server at a time.

    Args:
        folder: there as soon as there is a piece; kind: what people call a piece.
        file: the record's, in a piece's folder; load: reads it, of that folder; raises OSError, ValueError.
    """

    def __init__(self, folder: Path, kind: str, file: str, load: Callable[[Path], Record]) -> None:
        self.folder = folder
        self._kind, self._file, self._load = kind, file, load
        self._lock = threading.RLock()

    def path(self, key: str) -> Path:
        """Where a piece lies."""
        return self.folder / key

    def all(self) -> list[Record]:
        """Every piece, the newest first; what is damaged or being removed is none."""
        found = []
        for path in sorted(self._folders()):
            try:
                found.append(self._load(path))
            except (OSError, ValueError):
                continue
        return sorted(found, key=lambda record: -record.created)

    def of(self, owner: str) -> list[Record]:
        """Those that somebody may see, the newest first."""
        return [record for record in self.all() if self._is_seen(record, owner)]

    def get(self, key: str, owner: str | None = None) -> Record:
        """One of them; raises FileNotFoundError where there is none that `owner` may see (None: anybody)."""
        if KEY.fullmatch(key):
            try:
                record: Record | None = self._load(self.path(key))
            except (OSError, ValueError):
                record = None
            if record is not None and (owner is None or self._is_seen(record, owner)):
                return record
        raise FileNotFoundError(f"there is no {self._kind} {key[:40]}: it was deleted, or has been kept for its time")

    @abstractmethod
    def sweep(self) -> None:
        """Remove what has been kept for its time, and halves of what was deleted."""

    def _is_seen(self, record: Record, /, owner: str) -> bool:
        return record.owner == owner

    def _new(self) -> str:
        """Make a folder; returns its key, 128 random bits."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        key = secrets.token_hex(16)
        self.path(key).mkdir(mode=0o700)
        return key

    def _remove(self, key: str) -> None:
        path = self.path(key)
        # without its record it is none, should this be interrupted; the next sweep removes the rest
        (path / self._file).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)

    def _remove_halves(self) -> None:
        for path in self._folders():
            if not (path / self._file).exists():
                shutil.rmtree(path, ignore_errors=True)

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if KEY.fullmatch(path.name)]
