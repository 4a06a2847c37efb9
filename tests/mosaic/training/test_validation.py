"""Validation by several processes: every example once, and one judgement."""

from __future__ import annotations

import pytest

from tests.support.judged import judge
from tests.support.processes import Running
from tests.support.products import make_product

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("n_examples", [23, 1])
def test_processes_share_the_examples_and_hear_the_same(write_bson, tmp_path, n_examples):
    path = write_bson(*[make_product(i, 11, 1 + i % 3) for i in range(24)])
    alone = Running(judge, path, 0, 1, tmp_path / "meeting", n_examples)
    expected = [float(figure) for figure in alone.finish().split()]
    both = [Running(judge, path, rank, 2, tmp_path / "meeting", n_examples) for rank in range(2)]
    said = [[float(figure) for figure in process.finish().split()] for process in both]
    assert said[0] == said[1]
    assert said[0] == pytest.approx(expected, rel=1e-6)
