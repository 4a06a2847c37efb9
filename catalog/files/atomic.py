"""Files and folders that are either whole or absent: written beside their place, then renamed.

What is being written carries its `Owner` in its name, and its lease is renewed: nobody removes it but its own process,
and those who find it abandoned.
"""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.files.full_disk import names_full_disk
from catalog.files.lease import OWNER, PROBE, TEMPORARY, Owner, is_abandoned, is_running, renewed

ASIDE = ".replaced.tmp"
"""Ending of a folder that makes room for the one that is being written, which ends in `TEMPORARY`."""
MAX_NAME = 150
"""Bytes of a name that fit into 255 beside the owner and an ending."""
# earlier versions named the process's number alone
_LEFTOVER = re.compile(
    rf"\.(?P<name>.+)\.((?P<owner>{OWNER.pattern})|(?P<pid>[0-9]{{1,9}}))({re.escape(ASIDE)}|{re.escape(TEMPORARY)})",
    re.DOTALL,
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes `path`'s place, on error it vanishes.

    What killed processes left of the same file goes.

    Raises:
        PermissionError: the folder cannot be written.
        OSError: no room is left; it names `path`.
    """
    remove_leftovers(path)
    owner = Owner.of_this_process()
    temporary = _beside(path, owner)
    try:
        with _naming(path, temporary), renewed(temporary), names_full_disk(path):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            # some writers make files that only their owner can read: a run folder is there to be shared
            temporary.chmod(0o644)
            os.replace(temporary, path)
    finally:
        if owner.is_this_process:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`; on success it takes `path`'s place, on error it vanishes.

    A folder that lies there is removed, but not before the new one is whole; of a link to a folder the link alone.
    What killed processes left goes, see `remove_leftovers`.
    """
    with scratch_folder(path) as temporary:
        with _naming(path, temporary), names_full_disk(path):
            yield temporary
        replaced = temporary.with_suffix(ASIDE)
        with renewed(replaced):
            if path.exists():
                # of an old folder the time is old: others would take it for abandoned in the moment of the two renames
                with contextlib.suppress(OSError):
                    os.utime(path, follow_symlinks=False)
                os.replace(path, replaced)
            os.replace(temporary, path)
            _remove(replaced)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, for what is needed to write it, and remove it.

    What killed processes left goes, see `remove_leftovers`.
    """
    remove_leftovers(path)
    owner = Owner.of_this_process()
    folder = _beside(path, owner)
    with _naming(path, folder):
        folder.mkdir()
    try:
        with renewed(folder):
            yield folder
    finally:
        if owner.is_this_process:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _naming(path: Path, temporary: Path) -> Iterator[None]:
    """An error of the system names what was to be written: nobody has heard of the temporary file."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str | os.PathLike) and Path(error.filename).is_relative_to(temporary):
            error.filename = os.fspath(path)
        raise


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files and folders of `path` that processes left when they were killed.

    Where one was killed between moving the old folder aside and putting the new one in its place, the old one is back.
    """
    for left, name in _abandoned_in(path.parent):
        if name not in (_fitting(path.name), PROBE):
            continue
        if left.name.endswith(ASIDE) and not path.exists():
            # another process may be at it
            with contextlib.suppress(FileNotFoundError):
                os.replace(left, path)
        else:
            _clear_away(left)


def remove_all_leftovers(folder: Path) -> None:
    """Remove what killed processes left of any file in a folder; of folders that were moved aside, nothing."""
    for left, _ in _abandoned_in(folder):
        if not left.name.endswith(ASIDE):
            _clear_away(left)


def _abandoned_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """What processes that work on it no more have left in a folder, and what it was to become, see `_fitting`."""
    try:
        names = os.listdir(folder)
    except OSError:
        # not there, or not to be listed: there is nothing to find
        return
    for name in names:
        if not name.endswith(TEMPORARY) or not (parts := _LEFTOVER.fullmatch(name)):
            continue
        left, owner = folder / name, Owner.parse(parts["owner"] or "")
        if is_abandoned(left, owner) if owner else not is_running(int(parts["pid"])):
            yield left, parts["name"]


def _clear_away(left: Path) -> None:
    # another user's may be for that user to remove, and is in nobody's way
    with contextlib.suppress(PermissionError):
        _remove(left)


def _remove(path: Path) -> None:
    """Remove what lies there, if anything; of a link to a folder the link alone."""
    while path.is_dir() and not path.is_symlink():
        try:
            shutil.rmtree(path)
            return
        except FileNotFoundError:
            # another process is at it, too
            continue
    path.unlink(missing_ok=True)


def _beside(path: Path, owner: Owner) -> Path:
    return path.with_name(f".{_fitting(path.name)}.{owner}{TEMPORARY}")


def _fitting(name: str) -> str:
    """The name, as long as there is room for the owner beside it; else a digest of it."""
    whole = os.fsencode(name)
    return name if len(whole) <= MAX_NAME else hashlib.blake2b(whole, digest_size=16).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
