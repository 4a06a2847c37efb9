"""A worker that hangs, crashes, is killed or talks nonsense costs one photo; the rest is read."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ocr.engines.base import EngineMissing
from ocr.engines.pool import WorkerPool
from ocr.transcript import OcrFailure, Transcript, Word

MODULE = "tests.ocr.engines.test_pool"
HANGS, CRASHES, RAISES, BABBLES, NO_MEMORY, KILLED_ONCE = range(1, 7)


def child(marker):
    """The worker's side: what it does depends on the picture's first pixel; others are read as their number."""
    from ocr.engines.pool import serve

    def read(picture, scale):
        number = int(picture[0, 0, 0])
        if number == HANGS:
            time.sleep(600)
        if number == CRASHES:
            os.kill(os.getpid(), signal.SIGSEGV)
        if number == RAISES:
            raise ValueError("Traceback (most recent call last):\n  ...\nlibrary.states.Fail: no such kernel\n")
        if number == NO_MEMORY:
            raise RuntimeError("CUDA failure 2: out of memory")
        if number == BABBLES:
            # the descriptor that answers go to, whatever its number is
            for descriptor in range(3, 20):
                with contextlib.suppress(OSError):
                    os.write(descriptor, b"?\n")
        if number == KILLED_ONCE and not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        print("a library says hello")
        return Transcript((Word(str(number), 0.5, (0.0, 0.0, scale, 1.0)),))

    def load():
        print("a library says what it is")
        return read

    serve(load)


def photo(number, size=(20, 30)):
    return np.full((*size, 3), number, np.uint8)


def doubled(picture):
    return picture, 2.0


@pytest.fixture
def pool(tmp_path):
    return WorkerPool(MODULE, str(tmp_path / "killed-once"), doubled, 2, 4.0)


def texts(results):
    return [result.text if isinstance(result, Transcript) else None for result in results]


def test_photos_are_answered_in_order(pool):
    assert texts(pool.read([photo(n) for n in range(10, 40)])) == [str(n) for n in range(10, 40)]
    # a picture larger than a pipe's buffer
    (large,) = pool.read([photo(200, (1500, 1500))])
    assert large == Transcript((Word("200", 0.5, (0.0, 0.0, 2.0, 1.0)),))
    assert pool.read([]) == []


@pytest.mark.slow
def test_each_failure_costs_one_photo(pool, caplog):
    with caplog.at_level(logging.INFO):
        results = pool.read([photo(n) for n in (10, HANGS, 11, CRASHES, 12, RAISES, 13, NO_MEMORY, 14, BABBLES, 15)])
    assert texts(results) == ["10", None, "11", None, "12", None, "13", None, "14", None, "15"]
    hung, crashed, raised, poor, babbled = (result for result in results if isinstance(result, OcrFailure))
    assert "no answer in time (4 s)" in hung.reason
    assert "SIGSEGV" in crashed.reason
    assert raised == OcrFailure("ValueError: Fail: no such kernel")
    assert "out of memory" in poor.reason
    assert "no transcript" in babbled.reason
    # what the machine is to blame for is tried again another day
    assert [result.lasting for result in (hung, crashed, raised, poor, babbled)] == [False, True, True, False, False]
    assert "(20, 30)" in caplog.text


def test_a_killed_worker_is_replaced_and_its_photo_read_again(pool):
    assert texts(pool.read([photo(10), photo(KILLED_ONCE), photo(11)])) == ["10", str(KILLED_ONCE), "11"]


def idle(pool):
    return [worker._process for worker in pool._children._idle]


def test_workers_that_died_between_two_calls_cost_nothing(pool):
    pool.read([photo(n) for n in range(10, 16)])
    for process in idle(pool):
        process.kill()
        process.wait()
    assert texts(pool.read([photo(10), photo(11), photo(12)])) == ["10", "11", "12"]


def test_many_threads_share_the_workers_and_closing_ends_them(pool):
    pool.close()
    with ThreadPoolExecutor(16) as threads:
        results = threads.map(lambda first: texts(pool.read([photo(first), photo(first + 1)])), range(10, 42, 2))
    assert list(results) == [[str(first), str(first + 1)] for first in range(10, 42, 2)]
    processes = idle(pool)
    assert 0 < len(processes) <= 2
    pool.close()
    assert all(process.poll() is not None for process in processes)
    assert texts(pool.read([photo(50)])) == ["50"]


@pytest.mark.slow
def test_the_time_limit_covers_sending_the_picture(pool):
    pool.read([photo(10)])
    (process,) = idle(pool)
    process.send_signal(signal.SIGSTOP)
    (failure,) = pool.read([photo(10, (900, 900))])
    assert isinstance(failure, OcrFailure)
    assert "in time" in failure.reason


def test_a_worker_that_does_not_start_says_why():
    with pytest.raises(EngineMissing, match=r"does not start: ended with status 1.*No module named"):
        WorkerPool("tests.ocr.no_such_module", "", doubled, 1, 5).read([photo(1)])


def test_a_worker_has_its_own_time_to_start(tmp_path):
    with pytest.raises(EngineMissing, match="does not start: no answer in time"):
        WorkerPool(MODULE, str(tmp_path), doubled, 1, 60.0, start_limit_s=0.01).read([photo(10)])


def test_files_in_the_users_folder_are_not_taken_for_libraries(pool, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert texts(pool.read([photo(10)])) == ["10"]


def test_workers_end_with_the_process_that_started_them(tmp_path):
    script = (
        "import numpy as np, os, time\n"
        "from ocr.engines.pool import WorkerPool\n"
        f"pool = WorkerPool({MODULE!r}, {str(tmp_path / 'never')!r}, lambda picture: (picture, 1.0), 1, 60)\n"
        "pool.read([np.full((9, 9, 3), 9, np.uint8)])\n"
        "print(pool._children._idle[0]._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    (tmp_path / "never").touch()
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=300)
    deadline = time.monotonic() + 300
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the worker outlives its parent"
        time.sleep(0.05)


if __name__ == "__main__":
    child(sys.argv[1])
