"""Files and folders that are either whole or absent: written beside their place, then renamed."""

import fcntl
import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.files.full_disk import names_full_disk

TEMPORARY, ASIDE = ".tmp", ".replaced.tmp"
"""Endings of what is being written, and of a folder that makes room for it."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes `path`'s place, on error it vanishes.

    Raises:
        PermissionError: the folder cannot be written.
        OSError: no room is left; it names `path`.
    """
    temporary = _beside(path)
    try:
        with names_full_disk(path):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            # some writers make files that only their owner can read: a run folder is there to be shared
            temporary.chmod(0o644)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`; on success it takes `path`'s place, on error it vanishes.

    A folder that lies there is removed, but not before the new one is whole; of a link to a folder the link alone.
    """
    temporary = _beside(path)
    temporary.mkdir()
    try:
        with names_full_disk(path):
            yield temporary
        replaced = temporary.with_suffix(ASIDE)
        if path.exists():
            os.replace(path, replaced)
        os.replace(temporary, path)
        _remove(replaced)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files and folders of `path` that processes left when they were killed.

    Where one was killed between moving the old folder aside and putting the new one in its place, the old one is back.
    """
    # `.NAME.PID.tmp` and `.NAME.PID.replaced.tmp`, but not those of NAME.csv
    leftover = re.compile(
        re.escape(f".{path.name}.") + r"([0-9]{1,9})" + f"(?:{re.escape(ASIDE)}|{re.escape(TEMPORARY)})"
    )
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{TEMPORARY}"):
        parts = leftover.fullmatch(left.name)
        if parts is None or _is_running(int(parts[1])):
            continue
        if left.name.endswith(ASIDE) and not path.exists():
            os.replace(left, path)
        else:
            _remove(left)


def _remove(path: Path) -> None:
    """Remove what lies there, if anything; of a link to a folder the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        # the signal 0 only asks
        os.kill(pid, 0)
    except OSError as error:
        # one of somebody else's runs, but may not be asked
        return not isinstance(error, ProcessLookupError)
    return True


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`: other processes that want it wait. A kill releases it; the empty file stays."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
