"""Bulk answers that were shown and wait to be confirmed."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rayonnage.web.reviewing.review_state import Verdict

TICKET_S = 600.0
MAX_TICKETS = 100


@dataclass(frozen=True)
class Ticket:
    """What one reviewer was shown.

    Attributes:
        positions: `(n,)` products; verdict: the answer for all of them; how: `copies` or `bulk`.
        original: of copies, the one that was looked at.
        until: when it expires.
    """

    session: str
    positions: NDArray[np.int64]
    verdict: Verdict
    how: str
    original: int | None
    until: float


class Tickets:
    """The tickets shown last; each confirms once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: OrderedDict[str, Ticket] = OrderedDict()

    def add(self, session: str, positions: NDArray[np.int64], verdict: Verdict, how: str, original: int | None) -> str:
        """Keep `(n,)` positions that were shown; gives what confirms them."""
        name = secrets.token_urlsafe(16)
        self._open[name] = Ticket(session, positions, verdict, how, original, self._clock() + TICKET_S)
        while len(self._open) > MAX_TICKETS:
            self._open.popitem(last=False)
        return name

    def take(self, name: str, session: str) -> Ticket | None:
        """What was shown to this session, once; None where it was not, or is expired."""
        ticket = self._open.get(name)
        if ticket is None or ticket.session != session:
            return None
        del self._open[name]
        return ticket if ticket.until > self._clock() else None
