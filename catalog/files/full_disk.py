"""Which place is full: the system's own error, and those of the libraries that write for us, do not say it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_ROOM = 2**20
"""Bytes. With less room left, what a library could not write is taken for a full disk."""
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def names_full_disk(path: Path) -> Iterator[None]:
    """What cannot be written in here because there is no room left is an error that names `path`.

    Raises:
        OSError: no room, on the disk or under a quota; `filename` is the path.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError):
        # wrong input is no matter of disks
        raise
    except Exception as error:
        if not _may_be_full(error) or not _has_no_room(path.parent, error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error


def _may_be_full(error: Exception) -> bool:
    """Whether it is a fault of writing that names no place: numpy's has no number, torch's is no OSError at all."""
    if not isinstance(error, OSError):
        return True
    return error.filename is None and (error.errno in FULL or (error.errno is None and type(error) is OSError))


def _has_no_room(folder: Path, error: Exception) -> bool:
    """Asked while what was half written lies there."""
    if isinstance(error, OSError) and error.errno == errno.EDQUOT:
        return True
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize < NO_ROOM
