"""What the server remembers of one reviewer's browser while it runs."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_REVIEWERS = 1000


class Skip(NamedTuple):
    """A product put to the end; number: less than 0; after: number of the act before it."""

    number: int
    after: int


@dataclass
class Reviewer:
    """A browser that reviews.

    Attributes:
        session: digest of its session; name: stands beside its answers.
        skipped: positions of products put to the end, the first skipped first.
        first: positions to be looked at before all others: taken back, or found wrong in a grid.
        shown: products of the queue since the last one of the audit sample.
    """

    session: str
    name: str
    skipped: dict[int, Skip] = field(default_factory=dict)
    first: dict[int, None] = field(default_factory=dict)
    shown: int = 0
    _skips: int = 0

    def skip(self, position: int, after: int) -> int:
        """Put a product to the end; gives the number of the skip, less than 0.

        `after`: number of the act before it, so that both are taken back in turn.
        """
        self._skips += 1
        self.skipped.pop(position, None)
        self.skipped[position] = Skip(-self._skips, after)
        self.first.pop(position, None)
        return -self._skips

    def last_skip(self, after: int) -> int | None:
        """The last skip since an act, None without one."""
        return min((skip.number for skip in self.skipped.values() if skip.after == after), default=None)

    def unskip(self, number: int) -> int | None:
        """Take a skip back; gives the product, None where there is no such skip."""
        for position, skip in self.skipped.items():
            if skip.number == number:
                del self.skipped[position]
                return position
        return None


class Reviewers:
    """The browsers that came last."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Reviewer] = OrderedDict()

    def of(self, name: str, session: str) -> Reviewer:
        """The one of a session."""
        digest = hashlib.blake2b(f"{name}\n{session}".encode(), digest_size=8).hexdigest()
        reviewer = self._known.setdefault(digest, Reviewer(digest, name))
        self._known.move_to_end(digest)
        while len(self._known) > MAX_REVIEWERS:
            self._known.popitem(last=False)
        return reviewer
