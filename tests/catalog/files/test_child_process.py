"""A child that hangs, crashes or says too much is gone, and it is told why."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import catalog.files.child_process as child_process
from catalog.files.child_process import ChildLost, ChildNotStarted, ChildProcess
from tests.catalog.files.answering_child import LENGTH

MODULE = "tests.catalog.files.answering_child"


def soon(seconds=300.0):
    return time.monotonic() + seconds


def ask(child, question, seconds=300.0):
    deadline = soon(seconds)
    child.send(LENGTH.pack(len(question)), question, deadline=deadline)
    (length,) = LENGTH.unpack(child.receive(LENGTH.size, deadline))
    turned = child.receive(length, deadline)
    assert child.line(deadline) == b""
    return turned


@pytest.fixture
def child():
    child = ChildProcess(MODULE)
    yield child
    child.close()


def test_answers_come_in_order_and_nothing_that_libraries_print_is_one(child):
    assert [ask(child, str(n).encode()) for n in range(10, 40)] == [str(n).encode()[::-1] for n in range(10, 40)]
    assert ask(child, b"") == b""
    assert child.awaits_question


def test_a_picture_larger_than_a_pipe_goes_there_and_back_without_copies(child):
    picture = np.arange(1500 * 1500, dtype=np.uint32).view(np.uint8).reshape(1500, 1500, 4)
    child.send(LENGTH.pack(picture.nbytes), picture[:700].data, picture[700:].data, deadline=soon())
    assert LENGTH.unpack(child.receive(LENGTH.size, soon())) == (picture.nbytes,)
    turned = np.empty_like(picture)
    child.receive_into(turned.data, soon())
    assert np.array_equal(turned.ravel()[::-1], picture.ravel())
    # a line after bytes that were taken exactly, and bytes after a line
    assert child.line(soon()) == b""
    assert ask(child, b"abc") == b"cba"


def test_variables_are_given_beside_those_of_this_process(monkeypatch):
    monkeypatch.setenv("RAYONNAGE_TEST", "of the parent")
    for environment, value in ((None, b"of the parent"), ({"RAYONNAGE_TEST": "of the child"}, b"of the child")):
        child = ChildProcess(MODULE, environment=environment)
        assert ask(child, b"variable") == value
        child.close()
    assert os.environ["RAYONNAGE_TEST"] == "of the parent"


def test_a_child_that_hangs_is_late_and_gone(child):
    with pytest.raises(ChildLost, match="no answer in time") as lost:
        ask(child, b"hang", 0.3)
    assert lost.value.late
    assert not child.lives
    assert child._process.returncode == -signal.SIGKILL


def test_the_deadline_covers_sending(child):
    child._process.send_signal(signal.SIGSTOP)
    with pytest.raises(ChildLost, match="no answer in time") as lost:
        ask(child, b"x" * 10**6, 0.3)
    assert lost.value.late


def test_a_child_that_dies_tells_its_signal_and_its_last_words(child):
    with pytest.raises(ChildLost, match=r"killed by SIGSEGV: no such kernel$") as lost:
        ask(child, b"crash")
    assert (lost.value.signal_number, lost.value.late, child.lives) == (signal.SIGSEGV, False, False)


def test_last_words_are_told_where_nothing_can_be_written(monkeypatch):
    def no_folder():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(child_process.tempfile, "TemporaryFile", no_folder)
    test_a_child_that_dies_tells_its_signal_and_its_last_words(ChildProcess(MODULE))


def test_a_child_that_ends_tells_its_status(child):
    with pytest.raises(ChildLost, match=r"ended with status 1: no such model$") as lost:
        ask(child, b"exit")
    assert (lost.value.signal_number, lost.value.late) == (0, False)
    # what is sent to one that is gone is no different
    other = ChildProcess(MODULE)
    os.kill(other._process.pid, signal.SIGKILL)
    with pytest.raises(ChildLost, match="killed by SIGKILL") as lost:
        ask(other, b"x" * 10**6)
    assert lost.value.signal_number == signal.SIGKILL


@pytest.mark.slow
def test_a_death_is_seen_though_another_process_holds_the_pipe(child):
    # as a fork does that is made while another thread starts the child
    pipe = os.readlink(f"/proc/self/fd/{child._answers}")
    (of_child,) = (path for path in Path(f"/proc/{child._process.pid}/fd").iterdir() if os.readlink(path) == pipe)
    held = os.open(of_child, os.O_WRONLY)
    try:
        with pytest.raises(ChildLost, match="killed by SIGSEGV") as lost:
            ask(child, b"crash")
        assert not lost.value.late
    finally:
        os.close(held)


def test_a_line_that_does_not_end_is_refused(child):
    child.send(LENGTH.pack(12), b"endless line", deadline=soon())
    with pytest.raises(ChildLost, match="more than 1000 bytes"):
        child.line(soon(), max_bytes=1000)
    assert not child.lives


def test_what_was_not_read_is_no_answer_to_the_next_question(child):
    child.send(LENGTH.pack(3), b"a\nb", deadline=soon())
    # its rest is in the pipe, then with the line before it, then read
    child.receive(LENGTH.size, soon())
    assert child.lives
    assert not child.awaits_question
    assert child.line(soon()) == b"b"
    assert not child.awaits_question
    assert child.line(soon()) == b"a"
    assert child.awaits_question


def test_what_a_child_complains_of_is_bounded(child, monkeypatch):
    monkeypatch.setattr(child_process, "MAX_COMPLAINT_BYTES", 10_000)
    for _ in range(50):
        ask(child, b"say much")
    assert os.fstat(child._complaints.fileno()).st_size < 10_000 + 2 * 2100
    with pytest.raises(ChildLost, match=r"no such kernel$"):
        ask(child, b"crash")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("tests.no_such_module", r"ended with status 1.*No module named"),
        # it prints at once, and not that it is ready
        ("this", "it said b'The Zen of Python"),
    ],
)
def test_one_that_does_not_start_says_why(module, reason):
    with pytest.raises(ChildNotStarted, match=rf"^{module} does not start: {reason}"):
        ChildProcess(module)


def test_one_that_cannot_be_run_does_not_start(monkeypatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(ChildNotStarted, match=r"does not start: .*No such file"):
        ChildProcess(MODULE)


def test_files_in_the_users_folder_are_not_taken_for_libraries(tmp_path, monkeypatch):
    (tmp_path / "struct.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    child = ChildProcess(MODULE)
    assert ask(child, b"abc") == b"cba"
    child.close()


def test_a_child_starts_without_any_library_that_is_installed(child):
    # 20 ms of a core where this was written; NumPy alone adds 60. What an installation loads into every interpreter is
    # not the child's
    bare = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, check=True)
    assert set(ask(child, b"installed").split()) - set(bare.stdout.split()) == set()
