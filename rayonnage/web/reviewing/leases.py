"""Who looks at what: for a while nobody else gets it."""

from __future__ import annotations

import time
from collections.abc import Callable

LEASE_S = 120.0
FEW = 1000
MOST = 400
"""Leases of one session, some grids beside what it looks at: nobody keeps all products from the others."""


class Leases:
    """Things by their numbers, each held by one session until it lets go or its time is over.

    A session that holds `MOST` lets go of what it renewed the longest ago.

    `clock`: seconds, for tests.
    """

    def __init__(self, seconds: float = LEASE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._held: dict[int, tuple[str, float]] = {}
        self._of: dict[str, dict[int, None]] = {}
        self._room = FEW

    def holder(self, number: int) -> str | None:
        """The session that holds it."""
        session, until = self._held.get(number, ("", 0.0))
        return session if session and until > self._clock() else None

    def is_free(self, number: int, session: str) -> bool:
        """Nobody but this session holds it."""
        return self.holder(number) in (None, session)

    def of_others(self, session: str) -> list[int]:
        """What sessions but this one hold."""
        now = self._clock()
        return [number for number, (holder, until) in self._held.items() if holder != session and until > now]

    def hold(self, number: int, session: str) -> bool:
        """Hold it from now on, anew or on; False where another session holds it."""
        if not self.is_free(number, session):
            return False
        self._drop(number)
        self._held[number] = session, self._clock() + self.seconds
        own = self._of.setdefault(session, {})
        own[number] = None
        if len(own) > MOST:
            self._drop(next(iter(own)))
        if len(self._held) > self._room:
            now = self._clock()
            for one in [one for one, held in self._held.items() if held[1] <= now]:
                self._drop(one)
            self._room = max(FEW, 2 * len(self._held))
        return True

    def release(self, number: int, session: str) -> None:
        """Let go of it, where this session holds it."""
        if self.holder(number) == session:
            self._drop(number)

    def _drop(self, number: int) -> None:
        session, _ = self._held.pop(number, ("", 0.0))
        if session:
            del self._of[session][number]
            if not self._of[session]:
                del self._of[session]
