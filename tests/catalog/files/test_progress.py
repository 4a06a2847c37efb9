"""Batches cover everything in order, and progress is told of what is done."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.files.progress import counted, in_batches, part_of


@given(n=st.integers(0, 30), size=st.integers(1, 12))
def test_batches_cover_everything_once_and_are_told_of_when_they_are_done(n, size):
    told, done = [], []
    for batch in in_batches(range(n), size, lambda *call: told.append(call)):
        assert len(told) == len(done)
        assert 1 <= len(batch) <= size
        done.append(batch)
    assert [i for batch in done for i in batch] == list(range(n))
    assert told == [(min(n, size * i), n) for i in range(1, len(done) + 1)]
    assert [batch.tolist() for batch in in_batches(np.arange(n), size)] == [list(batch) for batch in done]


@given(n=st.integers(0, 30), every=st.integers(1, 12))
def test_counted_tells_of_every_so_many_and_of_the_last(n, every):
    told = []
    assert list(counted(iter("x" * n), n, lambda *call: told.append(call), every)) == ["x"] * n
    assert told == [(done, n) for done in range(1, n + 1) if done % every == 0 or done == n]
    assert list(counted("ab", 2)) == ["a", "b"]


def test_a_part_reports_into_the_whole():
    told = []
    part = part_of(lambda *call: told.append(call), 10, 30)
    assert part is not None
    list(in_batches("abcd", 2, part))
    assert told == [(12, 30), (14, 30)]
    assert part_of(None, 0, 1) is None
