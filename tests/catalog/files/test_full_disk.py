"""A full disk is named by what could not be written there, whoever was writing."""

from __future__ import annotations

import errno
import json
import os

import pytest
from click.testing import CliRunner

from catalog.cli_options import command_line
from catalog.files import full_disk
from catalog.files.atomic import atomic_path
from catalog.files.full_disk import names_full_disk
from tests.support.small_disk import printed_on_small_disk

WRITERS = """
import errno, json, os, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, torch
from catalog.files.arrays import save_arrays
from catalog.files.atomic import atomic_folder, atomic_path, write_text
from catalog.files.full_disk import names_full_disk

disk = Path(sys.argv[1])
# more than there is room for, and not to be compressed
large = np.random.default_rng(0).integers(0, 255, 2**18, np.uint8)

def into(write):
    with atomic_path(disk / "file") as temporary:
        write(temporary)

def a_folder():
    with atomic_folder(disk / "file") as folder:
        (folder / "1.jpg").write_bytes(large.tobytes())

def rows(path):
    with path.open("wb") as file:
        large.tofile(file)

def other(error):
    with names_full_disk(disk / "file"):
        raise error

writers = {
    "bytes": lambda: into(lambda path: path.write_bytes(large.tobytes())),
    "rows": lambda: into(rows),
    "parquet": lambda: into(lambda path: pq.write_table(pa.table({"a": large}), path)),
    "checkpoint": lambda: into(lambda path: torch.save({"a": torch.from_numpy(large)}, path)),
    "arrays": lambda: save_arrays(disk / "file", {"a": large}),
    "text": lambda: write_text(disk / "file", "x" * len(large)),
    "folder": a_folder,
    "wrong input": lambda: other(ValueError("wrong")),
    "another file": lambda: other(PermissionError(errno.EACCES, "no", "elsewhere")),
    "a pipe": lambda: other(BrokenPipeError(errno.EPIPE, "pipe")),
}
for name, write in writers.items():
    try:
        write()
    except Exception as error:
        number, file = getattr(error, "errno", None), getattr(error, "filename", None)
        print(json.dumps([name, type(error).__name__, number, file, os.listdir(disk)]))
"""


def test_each_writer_s_error_names_the_file_and_leaves_nothing(tmp_path):
    told = {name: rest for name, *rest in map(json.loads, printed_on_small_disk(tmp_path, "64k", WRITERS).splitlines())}
    full = ["OSError", errno.ENOSPC, str(tmp_path / "file"), []]
    for name in ("bytes", "rows", "parquet", "checkpoint", "arrays", "text", "folder"):
        assert told[name] == full, name
    # what is no matter of the disk stays what it was
    assert told["wrong input"][0] == "ValueError"
    assert told["another file"] == ["PermissionError", errno.EACCES, "elsewhere", []]
    assert told["a pipe"] == ["BrokenPipeError", errno.EPIPE, None, []]


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
