"""Many answers at once come to what they come to one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rayonnage.web.reviewing.outcomes import NO_CATEGORY, NOT_TOLD, OTHER_TREE, PARENT, Outcomes, StandingOutcome
from tests.support.predictions import TREE

N = 12
LEAVES = np.arange(N, dtype=np.int32) % len(TREE)
ACTS = st.lists(
    st.tuples(
        st.lists(st.integers(0, N - 1), min_size=1, unique=True),
        st.sampled_from([0, 1, 2, 3, NO_CATEGORY, NOT_TOLD, OTHER_TREE, PARENT - 1, PARENT - 2]),
        st.booleans(), st.integers(0, 2),
    ),
    max_size=8,
)  # fmt: skip


def outcomes() -> Outcomes:
    """Of products that wait, but for the last four, which were accepted and drawn."""
    return Outcomes(TREE, LEAVES, np.arange(N) < 8, np.arange(8, N))


def everything(of: Outcomes) -> list[object]:
    standing = [of.of(position) for position in range(N)]
    return [standing, of.answered, of.unlabelled, of.audited, of.right.tolist(), [of.by(name) for name in "abc"]]


@given(acts=ACTS, undone=st.lists(st.integers(1, 8)))
def test_at_once_is_one_by_one(acts: list[tuple[list[int], int, bool, int]], undone: list[int]):
    one_by_one, at_once = outcomes(), outcomes()
    for each in (one_by_one, at_once):
        for name in "abc":
            each.reviewer(name)
    for number, (positions, given_leaf, is_copy, who) in enumerate(acts, start=1):
        outcome = StandingOutcome(number, given_leaf, is_copy, who)
        for position in positions:
            one_by_one.add(position, outcome)
        at_once.add_all(np.array(positions), outcome)
        assert everything(at_once) == everything(one_by_one)
    for number in undone:
        positions = acts[number - 1][0] if number <= len(acts) else [0]
        reopened = [position for position in positions if one_by_one.take_back(position, number)]
        assert at_once.take_back_all(np.array(positions), number).tolist() == reopened
        assert everything(at_once) == everything(one_by_one)
