"""Whole or absent, also after a kill: what lay there before is never lost."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.files.atomic import atomic_folder, atomic_path, remove_all_leftovers, remove_leftovers, write_text
from catalog.files.lease import LEASE_S, Owner


@pytest.fixture(params=["now", "earlier"])
def dead(request) -> str:
    """How a process that has ended named its work, now and in earlier versions."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return str(dataclasses.replace(Owner.of_this_process(), pid=process.pid) if request.param == "now" else process.pid)


@pytest.fixture
def elsewhere() -> str:
    """How a process of another host names its work; no process here has its number."""
    return str(dataclasses.replace(Owner.of_this_process(), host="web-2", place="0" * 12, pid=2**22))


def end_lease(path: Path) -> None:
    os.utime(path, (time.time() - LEASE_S - 60,) * 2)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def folder_of(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "text").write_text(text)
    return path


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    shop = folder_of(tmp_path / "shop", "old")

    def fill_half() -> None:
        with atomic_folder(shop) as new:
            (new / "text").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fill_half()
    assert (shop / "text").read_text() == "old"
    with atomic_folder(shop) as new:
        (new / "text").write_text("new")
    assert (shop / "text").read_text() == "new"
    assert names(tmp_path) == ["shop"]


def test_a_link_to_a_folder_is_replaced_and_the_folder_stays(tmp_path, dead):
    elsewhere = folder_of(tmp_path / "elsewhere", "old")
    for link in ("shop", f".shop.{dead}.tmp"):
        (tmp_path / link).symlink_to(elsewhere)
    remove_leftovers(tmp_path / "shop")
    with atomic_folder(tmp_path / "shop") as new:
        (new / "text").write_text("new")
    assert (tmp_path / "shop" / "text").read_text() == "new"
    assert (elsewhere / "text").read_text() == "old"
    assert names(tmp_path) == ["elsewhere", "shop"]


def test_killed_between_the_two_renames_the_old_folder_comes_back(tmp_path, dead):
    folder_of(tmp_path / f".shop.{dead}.replaced.tmp", "old")
    folder_of(tmp_path / f".shop.{dead}.tmp", "half")
    remove_leftovers(tmp_path / "shop")
    assert names(tmp_path) == ["shop"]
    assert (tmp_path / "shop" / "text").read_text() == "old"


def test_killed_while_the_old_folder_is_removed_the_rest_of_it_goes(tmp_path, dead, monkeypatch):
    shop = folder_of(tmp_path / "shop", "old")
    monkeypatch.setattr("catalog.files.atomic.shutil.rmtree", lambda *arguments, **options: None)
    with atomic_folder(shop) as new:
        (new / "text").write_text("new")
    monkeypatch.undo()
    (left,) = (name for name in names(tmp_path) if name != "shop")
    (tmp_path / left).rename(tmp_path / f".shop.{dead}.replaced.tmp")
    remove_leftovers(shop)
    assert names(tmp_path) == ["shop"]
    assert (shop / "text").read_text() == "new"


def test_what_others_write_stays(tmp_path, dead):
    own = [
        f".shop.{os.getpid()}.tmp",
        f".shop.{Owner.of_this_process()}.tmp",
        f".shop.csv.{dead}.tmp",
        f".shopping.{dead}.tmp",
        ".shop.notes.tmp",
        ".shop.1.tmp",
    ]
    for name in own:
        (tmp_path / name).write_text("")
    (tmp_path / f".shop.{dead}.tmp").write_text("")
    remove_leftovers(tmp_path / "shop")
    assert names(tmp_path) == sorted(own)


def test_what_another_host_writes_stays_until_its_lease_has_ended(tmp_path, elsewhere):
    half, aside = tmp_path / f".shop.{elsewhere}.tmp", tmp_path / f".shop.{elsewhere}.replaced.tmp"
    folder_of(half, "half")
    folder_of(aside, "old")
    remove_leftovers(tmp_path / "shop")
    assert names(tmp_path) == sorted([half.name, aside.name])
    end_lease(half)
    end_lease(aside)
    remove_leftovers(tmp_path / "shop")
    assert names(tmp_path) == ["shop"]
    assert (tmp_path / "shop" / "text").read_text() == "old"


def test_a_folder_that_makes_room_is_not_taken_for_abandoned(tmp_path, monkeypatch):
    """Between the two renames a process of another host looks: the old folder's own time is long ago."""
    shop = folder_of(tmp_path / "shop", "old")
    end_lease(shop)
    real, ages = os.replace, []

    def replace(source: Path, target: Path) -> None:
        real(source, target)
        if target.name.endswith(".replaced.tmp"):
            ages.append(time.time() - target.stat().st_mtime)

    monkeypatch.setattr("catalog.files.atomic.os.replace", replace)
    with atomic_folder(shop) as new:
        (new / "text").write_text("new")
    assert len(ages) == 1
    assert ages[0] < LEASE_S / 2


def test_whoever_writes_a_file_clears_what_was_left_of_it(tmp_path, dead, elsewhere):
    others = [f".names.csv.{dead}.tmp", f".shop.csv.{elsewhere}.tmp"]
    for name in (*others, f".shop.csv.{dead}.tmp"):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "shop.csv", "whole")
    assert names(tmp_path) == sorted([*others, "shop.csv"])
    remove_all_leftovers(tmp_path)
    assert names(tmp_path) == sorted([others[1], "shop.csv"])


def test_two_of_one_process_write_one_file(tmp_path):
    """Threads: neither writes into the other's, and whoever ends last has the last word."""
    with atomic_path(tmp_path / "shop") as first, atomic_path(tmp_path / "shop") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "shop").read_text() == "first"
    assert names(tmp_path) == ["shop"]


def test_a_fork_leaves_its_parents_work_alone(tmp_path):
    with atomic_path(tmp_path / "shop") as half:
        half.write_text("whole")
        if not (fork := os.fork()):
            try:
                with atomic_path(tmp_path / "shop") as other:
                    other.write_text("of the fork")
                    raise KeyError
            except KeyError:
                remove_leftovers(tmp_path / "shop")
                os._exit(0 if half.exists() and not other.exists() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert (tmp_path / "shop").read_text() == "whole"


def test_a_name_may_be_as_long_as_the_disk_takes_it(tmp_path, dead):
    name = "ä" * 125 + ".bson"
    write_text(tmp_path / name, "whole")
    assert names(tmp_path) == [name]


def test_an_error_names_what_was_to_be_written(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "none" / "text"):
        with pytest.raises(OSError) as fault:
            write_text(path, "new")
        assert fault.value.filename == str(path)
    with pytest.raises(FileNotFoundError) as fault, atomic_folder(tmp_path / "none" / "folder"):
        pass
    assert fault.value.filename == str(tmp_path / "none" / "folder")
    with pytest.raises(FileNotFoundError) as fault, atomic_folder(tmp_path / "folder") as new:
        (new / "none" / "text").write_text("new")
    assert fault.value.filename == str(tmp_path / "folder")


def test_what_another_user_left_is_in_nobodys_way(tmp_path, dead, monkeypatch):
    folder_of(tmp_path / f".shop.{dead}.tmp", "theirs")

    def not_permitted(path, **_):
        raise PermissionError(f"{path} is not yours")

    monkeypatch.setattr("catalog.files.atomic.shutil.rmtree", not_permitted)
    write_text(tmp_path / "shop", "ours")
    remove_all_leftovers(tmp_path)
    assert (tmp_path / "shop").read_text() == "ours"
