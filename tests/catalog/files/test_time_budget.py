"""Seconds that a piece of work may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.files.time_budget import TimeBudget, typical
from tests.support.standing_clock import StandingClock


def test_what_is_left_and_a_part_of_it():
    clock = StandingClock(100.0)
    budget = TimeBudget(10, clock)
    clock.passes(4)
    assert (budget.used, budget.left) == (4, 6)
    assert budget.part(2).left == 2
    assert budget.part(9).left == 6
    clock.passes(8)
    assert (budget.used, budget.left, budget.part(1).left) == (12, 0, 0)


@given(st.floats(0, 100), st.lists(st.floats(0.01, 50), min_size=1, max_size=20))
def test_no_step_is_begun_that_the_one_before_says_will_not_end(seconds, durations):
    clock = StandingClock(100.0)
    budget = TimeBudget(seconds, clock)
    pending = iter(durations)
    times = budget.times(lambda: clock.passes(next(pending)), len(durations))
    assert times == pytest.approx(durations[: len(times)])
    # two in any case; of the others, each as long as the one before would have ended in time
    assert len(times) >= min(2, len(durations))
    ends = [sum(times[:n]) + times[n - 1] for n in range(1, len(times) + 1)]
    assert all(end <= seconds + 1e-6 for end in ends[1:-1])
    if len(times) < len(durations):
        assert ends[-1] > seconds - 1e-6


def test_the_first_step_warms_up():
    assert typical([9.0]) == 9.0
    assert typical([9.0, 1.0, 3.0, 2.0]) == 2.0
