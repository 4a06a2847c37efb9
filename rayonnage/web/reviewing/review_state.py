"""The answers on one folder of predictions: the journal's, those of other processes included, and new ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.files.id_lookup import UNKNOWN
from catalog.ids.id_columns import numbers_in
from catalog.ids.shop_id import ShopId, id_number
from fusion.decide import Decision
from fusion.prediction.predicted_products import DECISIONS, PredictedProducts
from fusion.review.act import UNJUDGED, ReviewAct, Undoing, seconds_since
from fusion.review.answers import AUDIT, COPY, REVIEW
from fusion.review.audit import audit_keys
from fusion.review.journal import Journal
from fusion.review.live_review import AppliedSheet, LiveReview, ReviewedPredictions
from rayonnage.web.reviewing.outcomes import NO_CATEGORY, NOT_TOLD, OTHER_TREE, PARENT, Outcomes, StandingOutcome
from rayonnage.web.reviewing.waiting_products import WaitingProducts

ACCEPTED = DECISIONS.index(Decision.ACCEPT)
NO_SUCH_CATEGORY = "no_such_category"
PACE_S = 600.0
"""Seconds over which the pace is taken."""
MAX_ACTS, MAX_BROWSERS = 200, 4096
"""Acts that a browser can take back, one after the other; browsers of which that is known."""


@dataclass(frozen=True)
class Verdict:
    """What a reviewer says: a category, a parent alone, or why there is no category; one of the three."""

    category_id: ShopId | None = None
    parent: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class StandingAnswer:
    """An answer that stands on a product: whose, when (UTC) and what.

    Attributes:
        said: for programs; verdict: the same, empty for a category that the tree does not have any more.
        browser: empty where it came as a sheet.
    """

    act: int
    who: str
    when: str
    said: str
    verdict: Verdict
    browser: str


class ReviewState:
    """Which products wait, and what was answered on all others. Not safe in threads: its owner has a lock."""

    def __init__(self, products: PredictedProducts, journal: Journal) -> None:
        self.products = products
        origin, asked, tree = products.origin, products.folder.record().review, products.tree
        self.waiting = WaitingProducts(products)
        audit = np.zeros(0, np.int64)
        if asked.audit_limit is not None:
            accepted = np.flatnonzero(products.decisions == ACCEPTED)
            audit = accepted[audit_keys(products.numbers[accepted], asked.audit_seed) <= asked.audit_limit]
        self.outcomes = Outcomes(tree, products.leaves, products.decisions != ACCEPTED, audit)
        self.live = LiveReview(
            journal, ReviewedPredictions(origin.run, origin.data, asked.audited, tree.depth, tree.given_level_names)
        )
        self._clear()

    def _clear(self) -> None:
        self.outcomes.clear()
        self.waiting.open_all()
        self._sheets: dict[int, AppliedSheet] = {}
        self._recent: dict[str, deque[tuple[str, int]]] = {}
        self._acts: OrderedDict[str, deque[int]] = OrderedDict()

    def refresh(self) -> None:
        """Take in what other processes answered, applied or took back meanwhile.

        Raises:
            ValueError: the journal is damaged.
        """
        try:
            news = self.live.news()
            if news.from_start:
                self._clear()
            for one in news.happenings:
                self._take_in(one)
        except BaseException:
            self.live.restart()
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes to the journal meanwhile, and all that was written is known."""
        with self.live.writing():
            self.refresh()
            yield

    def answer(
        self, positions: Sequence[int], verdict: Verdict, who: str, browser: str, how: str, original: int | None = None
    ) -> ReviewAct:
        """Keep an answer on products; within `writing`.

        `original`: of copies, the one that was looked at; the others got the answer from it.
        """
        products = self.products
        ids = tuple(products.product_ids(positions))
        given = self._given(verdict)
        kinds, right = [], []
        for position in positions:
            audited = self.outcomes.is_audit(position)
            kinds.append(COPY if original not in (None, position) else AUDIT if audited else REVIEW)
            right.append(self.outcomes.levels_right(position, given) if audited else UNJUDGED)
        shop_ids = products.tree.shop_ids
        draft = ReviewAct(
            act=0, at="", after=0, who=who, browser=browser, how=how, products=ids,
            suggested=tuple(shop_ids[leaf] for leaf in products.leaves[list(positions)].tolist()),
            decision=tuple(DECISIONS[one].value for one in products.decisions[list(positions)].tolist()),
            kind=tuple(kinds), right=tuple(right),
            category_id=verdict.category_id, parent=verdict.parent, why=verdict.why,
        )  # fmt: skip
        act = self.live.add(draft)
        self._take_in(act)
        return act

    def undo(self, act: ReviewAct, who: str) -> list[int]:
        """Take an act back; gives the products on which nothing stands now; within `writing`."""
        return self._take_back(self.live.undo(act.act, who), act)

    def acts_of(self, browser: str) -> deque[int]:
        """What a browser can take back, the last at the end."""
        return self._acts.get(browser, deque())

    def standing(self, position: int) -> StandingAnswer | None:
        """The answer that stands on a product; None without one."""
        number = self.outcomes.of(position).act
        if not number:
            return None
        if number > 0:
            act = self.live.act(number)
            if act is None:
                return None
            verdict = Verdict(act.category_id, act.parent, act.why)
            return StandingAnswer(number, act.who, act.at, act.said, verdict, act.browser)
        sheet, given = self._sheets[-number], self.outcomes.of(position).given
        category_id = None if given < 0 else self.products.tree.shop_ids[given]
        what = "another category" if category_id is None else f"category {category_id}"
        return StandingAnswer(number, sheet.who, sheet.when, what, Verdict(category_id), "")

    def per_hour(self, who: str) -> float | None:
        """Products that a reviewer looked at over the last minutes, as so many an hour; a bulk counts as one."""
        recent = self._recent.get(who, deque())
        while recent and seconds_since(recent[0][0]) > PACE_S:
            recent.popleft()
        if not recent or (since := seconds_since(recent[0][0])) < 60:
            return None
        return 3600 * sum(count for _, count in recent) / since

    def _take_in(self, one: ReviewAct | Undoing | AppliedSheet) -> None:
        if isinstance(one, AppliedSheet):
            self._take_in_sheet(one)
        elif isinstance(one, Undoing):
            if (act := self.live.act(one.undo)) is not None:
                self._take_back(one, act)
        else:
            given = self._given(Verdict(one.category_id, one.parent, one.why))
            who = self.outcomes.reviewer(one.who)
            positions, is_copy = self._positions(one.products), np.array([kind == COPY for kind in one.kind])
            for copies in (False, True):
                some = np.unique(positions[(positions != UNKNOWN) & (is_copy == copies)])
                self.outcomes.add_all(some, StandingOutcome(one.act, given, copies, who))
                self.waiting.close_all(some)
            self._remember(one)

    def _take_in_sheet(self, sheet: AppliedSheet) -> None:
        positions = self.products.positions(numbers_in(sheet.rows["product_id"]))
        leaves = self.products.tree.leaf_index(numbers_in(sheet.rows["category_id"]))
        given, who = np.where(leaves == UNKNOWN, OTHER_TREE, leaves).tolist(), self.outcomes.reviewer(sheet.who)
        for position, leaf, kind in zip(positions.tolist(), given, sheet.rows["kind"].to_pylist(), strict=True):
            if position != UNKNOWN:
                self._add(position, StandingOutcome(-sheet.number, leaf, kind == COPY, who))
        self._sheets[sheet.number] = AppliedSheet(sheet.number, sheet.when, sheet.who, sheet.rows.slice(0, 0))

    def _add(self, position: int, outcome: StandingOutcome) -> None:
        self.outcomes.add(position, outcome)
        self.waiting.close(position)

    def _take_back(self, undoing: Undoing, act: ReviewAct) -> list[int]:
        positions = np.array(list(dict.fromkeys(self._positions(act.products).tolist())), np.int64)
        reopened = self.outcomes.take_back_all(positions[positions != UNKNOWN], undoing.undo)
        self.waiting.open_again(reopened)
        if undoing.undo in (acts := self.acts_of(act.browser)):
            acts.remove(undoing.undo)
        return reopened.tolist()

    def _remember(self, act: ReviewAct) -> None:
        self._acts.setdefault(act.browser, deque(maxlen=MAX_ACTS)).append(act.act)
        self._acts.move_to_end(act.browser)
        while len(self._acts) > MAX_BROWSERS:
            self._acts.popitem(last=False)
        if seconds_since(act.at) < PACE_S:
            looked_at = len(act.products) if act.how == "grid" else 1
            self._recent.setdefault(act.who, deque()).append((act.at, looked_at))

    def _positions(self, ids: Sequence[ShopId]) -> NDArray[np.int64]:
        return self.products.positions(np.array(list(map(id_number, ids)), np.int64))

    def _given(self, verdict: Verdict) -> int:
        if verdict.parent:
            return PARENT - len(verdict.parent)
        if verdict.category_id is None:
            return NO_CATEGORY if verdict.why == NO_SUCH_CATEGORY else NOT_TOLD
        leaf = int(self.products.tree.leaf_index([verdict.category_id])[0])
        return OTHER_TREE if leaf == UNKNOWN else leaf
