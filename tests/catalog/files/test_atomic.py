"""Whole or absent, also after a kill: what lay there before is never lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.files.atomic import atomic_folder, remove_leftovers


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


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
    (tmp_path / left).rename(tmp_path / left.replace(str(os.getpid()), str(dead)))
    remove_leftovers(shop)
    assert names(tmp_path) == ["shop"]
    assert (shop / "text").read_text() == "new"


def test_what_others_write_stays(tmp_path, dead):
    own = [
        f".shop.{os.getpid()}.tmp",
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
