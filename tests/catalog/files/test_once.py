"""What is made at its first use is made once, and again where making it failed."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.files.once import Once


def test_sixteen_threads_make_it_once():
    made = []

    def make():
        time.sleep(0.01)
        made.append(object())
        return made[-1]

    once = Once(make)
    assert not made
    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(lambda _: once(), range(32))) == set(made)
    assert len(made) == 1


def test_a_failure_is_tried_again():
    errors = [OSError("not yet")]

    def make():
        if errors:
            raise errors.pop()
        return 7

    once = Once(make)
    with pytest.raises(OSError, match="not yet"):
        once()
    assert once() == 7
