"""Work is taken for abandoned when its process is gone, and of another place's processes when their lease has ended."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.files import lease
from catalog.files.lease import LEASE_S, Owner, host_name, is_abandoned, renewed
from tests.support.containers import in_container, require_containers

TELLS_ITS_OWNER = (
    "import sys; from catalog.files.lease import Owner; print(Owner.of_this_process(), flush=True); sys.stdin.read()"
)


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 300
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
    return is_so()


def of_another_place(owner: Owner) -> Owner:
    return dataclasses.replace(owner, place="0" * 12)


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def owner_of(process: subprocess.Popen[str]) -> Owner:
    assert process.stdout is not None
    owner = Owner.parse(process.stdout.readline().strip())
    assert owner is not None
    return owner


def process(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_an_owner_stands_in_a_file_name_and_no_two_pieces_of_work_are_one():
    first, second = Owner.of_this_process(), Owner.of_this_process()
    assert first != second
    assert Owner.parse(str(first)) == first
    assert Owner.parse("1") is None
    # the system takes no such number of a process
    assert Owner.parse(f"h_{first.place}_9999999999_1_abcdef01") is None
    assert (first.pid, first.host, first.is_this_process) == (os.getpid(), host_name(), True)


def test_here_work_is_abandoned_when_its_process_has_ended_even_if_its_number_is_given_again(tmp_path):
    (tmp_path / "work").touch()
    with process([sys.executable, "-c", TELLS_ITS_OWNER]) as child:
        owner = owner_of(child)
        assert not is_abandoned(tmp_path / "work", owner)
        child.kill()
        # nobody has waited for it: the kernel still knows its number
        assert eventually(lambda: is_abandoned(tmp_path / "work", owner))
    assert is_abandoned(tmp_path / "work", owner)
    mine = Owner.of_this_process()
    age(tmp_path / "work", 10 * LEASE_S)
    assert not is_abandoned(tmp_path / "work", mine)
    assert is_abandoned(tmp_path / "work", dataclasses.replace(mine, started=mine.started - 1))


def test_elsewhere_work_is_abandoned_when_its_lease_has_ended(tmp_path):
    theirs = of_another_place(dataclasses.replace(Owner.of_this_process(), pid=2**22))
    (tmp_path / "work").touch()
    assert not is_abandoned(tmp_path / "work", theirs)
    age(tmp_path / "work", LEASE_S - 60)
    assert not is_abandoned(tmp_path / "work", theirs)
    age(tmp_path / "work", LEASE_S + 60)
    assert is_abandoned(tmp_path / "work", theirs)
    assert is_abandoned(tmp_path / "gone", theirs)
    assert os.listdir(tmp_path) == ["work"]


def test_a_lease_is_told_by_the_time_of_the_disk_not_by_this_host_s_clock(tmp_path, monkeypatch):
    (tmp_path / "work").touch()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 * LEASE_S)
    assert not is_abandoned(tmp_path / "work", of_another_place(Owner.of_this_process()))


def test_the_process_ids_of_another_container_are_not_looked_up_here(tmp_path):
    require_containers()
    (tmp_path / "work").touch()
    with process(in_container(host_name(), [sys.executable, "-c", TELLS_ITS_OWNER])) as child:
        theirs = owner_of(child)
        # that container also calls itself by this host's name
        assert theirs.host == host_name()
        assert theirs.place != Owner.of_this_process().place
        assert not is_abandoned(tmp_path / "work", theirs)
        child.kill()


def test_what_is_held_is_renewed_and_by_its_own_process_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_S", 0.01)
    # the thread of tests before this one may still sleep
    monkeypatch.setattr(lease, "_renewal", lease._Renewal())
    work = tmp_path / "work"
    work.touch()
    with renewed(work):
        age(work, LEASE_S)
        assert eventually(lambda: time.time() - work.stat().st_mtime < LEASE_S / 2)
        mine = Owner.of_this_process()
        if not (fork := os.fork()):
            threads = os.listdir("/proc/self/task")
            os._exit(0 if not mine.is_this_process and len(threads) == 1 and not lease._renewal._works else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert eventually(lambda: not lease._renewal._runs)


@pytest.mark.parametrize("name", ["web-1.example.org", "p" * 33, "p" * 34, "", "späti", "web_1"])
def test_host_names_fit_into_file_names_and_stay_apart(name, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    fits = host_name()
    assert lease.OWNER.fullmatch(f"{fits}_{'0' * 12}_1_1_{'0' * 8}")
    monkeypatch.setattr(socket, "gethostname", lambda: name + "-")
    assert host_name() != fits
