"""Small files kept beside a big one (offset index, photo MD5s), rebuilt when the big one changes."""

import hashlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.atomic import atomic_path
from catalog.files.unwritable_home import tell_once
from catalog.files.user_cache import cache_folder

log = logging.getLogger(__name__)
MAGIC = b"RAYONNAGE-SIDECAR-2\n"
MAX_HEADER = 64 * 2**20
MAX_NAME = 200
"""Bytes of a name in the cache folder; file systems take 255, ending and temporary ending included."""
ALIGNED = 8
"""Bytes that memory-mapped numbers of 64 bits are aligned to."""
ASIDE = "RAYONNAGE_SIDECARS_ASIDE"
"""A variable of the environment: the folder that sidecars are written to, see `sidecars_aside`."""
CLOCK_TICK_S = 0.02
"""File systems take a file's time from a clock that stands still for up to 10 ms."""


def sidecar_path(path: Path, suffix: str) -> Path:
    """Beside `path`, or in the user's cache folder where its folder is marked read-only.

    There a sidecar that lies beside it is used until one in the cache folder has taken its place.
    """
    beside = path.with_name(path.name + suffix)
    place = place_to_write(beside)
    return beside if beside.exists() and not place.exists() else place


def place_to_write(beside: Path) -> Path:
    """The same file, or the one in the user's cache folder that stands in for it where its folder is read-only."""
    folder = beside.parent.resolve()
    aside = os.environ.get(ASIDE)
    if aside is not None:
        return beside if beside.parent == Path(aside) else Path(aside) / _flat_name(folder, beside.name)
    if beside.parent == cache_folder() or not folder.exists():
        return beside
    # the mode is asked as well as the kernel: root may write anywhere, but a folder marked read-only stays so
    if os.access(folder, os.W_OK) and folder.stat().st_mode & stat.S_IWUSR:
        return beside
    return cache_folder() / _flat_name(folder, beside.name)


def _flat_name(folder: Path, name: str) -> str:
    """What a file of a folder is called where the files of all folders lie together."""
    flat = (folder / name).as_posix().strip("/").replace("/", "%")
    if len(os.fsencode(flat)) <= MAX_NAME:
        return flat
    digest = hashlib.blake2b(os.fsencode(flat), digest_size=8).hexdigest()
    return f"{digest}%{os.fsencode(flat)[-MAX_NAME // 2 :].decode('utf-8', 'ignore')}"


@contextmanager
def sidecars_aside() -> Iterator[None]:
    """While it is entered, sidecars that lie there are used, and what is made is written to a folder that goes then.

    Here and in processes that are started meanwhile: for whoever says that nothing is changed.
    """
    before = os.environ.get(ASIDE)
    with tempfile.TemporaryDirectory(prefix="rayonnage-") as folder:
        os.environ[ASIDE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[ASIDE]
            else:
                os.environ[ASIDE] = before


def source_stamp(path: Path) -> dict[str, int]:
    """What tells that the source has changed: size in bytes and modification time in nanoseconds."""
    status = path.stat()
    # a file that was written this very moment may be written again within the same tick, and would show the same time
    if 0 <= time.time_ns() - status.st_mtime_ns < CLOCK_TICK_S * 1e9:
        time.sleep(CLOCK_TICK_S)
        status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def write_sidecar(path: Path, header: dict[str, Any], rows: NDArray[Any]) -> None:
    """Write header (JSON) and `(N, ...)` rows (raw little-endian) in one atomic step, see `place_to_write`."""
    head, path = json.dumps(header).encode(), place_to_write(path)
    # blanks after JSON are none of it
    head += b" " * (-(len(MAGIC) + 8 + len(head)) % ALIGNED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(MAGIC + len(head).to_bytes(8, "little") + head)
        np.ascontiguousarray(rows).tofile(file)


def keep_sidecar(path: Path, header: dict[str, Any], rows: NDArray[Any]) -> None:
    """`write_sidecar` of `(N, ...)` rows where that is possible: without it, the next opening reads it again."""
    try:
        write_sidecar(path, header, rows)
    except OSError as error:
        if place_to_write(path).parent == cache_folder():
            tell_once()
        else:
            log.warning("%s cannot be kept, the next opening will read the source again (%s)", path, error)


def read_sidecar(path: Path, stamp: dict[str, int], dtype: np.dtype[Any]) -> tuple[dict[str, Any], NDArray[Any]] | None:
    """Header and memory-mapped `(N,)` rows of `dtype`; None when absent, damaged or of another state of the source."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER:
                return None
            header: dict[str, Any] = json.loads(file.read(length))
            start = file.tell()
        n_rows = int(header["n_rows"])
        if header["stamp"] != stamp or path.stat().st_size != start + n_rows * dtype.itemsize:
            return None
        if n_rows == 0:
            return header, np.zeros((0, *dtype.shape), dtype.base)
        return header, np.memmap(path, dtype=dtype, mode="r", offset=start, shape=(n_rows,))
    except (OSError, ValueError, KeyError, TypeError):
        return None
