"""Children are used again, never by two at once, and end with whoever started them."""

import gc
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from catalog.files.child_pool import ChildPool
from catalog.files.child_process import ChildLost, ChildProcess
from tests.catalog.files.test_child_process import MODULE, ask
from tests.support.processes import Running, has_ended, wait_for_end


@pytest.fixture
def pool():
    return ChildPool(partial(ChildProcess, MODULE))


def turn(pool, question):
    with pool.child() as child:
        return ask(child, question), child._process.pid


def test_one_child_answers_one_question_after_the_other(pool):
    assert len({turn(pool, str(n).encode())[1] for n in range(10)}) == 1


def test_threads_have_a_child_each_and_the_last_one_is_used_next(pool):
    everyone = threading.Barrier(3)

    def at_once(question):
        with pool.child() as child:
            everyone.wait(300)
            return ask(child, question), child._process.pid

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(at_once, (b"ab", b"cd", b"ef")))
    assert [turned for turned, _ in answers] == [b"ba", b"dc", b"fe"]
    assert len({pid for _, pid in answers}) == 3
    assert len({turn(pool, b"ab")[1] for _ in range(5)}) == 1


def test_a_fresh_child_is_a_new_one(pool):
    _, first = turn(pool, b"ab")
    with pool.child(fresh=True) as child:
        assert ask(child, b"ab") == b"ba"
        assert child._process.pid != first


@pytest.mark.parametrize("question", [b"crash", b"hang"])
def test_a_lost_child_is_replaced(pool, question):
    _, first = turn(pool, b"ab")
    with pytest.raises(ChildLost), pool.child() as child:
        ask(child, question, 0.5)
    turned, second = turn(pool, b"ab")
    assert turned == b"ba"
    assert first != second


def test_a_child_in_an_unknown_state_is_not_used_again(pool):
    _, first = turn(pool, b"ab")
    with pytest.raises(KeyboardInterrupt), pool.child():
        raise KeyboardInterrupt
    assert has_ended(first)
    with pool.child() as child:
        child.send(b"\x02\x00\x00\x00ab", deadline=time.monotonic() + 300)
        child.receive(2, time.monotonic() + 300)
    assert has_ended(child._process.pid)
    assert turn(pool, b"cd")[0] == b"dc"


def test_a_child_that_died_while_it_waited_costs_nothing(pool):
    _, first = turn(pool, b"ab")
    os.kill(first, signal.SIGKILL)
    wait_for_end(first)
    turned, second = turn(pool, b"ab")
    assert (turned, first != second) == (b"ba", True)


def test_children_end_with_the_pool():
    pool = ChildPool(partial(ChildProcess, MODULE))
    _, pid = turn(pool, b"ab")
    del pool
    gc.collect()
    assert has_ended(pid)


def test_closing_ends_all_children_and_the_next_question_starts_one(pool):
    pool.close()
    _, idle = turn(pool, b"ab")
    with pool.child(fresh=True) as busy:
        pool.close()
        assert has_ended(idle)
        assert ask(busy, b"cd") == b"dc"
    assert has_ended(busy._process.pid)
    assert len({turn(pool, b"ef") for _ in range(2)}) == 1


# What runs in processes of their own stands here by name; `tests.support.processes` starts them.
def forks():
    """Prints the children of this process and of a fork of it; both work on, in turns."""
    pool = ChildPool(partial(ChildProcess, MODULE))
    _, before = turn(pool, b"ab")
    fork = os.fork()
    if not fork:
        try:
            turned, of_fork = turn(pool, b"cd")
            assert (turned, of_fork != before) == (b"dc", True)
            assert turn(pool, b"ef") == (b"fe", of_fork)
            del pool
            gc.collect()
            assert has_ended(of_fork)
            assert not has_ended(before)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        # with all that is done at the end of a process
        sys.exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
    print(status, turn(pool, b"gh") == (b"hg", before))


@pytest.mark.slow
def test_a_fork_has_children_of_its_own():
    assert Running(forks).finish().splitlines() == ["0 True"]


def uses_its_parents_child():
    with ChildPool(partial(ChildProcess, MODULE)).child() as child:
        if not (fork := os.fork()):
            try:
                ask(child, b"ab")
            except ChildLost as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(fork, 0)
        print(ask(child, b"cd"))


@pytest.mark.slow
def test_a_fork_is_refused_the_child_that_its_parent_is_using():
    assert Running(uses_its_parents_child).finish().splitlines() == [
        "it belongs to the process that this one was forked from",
        "b'dc'",
    ]


def dies_while_a_fork_holds_its_pipes():
    pool = ChildPool(partial(ChildProcess, MODULE))
    _, idle = turn(pool, b"ab")
    fork = os.fork()
    if not fork:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    with pool.child(fresh=True) as busy:
        print(idle, busy._process.pid, fork, flush=True)
        ask(busy, b"hang", 600)


@pytest.mark.slow
def test_children_end_when_their_parent_is_killed():
    running = Running(dies_while_a_fork_holds_its_pipes)
    idle, busy, fork = map(int, running.line().split())
    running.kill()
    try:
        wait_for_end(idle)
        wait_for_end(busy)
        assert not has_ended(fork)
    finally:
        os.kill(fork, signal.SIGKILL)


def ends():
    pool = ChildPool(partial(ChildProcess, MODULE))
    print(turn(pool, b"ab")[1], flush=True)


@pytest.mark.slow
def test_children_end_at_the_end_of_the_process():
    wait_for_end(int(Running(ends).finish()))
