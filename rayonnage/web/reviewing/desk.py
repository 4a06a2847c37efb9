"""The desk at which all reviewers of one folder of predictions sit: what each gets, and what each says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

from fusion.prediction.predicted_products import PredictedProducts
from fusion.review.act import ReviewAct
from fusion.review.journal import Journal
from rayonnage.web.problem import RequestRefused
from rayonnage.web.reviewing.leases import LEASE_S, Leases
from rayonnage.web.reviewing.review_state import ReviewState, StandingAnswer, Verdict
from rayonnage.web.reviewing.reviewer import Reviewer, Reviewers
from rayonnage.web.visitor import Visitor

AUDIT_EVERY = 10
"""One product in so many is of the audit sample, as long as there are unanswered ones."""

MAX_BACK = 60
"""Products of an act taken back that its reviewer gets again first; those of a bulk beyond wait as before."""


@dataclass(frozen=True)
class Looked:
    """What one reviewer has before them: positions of products, and those `held` that others have taken."""

    positions: list[int]
    lost: list[int]


@dataclass(frozen=True)
class KeptAnswer:
    """An answer that the journal has; left_out: products that others took meanwhile."""

    act: int
    count: int
    left_out: int = 0


class AnsweredMeanwhile(RequestRefused):
    """Somebody else's answer stands on the product."""

    def __init__(self, standing: StandingAnswer, detail: str) -> None:
        super().__init__(409, "somebody answered meanwhile", detail, "product_id")
        self.standing = standing


class Desk:
    """Products one at a time or many; safe in threads.

    An answer is a search, a line in the journal and a few numbers changed, whatever the number of products.
    `clock`: seconds, for tests.
    """

    def __init__(
        self, products: PredictedProducts, journal: Journal, lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.products = products
        self.state = ReviewState(products, journal)
        self.leases = Leases(lease_s, clock)
        self._reviewers = Reviewers()
        self.lock = Lock()

    def reviewer(self, visitor: Visitor) -> Reviewer:
        """What is remembered of a visitor; within `lock`."""
        return self._reviewers.of(visitor.name, visitor.session)

    def next(self, visitor: Visitor, count: int, holding: Sequence[int] = (), *, audit: bool = False) -> Looked:
        """The next `count` products for a visitor beside those that it holds, whose leases are renewed."""
        with self.lock:
            self.state.refresh()
            reviewer = self.reviewer(visitor)
            lost = [one for one in holding if not self._keeps(reviewer, one)]
            found: list[int] = []
            for position in self._candidates(reviewer, audit=audit):
                if len(found) == count:
                    break
                if position in holding or position in found:
                    continue
                if self.leases.hold(self.lot(position), reviewer.session):
                    found.append(position)
                    reviewer.shown = 0 if self.state.outcomes.is_audit(position) else reviewer.shown + 1
            return Looked(found, lost)

    def release(self, visitor: Visitor, positions: Iterable[int]) -> None:
        """A visitor looks at these no more."""
        with self.lock:
            session = self.reviewer(visitor).session
            for position in positions:
                self.leases.release(self.lot(position), session)

    def answer(self, visitor: Visitor, position: int, verdict: Verdict, *, anew: bool = False) -> KeptAnswer:
        """Keep an answer; raises RequestRefused (409) where somebody else answered meanwhile."""
        with self.lock, self.state.writing():
            reviewer = self.reviewer(visitor)
            standing = self.state.standing(position)
            if standing is not None:
                if standing.browser == reviewer.session and standing.verdict == verdict:
                    # the same request again, whose answer the network lost
                    return KeptAnswer(standing.act, 1)
                if standing.browser != reviewer.session and not anew:
                    raise self._taken(position, standing)
            act = self.state.answer([position], verdict, visitor.name, reviewer.session, "one")
            self.done(reviewer, [position])
            return KeptAnswer(act.act, 1)

    def skip(self, visitor: Visitor, position: int) -> KeptAnswer:
        """Put a product to the end for this visitor."""
        with self.lock:
            reviewer = self.reviewer(visitor)
            acts = self.state.acts_of(reviewer.session)
            number = reviewer.skip(position, acts[-1] if acts else 0)
            self.leases.release(self.lot(position), reviewer.session)
            return KeptAnswer(number, 1)

    def undo(self, visitor: Visitor, number: int | None) -> tuple[int, list[int]]:
        """Take an act back, the visitor's last one by default; gives its number and the products that wait again.

        Raises:
            RequestRefused: 404 no such act, 403 somebody else's, 409 there is nothing to take back.
        """
        with self.lock, self.state.writing():
            reviewer = self.reviewer(visitor)
            acts = self.state.acts_of(reviewer.session)
            last = acts[-1] if acts else 0
            if number is None:
                number = reviewer.last_skip(last) or last
            if number < 0:
                if (position := reviewer.unskip(number)) is None:
                    raise self._no_act(number)
                reopened = [position]
            elif number == 0:
                raise RequestRefused(409, "there is nothing to take back", "you have answered nothing yet")
            else:
                reopened = self.state.undo(self._own_act(number, visitor), visitor.name)
            again = reopened[:MAX_BACK]
            for position in again:
                self.leases.hold(self.lot(position), reviewer.session)
            reviewer.first = {**dict.fromkeys(again), **reviewer.first}
            return number, reopened

    def _candidates(self, reviewer: Reviewer, *, audit: bool) -> Iterable[int]:
        """Products that may be the next, the most wanted first, whether leased or not."""
        waiting = self.state.waiting
        if not audit:
            yield from [one for one in reviewer.first if self._is_open(one)]
            rank = waiting.next_rank(0)
            drawn = iter(self._unaudited())
            while rank >= 0:
                position = waiting.position(rank)
                if position not in reviewer.skipped and self.leases.is_free(self.lot(position), reviewer.session):
                    if reviewer.shown + 1 >= AUDIT_EVERY and (one := next(drawn, None)) is not None:
                        yield one
                    yield position
                rank = waiting.next_rank(rank + 1)
        yield from (one for one in self._unaudited() if one not in reviewer.skipped)
        yield from [one for one in reviewer.skipped if self._is_open(one)]

    def _unaudited(self) -> Iterable[int]:
        return (one for one in self.state.outcomes.audit.tolist() if not self.state.outcomes.of(one).act)

    def _is_open(self, position: int) -> bool:
        return not self.state.outcomes.of(position).act

    def _keeps(self, reviewer: Reviewer, position: int) -> bool:
        """Renew the lease of a product that a page has before it."""
        return self._is_open(position) and self.leases.hold(self.lot(position), reviewer.session)

    def lot(self, position: int) -> int:
        """What is leased: all copies of a product that waited together, any other by itself."""
        waiting = self.state.waiting
        return waiting.lot(position) if position in waiting else len(waiting) + position

    def done(self, reviewer: Reviewer, positions: Iterable[int]) -> None:
        """These are answered: the reviewer needs not be shown them."""
        for position in positions:
            reviewer.first.pop(position, None)
            reviewer.skipped.pop(position, None)

    def _own_act(self, number: int, visitor: Visitor) -> ReviewAct:
        act = self.state.live.act(number)
        if act is None:
            raise self._no_act(number)
        if act.who != visitor.name:
            raise RequestRefused(403, "this is somebody else's", f"{act.who} did it, who alone takes it back", "act")
        if number not in self.state.acts_of(act.browser):
            raise RequestRefused(409, "this was taken back", "the act was taken back before, or is too long ago", "act")
        return act

    def _no_act(self, number: int) -> RequestRefused:
        return RequestRefused(404, "no such act", f"these predictions have no act {number}", "act")

    def _taken(self, position: int, standing: StandingAnswer) -> AnsweredMeanwhile:
        product_id = self.products.product_ids([position])[0]
        when = standing.when.replace("T", " ")[:19]
        return AnsweredMeanwhile(
            standing, f"{standing.who} answered product {product_id} at {when} UTC: {standing.said}"
        )
