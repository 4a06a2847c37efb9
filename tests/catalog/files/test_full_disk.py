"""A full disk is named by what could not be written there, whoever was writing."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

from catalog.cli_options import command_line
from catalog.files import full_disk
from catalog.files.arrays import save_arrays
from catalog.files.atomic import atomic_folder, atomic_path, write_text
from catalog.files.full_disk import names_full_disk

LARGE = np.random.default_rng(0).integers(0, 255, 2**18, np.uint8)
"""More bytes than there is room for, and not to be compressed."""


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")
    yield disk
    # a library may keep its file open for as long as its error is kept
    subprocess.run(["umount", "--lazy", disk], check=True)


def write_bytes(path: Path) -> None:
    path.write_bytes(LARGE.tobytes())


def write_rows(path: Path) -> None:
    with path.open("wb") as file:
        LARGE.tofile(file)


def write_parquet(path: Path) -> None:
    pq.write_table(pa.table({"a": LARGE}), path)


def write_checkpoint(path: Path) -> None:
    torch.save({"a": torch.from_numpy(LARGE)}, path)


@pytest.mark.parametrize("write", [write_bytes, write_rows, write_parquet, write_checkpoint])
def test_each_writer_s_error_names_the_file_and_leaves_nothing(small_disk, write):
    with pytest.raises(OSError) as refused, atomic_path(small_disk / "file") as temporary:
        write(temporary)
    assert (refused.value.errno, refused.value.filename) == (errno.ENOSPC, str(small_disk / "file"))
    assert os.listdir(small_disk) == []


@pytest.mark.parametrize(
    "save", [lambda path: save_arrays(path, {"a": LARGE}), lambda path: write_text(path, "x" * len(LARGE))]
)
def test_our_own_files_too(small_disk, save):
    with pytest.raises(OSError) as refused:
        save(small_disk / "file")
    assert refused.value.filename == str(small_disk / "file")


def test_a_folder_is_named(small_disk):
    with pytest.raises(OSError) as refused, atomic_folder(small_disk / "photos") as folder:
        (folder / "1.jpg").write_bytes(LARGE.tobytes())
    assert refused.value.filename == str(small_disk / "photos")


def test_what_is_no_matter_of_the_disk_stays_what_it_was(small_disk):
    (small_disk / "fill").write_bytes(bytes(2**15))
    for error in (ValueError("wrong"), PermissionError(errno.EACCES, "no", "elsewhere"), OSError(errno.EPIPE, "pipe")):
        with pytest.raises(type(error)) as raised, names_full_disk(small_disk / "file"):
            raise error
        assert raised.value is error


def test_a_disk_with_room_is_not_blamed(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="bug"), names_full_disk(tmp_path / "file"):
        raise RuntimeError("bug")
    # the same where no disk can be mounted
    monkeypatch.setattr(full_disk, "NO_ROOM", float("inf"))
    with pytest.raises(OSError) as refused, names_full_disk(tmp_path / "file"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert refused.value.filename == str(tmp_path / "file")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_command_says_where_to_make_room(tmp_path, monkeypatch, number):
    monkeypatch.setattr(full_disk, "NO_ROOM", float("inf"))

    @command_line()
    def main(verbose: bool) -> None:
        """Nothing."""

    @main.command()
    def write() -> None:
        with atomic_path(tmp_path / "rows.csv"):
            raise OSError(number, os.strerror(number))

    said = CliRunner().invoke(main, ["write"]).output
    assert said.startswith(f"Error: {tmp_path / 'rows.csv'}: No space left on device: make room there, or choose")
