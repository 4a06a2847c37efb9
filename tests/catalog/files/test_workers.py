"""Work shared among processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.files.workers import in_order


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


def name_and_wait(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


def is_running(pid: int) -> bool:
    try:
        # nobody may have taken note of its end
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_workers_end_when_the_command_is_killed(tmp_path):
    script = (
        "import sys; from catalog.files.workers import in_order\n"
        "from tests.catalog.files.test_workers import name_and_wait\n"
        "list(in_order(name_and_wait, [sys.argv[1]] * 2, 2))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[3]) as command:
        until = time.monotonic() + 300
        while len(started := os.listdir(tmp_path)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(started) == 2
        command.send_signal(signal.SIGKILL)
    until = time.monotonic() + 300
    while any(is_running(int(pid)) for pid in started) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(is_running(int(pid)) for pid in started)


def test_a_script_that_would_start_itself_again_is_told_how_to_be_written(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from catalog.files.workers import in_order\nlist(in_order(abs, range(4), 2))\n")
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "OSError: a worker process died" in found.stderr
    assert "below `if __name__ == '__main__':`" in found.stderr
