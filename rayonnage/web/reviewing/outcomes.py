"""Which answer stands on each product, and what they add up to."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.tree.taxonomy import Taxonomy
from fusion.review.act import UNJUDGED

NOTHING, NO_CATEGORY, NOT_TOLD, OTHER_TREE = -1, -2, -3, -4
"""What stands in the place of a leaf: no answer; no such category; photos that do not tell one; a category of a tree
of before."""
PARENT = -10
"""Stands for a parent alone, less its level."""
MAX_NAMES = 2**16 - 1
"""Reviewers that are told apart; all later ones count together."""


class StandingOutcome(NamedTuple):
    """An answer on a product.

    `act`: its number, less than 0 the one of an entry of sheets, 0 without an answer; `given`: a leaf or what stands
    in its place; `is_copy`: the product got it from one with the same photos; `who`: number of the reviewer.
    """

    act: int
    given: int
    is_copy: bool
    who: int


class Outcomes:
    """Answers on N products, 15 bytes each; of several on one product the last stands, of copies' ones none before it.

    Attributes:
        audit: `(A,)` int64 positions of the audit sample, ascending.
        audited: of these, answered ones that can be judged; right: of these, `(D,)` how many at Cat I, Cat II, ...
        answered, unlabelled: of the products put before the reviewers, those with an answer, those without a leaf.
    """

    def __init__(
        self, tree: Taxonomy, leaves: NDArray[np.int32], queued: NDArray[np.bool_], audit: NDArray[np.int64]
    ) -> None:
        self.audit, self._tree, self._leaves, self._queued = audit, tree, leaves, queued
        self._is_audit = np.zeros(len(leaves), bool)
        self._is_audit[audit] = True
        self.clear()

    def clear(self) -> None:
        """Forget all answers."""
        n = len(self._leaves)
        self._act, self._given = np.zeros(n, np.int64), np.full(n, NOTHING, np.int32)
        self._is_copy, self._who = np.zeros(n, bool), np.zeros(n, np.uint16)
        self._earlier: dict[int, list[StandingOutcome]] = {}
        self._names: dict[str, int] = {}
        self._by_who: Counter[int] = Counter()
        self.audited, self.right = 0, np.zeros(self._tree.depth, np.int64)
        self.answered = self.unlabelled = 0

    def reviewer(self, name: str) -> int:
        """The number that stands for a name."""
        return self._names.setdefault(name, min(len(self._names), MAX_NAMES))

    def of(self, position: int) -> StandingOutcome:
        """The answer that stands."""
        return StandingOutcome(
            int(self._act[position]), int(self._given[position]), bool(self._is_copy[position]),
            int(self._who[position]),
        )  # fmt: skip

    def by(self, name: str) -> int:
        """Products that stand as a reviewer answered them."""
        number = self._names.get(name)
        return 0 if number is None else self._by_who[number]

    def is_audit(self, position: int) -> bool:
        """Whether the product was accepted and drawn."""
        return bool(self._is_audit[position])

    def levels_right(self, position: int, given: int) -> int:
        """Levels at which the suggestion is right by an answer, Cat I first; `UNJUDGED` where none can tell."""
        if given == NOT_TOLD:
            return UNJUDGED
        if given <= PARENT:
            return PARENT - given
        if given < 0:
            return 0
        leaf = np.array([given]), self._leaves[position : position + 1].astype(np.int64)
        return self._tree.depth - int(self._tree.distance(*leaf)[0])

    def by_node(self, level: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`(n_nodes,)` answered products put on each node of a level, and those that the answers left there.

        Answers that tell of no category, as of wrong photos, do not count.
        """
        positions = np.flatnonzero((self._act != 0) & (self._given != NOT_TOLD))
        given, leaves = self._given[positions].astype(np.int64), self._leaves[positions].astype(np.int64)
        ancestor, n = self._tree.ancestor(level), self._tree.n_nodes(level)
        node, is_leaf = ancestor[leaves], given >= 0
        # a parent given alone leaves the product at its level and above
        is_right = np.where(is_leaf, ancestor[np.where(is_leaf, given, 0)] == node, PARENT - given >= level)
        return np.bincount(node, minlength=n), np.bincount(node[is_right], minlength=n)

    def add(self, position: int, outcome: StandingOutcome) -> None:
        """An answer came; it stands unless it is a copy's and there is one on the product itself."""
        standing = self.of(position)
        if not standing.act:
            self._replace(position, standing, outcome)
        elif outcome.is_copy and not standing.is_copy:
            self._earlier.setdefault(position, []).insert(0, outcome)
        else:
            self._earlier.setdefault(position, []).append(standing)
            self._replace(position, standing, outcome)

    def add_all(self, positions: NDArray[np.int64], outcome: StandingOutcome) -> None:
        """`add` for `(n,)` distinct products at once: a bulk has a hundred thousand of them."""
        has_one = self._act[positions] != 0
        for position in positions[has_one].tolist():
            self.add(position, outcome)
        self._set_all(positions[~has_one], outcome)
        self._count_all(positions[~has_one], outcome, 1)

    def take_back_all(self, positions: NDArray[np.int64], act: int) -> NDArray[np.int64]:
        """`take_back` for `(n,)` distinct products at once; gives those on which nothing stands now."""
        stands = self._act[positions] == act
        alone = stands & ~np.isin(positions, np.fromiter(self._earlier, np.int64, len(self._earlier)))
        if alone.any():
            # all products of an act got the same answer, some of them as copies
            for is_copy in (False, True):
                some = positions[alone & (self._is_copy[positions] == is_copy)]
                if len(some):
                    self._count_all(some, self.of(int(some[0])), -1)
                    self._set_all(some, StandingOutcome(0, NOTHING, False, 0))
        for position in positions[~alone].tolist():
            self.take_back(position, act)
        return positions[self._act[positions] == 0]

    def _set_all(self, positions: NDArray[np.int64], outcome: StandingOutcome) -> None:
        self._act[positions], self._given[positions] = outcome.act, outcome.given
        self._is_copy[positions], self._who[positions] = outcome.is_copy, outcome.who

    def _count_all(self, positions: NDArray[np.int64], outcome: StandingOutcome, sign: int) -> None:
        self._by_who[outcome.who] += sign * len(positions)
        n_queued = int(np.count_nonzero(self._queued[positions]))
        self.answered += sign * n_queued
        self.unlabelled += sign * n_queued * _is_unlabelled(outcome)
        for position in positions[self._is_audit[positions]].tolist():
            self._count_audit(position, outcome, sign)

    def take_back(self, position: int, act: int) -> bool:
        """An act was undone: what stood before it stands again; True where nothing did."""
        standing, earlier = self.of(position), self._earlier.get(position, [])
        if standing.act == act:
            before = earlier.pop() if earlier else StandingOutcome(0, NOTHING, False, 0)
            self._replace(position, standing, before)
        else:
            earlier[:] = [one for one in earlier if one.act != act]
        if not earlier:
            self._earlier.pop(position, None)
        return self._act[position] == 0

    def _replace(self, position: int, old: StandingOutcome, new: StandingOutcome) -> None:
        self._count(position, old, -1)
        self._act[position], self._given[position] = new.act, new.given
        self._is_copy[position], self._who[position] = new.is_copy, new.who
        self._count(position, new, 1)

    def _count(self, position: int, outcome: StandingOutcome, sign: int) -> None:
        if not outcome.act:
            return
        self._by_who[outcome.who] += sign
        if self._queued[position]:
            self.answered += sign
            self.unlabelled += sign * _is_unlabelled(outcome)
        if self._is_audit[position]:
            self._count_audit(position, outcome, sign)

    def _count_audit(self, position: int, outcome: StandingOutcome, sign: int) -> None:
        if (right := self.levels_right(position, outcome.given)) != UNJUDGED:
            self.audited += sign
            self.right[:right] += sign


def _is_unlabelled(outcome: StandingOutcome) -> bool:
    return outcome.given < 0 and outcome.given != OTHER_TREE
