"""Locks on files: one process at a time, and the others wait."""

import contextlib
import errno
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.files.lease import Owner
from catalog.files.terminal import on_one_line

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""A process that waits longer says for whom."""
MAX_TITLE = 100
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`: other processes that want it wait, and say for whom. A kill releases it.

    The file stays. It names who holds it, for people alone: the kernel's lock counts. On NFS (since Linux 2.6.12),
    CephFS and the like it holds across hosts.

    Raises:
        OSError: the disk knows no locks.
    """
    # NFS gives such a lock on a file that is open for writing alone
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _lock(file, path)
        _tell(file, Owner.of_this_process().title)
        yield
        _tell(file, "")
    finally:
        os.close(file)


def take(path: Path) -> int | None:
    """Take the lock file at `path` without waiting for it: what holds it until it is closed; None: another has it.

    Raises:
        OSError: the disk knows no locks.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except OSError as error:
        os.close(file)
        raise _told(error, path) from error
    return file


def _lock(file: int, path: Path) -> None:
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = threading.Timer(PATIENCE_S, _say_for_whom, (file, path))
            said.daemon = True
            said.start()
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            finally:
                said.cancel()
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, path: Path) -> OSError:
    if error.errno not in NO_LOCKS:
        return error
    return OSError(
        f"{path.parent} lies on a disk that knows no file locks ({error.strerror}), which keep processes from "
        "writing over each other: mount it with locks (NFS 4; Lustre with -o flock), or choose a folder on another "
        "disk (--workspace, --output)"
    )


def _say_for_whom(file: int, path: Path) -> None:
    try:
        title = os.pread(file, MAX_TITLE, 0).decode("utf-8", "replace").strip()
    except OSError:
        # the lock is there already, or the disk is gone
        title = ""
    log.warning("%s: waiting for %s, which is at work there", path.parent, on_one_line(title) or "another process")


def _tell(file: int, title: str) -> None:
    # a full disk is no reason not to work
    with contextlib.suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, f"{title}\n".encode() if title else b"", 0)
