"""What each browser has classified: in memory alone, bounded, forgotten after a while."""

from __future__ import annotations

import secrets
import sys
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
BYTES, BOX_BYTES = 4096, 512
"""What an entry takes beside its photos and texts, and each word that was read, at most."""


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
        """Of its photos and texts, which are by far the most of it."""
        texts = (self.title, self.description, self.answer.text_read, *self.names)
        photos = sum(len(photo.jpeg) + len(photo.small) for photo in self.photos)
        return photos + sum(map(sys.getsizeof, texts)) + BOX_BYTES * len(self.answer.boxes) + BYTES


class SessionHistories:
    """The entries of every session, the newest first; safe in threads. `n_bytes`: of all that is kept.

    Nothing here takes longer for the number of sessions: it is asked for while the event loop waits.
    """

    def __init__(
        self, entries: int = ENTRIES, session_bytes: int = SESSION_BYTES, all_bytes: int = ALL_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._entries, self._session_bytes, self._all_bytes, self._clock = entries, session_bytes, all_bytes, clock
        # all of them, the oldest first, and those of each session by their keys
        self._kept: OrderedDict[tuple[str, str], HistoryEntry] = OrderedDict()
        self._own: dict[str, dict[str, HistoryEntry]] = {}
        self.n_bytes = 0
        self._lock = Lock()

    def add(self, session: str, entry: HistoryEntry) -> None:
        """Keep an entry; older ones are forgotten where there is no room."""
        with self._lock:
            self._kept[session, entry.key] = entry
            own = self._own.setdefault(session, {})
            own[entry.key] = entry
            self.n_bytes += entry.n_bytes
            self._forget_old()
            sizes = [(key, one.n_bytes) for key, one in own.items()]
            while len(own) > self._entries or (sum(size for _, size in sizes) > self._session_bytes and len(own) > 1):
                self._forget(session, sizes.pop(0)[0])
            while self.n_bytes > self._all_bytes and len(self._kept) > 1:
                self._forget(*next(iter(self._kept)))

    def of(self, session: str) -> list[HistoryEntry]:
        """A session's entries, the newest first."""
        with self._lock:
            self._forget_old()
            return list(self._own.get(session, {}).values())[::-1]

    def find(self, session: str, key: str) -> HistoryEntry | None:
        """An entry of a session; None where there is none, or not any more."""
        with self._lock:
            self._forget_old()
            return self._kept.get((session, key))

    def delete(self, session: str, key: str | None = None) -> int:
        """Forget an entry of a session, None: all of them; returns how many."""
        with self._lock:
            gone = [one for one in self._own.get(session, {}) if key in (None, one)]
            for one in gone:
                self._forget(session, one)
            return len(gone)

    def _forget_old(self) -> None:
        old = self._clock() - KEPT_S
        while self._kept and next(iter(self._kept.values())).made < old:
            self._forget(*next(iter(self._kept)))

    def _forget(self, session: str, key: str) -> None:
        self.n_bytes -= self._kept.pop((session, key)).n_bytes
        del self._own[session][key]
        if not self._own[session]:
            del self._own[session]
