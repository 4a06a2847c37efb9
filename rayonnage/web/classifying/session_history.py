"""What each browser has classified: in memory alone, bounded, forgotten after a while."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from catalog.tree.taxonomy import Taxonomy
from fusion.prediction.answers import Answer
from rayonnage.web.classifying.shown_photo import ShownPhoto
from rayonnage.web.serving.prediction_service import ServedAnswer

ENTRIES = 50
"""Answers that one browser finds again."""
SESSION_BYTES = 16 * 2**20
ALL_BYTES = 256 * 2**20
"""Of all sessions together; what was classified the longest ago goes first."""
KEPT_S = 12 * 3600


@dataclass(frozen=True)
class HistoryEntry:
    """One product that was classified.

    Attributes:
        served: the answer; trees: of its leaves, by the page's language.
        photos: as they are shown; names: of the photos' files; title, description: as they were written.
        top: candidates that were asked for; made: seconds since 1970; key: tells it from the others.
    """

    served: ServedAnswer
    trees: Mapping[str, Taxonomy]
    photos: tuple[ShownPhoto, ...]
    names: tuple[str, ...]
    title: str
    description: str
    top: int
    made: float = field(default_factory=time.time)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    @property
    def answer(self) -> Answer:
        """What was decided."""
        return self.served.answer

    @property
    def n_bytes(self) -> int:
        """Of its photos, which are by far the most of it."""
        return sum(len(photo.jpeg) + len(photo.small) for photo in self.photos) + 4096


class SessionHistories:
    """The entries of every session, the newest first; safe in threads."""

    def __init__(
        self, entries: int = ENTRIES, session_bytes: int = SESSION_BYTES, all_bytes: int = ALL_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._entries, self._session_bytes, self._all_bytes, self._clock = entries, session_bytes, all_bytes, clock
        # by session and key, the oldest first
        self._kept: OrderedDict[tuple[str, str], HistoryEntry] = OrderedDict()
        self._lock = Lock()

    def add(self, session: str, entry: HistoryEntry) -> None:
        """Keep an entry; older ones are forgotten where there is no room."""
        with self._lock:
            self._kept[session, entry.key] = entry
            self._forget(session)

    def of(self, session: str) -> list[HistoryEntry]:
        """A session's entries, the newest first."""
        with self._lock:
            self._forget(session)
            return [entry for (owner, _), entry in reversed(self._kept.items()) if owner == session]

    def find(self, session: str, key: str) -> HistoryEntry | None:
        """An entry of a session; None where there is none, or not any more."""
        with self._lock:
            self._forget(session)
            return self._kept.get((session, key))

    def delete(self, session: str, key: str | None = None) -> int:
        """Forget an entry of a session, None: all of them; returns how many."""
        with self._lock:
            gone = [place for place in self._kept if place[0] == session and key in (None, place[1])]
            for place in gone:
                del self._kept[place]
            return len(gone)

    @property
    def n_bytes(self) -> int:
        """Of all that is kept."""
        return sum(entry.n_bytes for entry in self._kept.values())

    def _forget(self, session: str) -> None:
        old = self._clock() - KEPT_S
        for place in [place for place, entry in self._kept.items() if entry.made < old]:
            del self._kept[place]
        own = [(place, entry.n_bytes) for place, entry in self._kept.items() if place[0] == session]
        while len(own) > self._entries or (sum(size for _, size in own) > self._session_bytes and len(own) > 1):
            del self._kept[own.pop(0)[0]]
        n_bytes = self.n_bytes
        while n_bytes > self._all_bytes and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            n_bytes -= gone.n_bytes
