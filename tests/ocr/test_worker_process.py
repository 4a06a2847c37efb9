"""A worker that hangs, crashes, is killed or talks nonsense costs one photo; the rest is read."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ocr.engine import EngineMissing
from ocr.transcript import OcrFailure, Transcript, Word
from ocr.worker_process import Crew

MODULE = "tests.ocr.test_worker_process"
HANGS, CRASHES, RAISES, BABBLES = 1, 2, 3, 4


def child(marker):
    """The worker's side: what it does depends on the picture's first pixel; others are read as their number."""
    from ocr.worker_process import serve

    def read(picture, scale):
        number = int(picture[0, 0, 0])
        if number == HANGS:
            time.sleep(600)
        if number == CRASHES:
            os.kill(os.getpid(), signal.SIGSEGV)
        if number == RAISES:
            raise ValueError("no such kernel")
        if number == BABBLES:
            os.write(3, b"?\n")
        if number == 5 and not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        print("a library says hello")
        return Transcript((Word(str(number), 0.5, (0.0, 0.0, scale, 1.0)),))

    serve(read)


def photo(number, size=(20, 30)):
    return np.full((*size, 3), number, np.uint8), 2.0


@pytest.fixture
def crew(tmp_path):
    return Crew(MODULE, str(tmp_path / "killed-once"), 2, 1.5)


def texts(results):
    return [result.text if isinstance(result, Transcript) else None for result in results]


def test_photos_are_answered_in_order(crew):
    assert texts(crew.read([photo(n) for n in range(10, 40)])) == [str(n) for n in range(10, 40)]
    # a picture larger than a pipe's buffer
    (large,) = crew.read([photo(200, (1500, 1500))])
    assert large == Transcript((Word("200", 0.5, (0.0, 0.0, 2.0, 1.0)),))
    assert crew.read([]) == []


def test_each_failure_costs_one_photo(crew, caplog):
    with caplog.at_level(logging.WARNING):
        found = crew.read([photo(n) for n in (10, HANGS, 11, CRASHES, 12, RAISES, 13)])
    assert texts(found) == ["10", None, "11", None, "12", None, "13"]
    hung, crashed, raised = (result for result in found if isinstance(result, OcrFailure))
    assert "no answer within 1.5 s" in hung.reason
    assert not hung.lasting
    assert "SIGSEGV" in crashed.reason
    assert crashed.lasting
    assert raised == OcrFailure("ValueError: no such kernel")
    assert "(20, 30)" in caplog.text


def test_a_killed_worker_is_replaced_and_its_photo_read_again(crew):
    assert texts(crew.read([photo(10), photo(5), photo(11)])) == ["10", "5", "11"]


def test_a_worker_that_does_not_start_says_why():
    with pytest.raises(EngineMissing, match=r"does not start: ended with status 1.*No module named"):
        Crew("tests.ocr.no_such_module", "", 1, 5).read([photo(1)])


def test_workers_end_with_the_process_that_started_them(tmp_path):
    script = (
        "import numpy as np, os, time\n"
        "from ocr.worker_process import Crew\n"
        f"crew = Crew({MODULE!r}, {str(tmp_path / 'never')!r}, 1, 60)\n"
        "crew.read([(np.full((9, 9, 3), 9, np.uint8), 1.0)])\n"
        "print(crew._idle.get()._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "never").touch()
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the worker outlives its parent"
        time.sleep(0.05)


if __name__ == "__main__":
    child(sys.argv[1])
