"""One process at a time holds a lock; whoever waits says for whom, and a disk without locks is named."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from catalog.files import file_lock
from catalog.files.file_lock import exclusive
from tests.support.containers import in_container, require_containers

HOLDS = """
import sys
from pathlib import Path
from catalog.files.file_lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(path: Path, host: str = "") -> subprocess.Popen[str]:
    """A process that holds the lock until it is told a line; `host`: of another container."""
    command = [sys.executable, "-c", HOLDS, str(path)]
    process = subprocess.Popen(
        in_container(host, command) if host else command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_says_for_whom_also_across_containers(tmp_path, caplog, monkeypatch):
    require_containers()
    monkeypatch.setattr(file_lock, "PATIENCE_S", 0.05)
    path, got_it = tmp_path / ".lock", threading.Event()

    def wait() -> None:
        with exclusive(path):
            got_it.set()

    with holder(path, "web-2") as process:
        waiting = threading.Thread(target=wait)
        waiting.start()
        while not caplog.records:
            time.sleep(0.01)
        assert not got_it.is_set()
        process.communicate("enough\n")
    waiting.join()
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: waiting for process 1 on web-2, which is at work there"
    ]
    assert path.read_text() == ""


def test_a_kill_releases_it_and_nobody_is_waited_for(tmp_path, caplog):
    path = tmp_path / ".lock"
    with holder(path) as process:
        process.kill()
    assert path.read_text().startswith(f"process {process.pid} on ")
    with exclusive(path):
        assert path.read_text().startswith(f"process {os.getpid()} on ")
    assert caplog.records == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_named_with_the_way_out(tmp_path, monkeypatch, number):
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(OSError, match=rf"^{tmp_path} lies on a disk that knows no file locks .*--workspace"):
        exclusive(tmp_path / ".lock").__enter__()
