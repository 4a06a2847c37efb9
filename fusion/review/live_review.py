"""The journal's answers about one catalogue, followed and added to while people and processes answer at once."""

from __future__ import annotations

import heapq
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from fusion.review.act import ACTS, Act, ReviewAct, Undoing, time_after
from fusion.review.act_file import ActFile
from fusion.review.entry import Entry, event
from fusion.review.journal import Journal

SETTLED_S = 1.0
"""Seconds after which a folder's time tells whether it has changed: within one tick of the disk's clock it does not."""


@dataclass(frozen=True)
class AppliedSheet:
    """An entry of `fusion review apply`: when (UTC) and by whom; rows: see `fusion.review.answers.ROWS`."""

    number: int
    when: str
    who: str
    rows: pa.Table


Happening = ReviewAct | Undoing | AppliedSheet


@dataclass(frozen=True)
class News:
    """What happened in the journal, in order; `from_start`: what was told before counts no more."""

    from_start: bool
    happenings: Iterable[Happening]


@dataclass
class _Followed:
    """A live entry as far as it was read: the byte where each of its answers begins, and where the last line ends."""

    file: ActFile
    run: str
    who: str
    day: str
    places: array[int] = field(default_factory=lambda: array("q"))
    end: int = 0


@dataclass(frozen=True)
class ReviewedPredictions:
    """Which predictions are answered: the fields are those of `Entry`."""

    run: str
    catalog: str
    drawn: int
    depth: int
    level_names: tuple[str, ...] = ()


class LiveReview:
    """Reads what is new in the journal, and adds acts to it. Not safe in threads: its owner has a lock."""

    def __init__(self, journal: Journal, reviewed: ReviewedPredictions) -> None:
        self.journal, self.reviewed = journal, reviewed
        self._seen: tuple[int, float]
        self.restart()

    def restart(self) -> None:
        """Read all anew with the next news, as after an error."""
        self._states: dict[int, tuple[int, int]] = {}
        self._live: dict[int, _Followed] = {}
        self._latest = ""
        self._seen = -1, 0.0
        self._from_start = True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes to the journal meanwhile; `news` is to be read before an act is added."""
        with self.journal.writing():
            yield

    def news(self) -> News:
        """What happened since the last call; all of it has to be read.

        Raises:
            ValueError: the journal is damaged.
        """
        sheets = self._look() if self._may_have_changed() else []
        from_start, self._from_start = self._from_start, False
        streams: list[Iterator[tuple[tuple[int, int, str], Happening]]] = [
            iter([((entry.number, 0, ""), self._sheet(entry))]) for entry in sheets
        ]
        streams += [self._follow(one) for one in self._live.values()]
        return News(from_start, (one for _, one in heapq.merge(*streams, key=lambda keyed: keyed[0])))

    def add(self, draft: ReviewAct) -> ReviewAct:
        """Write an answer and wait until the disk has it; within `writing`, all news read.

        `draft`: the act, without number and times, which it gets here.

        Raises:
            OSError: it could not be written, and does not count.
        """
        number = self._entry_for(draft.who)
        followed = self._live[number]
        own = {"act": number * ACTS + len(followed.places) + 1, **self._time()}
        act = draft.model_copy(update=own)
        self._write(followed, act)
        return act

    def undo(self, act: int, who: str) -> Undoing:
        """Write that an act is taken back, as `add` does."""
        undoing = Undoing.model_validate({"undo": act, "who": who, **self._time()})
        self._write(self._live[undoing.entry], undoing)
        return undoing

    def act(self, number: int) -> ReviewAct | None:
        """The act of a number, taken back or not; None where the active entries have none."""
        followed, place = self._live.get(number // ACTS), number % ACTS
        if followed is None or not 0 < place <= len(followed.places):
            return None
        act = followed.file.at(followed.places[place - 1])
        return act if isinstance(act, ReviewAct) else None

    def _time(self) -> dict[str, str | int]:
        return {"at": time_after(self._latest), "after": max(self._states)}

    def _write(self, followed: _Followed, act: Act) -> None:
        end = followed.file.add(act, followed.end)
        self._note(followed, followed.end, act)
        followed.end = end

    def _note(self, followed: _Followed, place: int, act: Act) -> None:
        if isinstance(act, ReviewAct):
            followed.places.append(place)
        self._latest = max(self._latest, act.at)

    def _entry_for(self, who: str) -> int:
        """The reviewer's active entry of today; begun where there is none."""
        wanted = self.reviewed.run, who, datetime.now(UTC).date().isoformat()
        for number, followed in reversed(self._live.items()):
            if (followed.run, followed.who, followed.day) == wanted and len(followed.places) < ACTS - 1:
                return number
        reviewed = self.reviewed
        blank = Entry(
            number=0, files=(), run=reviewed.run, catalog=reviewed.catalog, confirmed=0, corrected=0, copies=0, blank=0,
            drawn=reviewed.drawn, audited=0, audit_right=(0,) * reviewed.depth, history=(event("begun", who),),
            level_names=reviewed.level_names, live=True,
        )  # fmt: skip
        entry = self.journal.begin(blank)
        self._look()
        return entry.number

    def _follow(self, followed: _Followed) -> Iterator[tuple[tuple[int, int, str], Happening]]:
        for place, end, act in followed.file.acts(followed.end):
            self._note(followed, place, act)
            followed.end = end
            yield (act.after, 1, act.at), act

    def _may_have_changed(self) -> bool:
        try:
            modified = self.journal.folder.stat().st_mtime_ns
        except FileNotFoundError:
            modified = 0
        seen, when = self._seen
        self._seen = modified, time.time()
        return modified != seen or when - modified / 1e9 < SETTLED_S

    def _look(self) -> list[Entry]:
        """Entries of sheets that were not told yet; all anew where one was undone or redone."""
        states = {number: self._state(number) for number in self.journal.numbers()}
        changed = [number for number, state in states.items() if self._states.get(number) != state]
        entries = [self.journal.entry(number) for number in changed]
        if any(entry.number in self._states for entry in entries) or self._states.keys() - states.keys():
            self.restart()
            entries = [self.journal.entry(number) for number in states]
        self._states = states
        mine = [entry for entry in entries if entry.active and entry.catalog == self.reviewed.catalog]
        for entry in mine:
            if entry.live:
                self._live[entry.number] = self._begun(entry)
        return [entry for entry in mine if not entry.live]

    def _state(self, number: int) -> tuple[int, int]:
        status = self.journal.path(number).stat()
        return status.st_ino, status.st_mtime_ns

    def _begun(self, entry: Entry) -> _Followed:
        first = entry.history[0]
        return _Followed(self.journal.act_file(entry.number), entry.run, first.who, first.when[:10])

    def _sheet(self, entry: Entry) -> AppliedSheet:
        return AppliedSheet(entry.number, entry.history[0].when, entry.history[0].who, self.journal.rows(entry))
