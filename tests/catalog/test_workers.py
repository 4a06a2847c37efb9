"""Work shared among processes."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest

from catalog.workers import in_order


def slow_square(n: int) -> int:
    time.sleep(0.02 * (n % 3))
    return n * n


def fail_at_three(n: int) -> int:
    if n == 3:
        raise ValueError("three")
    return n


def die(n: int) -> int:
    os._exit(1)


def test_results_come_in_the_order_of_the_tasks_and_few_are_taken_ahead():
    taken: list[int] = []

    def tasks():
        for n in range(30):
            taken.append(n)
            yield n

    results = in_order(slow_square, tasks(), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert len(taken) <= 5 + 4
    results.close()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("n_workers", [1, 2])
def test_an_error_of_a_task_comes_where_its_result_would(n_workers):
    results = in_order(fail_at_three, range(9), n_workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_an_error_not_a_wait():
    with pytest.raises(OSError, match="worker process died"):
        list(in_order(die, range(4), 2))
    assert not multiprocessing.active_children()
