"""Answers for many products at once: a grid, the copies of one, all that are sure of one suggestion."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rayonnage.web.problem import RequestRefused
from rayonnage.web.reviewing.desk import Desk, KeptAnswer
from rayonnage.web.reviewing.review_state import Verdict
from rayonnage.web.reviewing.reviewer import Reviewer
from rayonnage.web.reviewing.tickets import Tickets
from rayonnage.web.visitor import Visitor


class ManyAnswers:
    """The part of a desk where reviewers answer many products as one act; safe in threads."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self.desk, self._tickets = desk, Tickets(clock)
        # found wrong in a grid: nobody is to confirm them unseen
        self._doubted: set[int] = set()

    def groups(self, min_confidence: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(n_leaves,)` waiting products that each leaf is suggested for, and how many of them are that sure."""
        with self.desk.lock:
            self.desk.state.refresh()
            return self.desk.state.waiting.by_leaf.copy(), self.desk.state.waiting.sure_by_leaf(min_confidence)

    def grid(self, visitor: Visitor, leaf: int, count: int) -> list[int]:
        """Up to `count` waiting products that a leaf is suggested for, the surest first, leased to the visitor."""
        with self.desk.lock:
            self.desk.state.refresh()
            session, found = self.desk.reviewer(visitor).session, []
            for position in self.desk.state.waiting.suggested(leaf).tolist():
                if position not in self._doubted and self.desk.leases.hold(self.desk.lot(position), session):
                    found.append(position)
                if len(found) == count:
                    break
            return found

    def answer_grid(self, visitor: Visitor, leaf: int, right: Sequence[int], wrong: Sequence[int]) -> KeptAnswer:
        """Confirm a leaf for the `right` ones as one act; the visitor gets the `wrong` ones next."""
        with self.desk.lock, self.desk.state.writing():
            reviewer = self.desk.reviewer(visitor)
            suspects = [one for one in wrong if self.desk.state.waiting.waits(one)]
            self._doubted.update(suspects)
            reviewer.first = {**reviewer.first, **dict.fromkeys(suspects)}
            verdict = Verdict(self.desk.products.tree.shop_ids[leaf])
            return self._answer_all(reviewer, list(dict.fromkeys(right)), verdict, "grid", None)

    def show_copies(self, visitor: Visitor, position: int, verdict: Verdict) -> tuple[str, list[int]]:
        """The waiting products with the photos of one, and the ticket that answers all of them."""
        with self.desk.lock:
            self.desk.state.refresh()
            copies = self.desk.state.waiting.copies(position) if position in self.desk.state.waiting else []
            return self._ticket(visitor, copies, verdict, "copies", position)

    def show_suggested(
        self, visitor: Visitor, leaf: int, min_confidence: float, verdict: Verdict
    ) -> tuple[str, list[int]]:
        """The waiting products that a leaf is surely suggested for, and the ticket that answers all of them."""
        with self.desk.lock:
            self.desk.state.refresh()
            positions = self.desk.state.waiting.suggested(leaf, min_confidence).tolist()
            sure = [one for one in positions if one not in self._doubted]
            return self._ticket(visitor, sure, verdict, "bulk", None)

    def confirm(self, visitor: Visitor, ticket: str) -> KeptAnswer:
        """Answer what was shown, as one act; raises RequestRefused (409) where the ticket is no more."""
        with self.desk.lock, self.desk.state.writing():
            reviewer = self.desk.reviewer(visitor)
            shown = self._tickets.take(ticket, reviewer.session)
            if shown is None:
                raise RequestRefused(
                    409, "this was confirmed or is too old", "ask for the products again and look at them", "ticket"
                )
            return self._answer_all(reviewer, shown.positions.tolist(), shown.verdict, shown.how, shown.original)

    def _ticket(
        self, visitor: Visitor, positions: list[int], verdict: Verdict, how: str, original: int | None
    ) -> tuple[str, list[int]]:
        session = self.desk.reviewer(visitor).session
        free = self._free(positions, session)
        return self._tickets.add(session, free, verdict, how, original), free.tolist()

    def _free(self, positions: Sequence[int], session: str) -> NDArray[np.int64]:
        """Those that wait and that nobody else looks at."""
        waiting = self.desk.state.waiting.still(np.asarray(positions, np.int64))
        return waiting[~np.isin(self.desk.state.waiting.lots(waiting), self.desk.leases.of_others(session))]

    def _answer_all(
        self, reviewer: Reviewer, positions: list[int], verdict: Verdict, how: str, original: int | None
    ) -> KeptAnswer:
        left = self._free(positions, reviewer.session).tolist()
        if not left:
            if how == "grid" and not positions:
                return KeptAnswer(0, 0)
            raise RequestRefused(409, "somebody answered meanwhile", f"all of these {len(positions)} are answered")
        act = self.desk.state.answer(left, verdict, reviewer.name, reviewer.session, how, original)
        self.desk.done(reviewer, left)
        return KeptAnswer(act.act, len(left), len(positions) - len(left))
