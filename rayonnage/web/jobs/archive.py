"""A zip that a stranger has sent is unpacked: bounded in number, size and depth, and nowhere but into its folder."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from catalog.files.atomic import atomic_folder
from catalog.files.progress import Progress, counted
from catalog.files.terminal import on_one_line
from catalog.sources.folder.passed_over import is_systems
from rayonnage.web.jobs.limits import JobLimits, size_text

PIECE = 2**20
DIRECTORY_BYTES = 2**30
"""Memory that the list of a zip's files may take: a list can be made to name hundreds of millions."""
SLACK = 64 * 2**20
"""Bytes that any zip may unpack to: a table of numbers shrinks well."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others can be told to take gigabytes of memory for a few bytes."""
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, UnicodeError)
MAX_PART = 255
ENCRYPTED = 0x1


class ArchiveRefused(ValueError):
    """A zip that is not unpacked; the message says which entry, and why."""


def unpack(archive: Path, target: Path, limits: JobLimits, progress: Progress | None = None) -> int:
    """Unpack a zip into a new folder, whole or not at all; returns the bytes.

    Hidden and systems' own files are left out; a zip within it stays packed.

    Raises:
        ArchiveRefused: it is damaged, encrypted, too large in any way, or has entries that lead elsewhere.
    """
    try:
        with _bounded_memory(), zipfile.ZipFile(archive) as packed:
            files = _files_of(packed, archive, limits)
            with atomic_folder(target) as folder:
                n_bytes = 0
                for path, entry in counted(files.items(), len(files), progress, every=200):
                    n_bytes += _extract(packed, entry, folder / path)
            return n_bytes
    except DAMAGED as error:
        raise ArchiveRefused(f"the zip is damaged: {on_one_line(str(error))[:200]}") from error
    except MemoryError:
        raise ArchiveRefused(f"the zip lists more than {limits.files:,} files") from None


@contextmanager
def _bounded_memory() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    here = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    most = here + DIRECTORY_BYTES
    if soft == resource.RLIM_INFINITY or soft > most:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _files_of(packed: zipfile.ZipFile, archive: Path, limits: JobLimits) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The entries to unpack, by their paths; everything that can be told without unpacking is looked at."""
    entries = packed.infolist()
    if len(entries) > limits.files:
        raise ArchiveRefused(
            f"the zip has {len(entries):,} entries, at most {limits.files:,} are taken: send it in parts"
        )
    files, folders = dict[PurePosixPath, zipfile.ZipInfo](), set[PurePosixPath]()
    for entry in entries:
        path = _path_of(entry, limits)
        names = [*((part, True) for part in path.parts[:-1]), (path.name, entry.is_dir())]
        if not path.name or any(is_systems(os.fsencode(name), is_folder=is_folder) for name, is_folder in names):
            continue
        if path in files:
            raise ArchiveRefused(f"{_named(entry)} is in the zip twice")
        folders.update(path.parents)
        if entry.is_dir():
            folders.add(path)
        else:
            files[path] = entry
    if both := files.keys() & folders:
        raise ArchiveRefused(f"{on_one_line(str(min(both)))[:200]} is a file and a folder in the zip")
    _check_sizes(sum(entry.file_size for entry in files.values()), archive.stat().st_size, archive.parent, limits)
    return files


def _check_sizes(total: int, size: int, folder: Path, limits: JobLimits) -> None:
    """What the entries of a zip of `size` bytes in a folder say that they unpack to."""
    most = 2 * limits.job_bytes
    if not total:
        raise ArchiveRefused("the zip holds nothing")
    if total > most:
        raise ArchiveRefused(
            f"the zip unpacks to {size_text(total)}, at most {size_text(most)} are taken: send it in parts"
        )
    if total > shutil.disk_usage(folder).free - limits.free_bytes:
        raise ArchiveRefused(f"the zip unpacks to {size_text(total)}, for which the server's disk has no room now")
    if total > limits.ratio * size + SLACK:
        raise ArchiveRefused(f"the zip of {size_text(size)} unpacks to {size_text(total)}: photos do not shrink so")


def _path_of(entry: zipfile.ZipInfo, limits: JobLimits) -> PurePosixPath:
    """Where an entry goes, relative to the folder.

    Raises:
        ArchiveRefused: elsewhere, or it is no plain file or folder.
    """
    _require_plain(entry)
    # some Windows programs write the other slash, against the zip's own standard
    name = entry.filename.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or name[1:2] == ":" or os.pardir in parts:
        raise ArchiveRefused(f"{_named(entry)} leads out of the zip's own folder")
    if len(parts) > limits.depth + 1:
        raise ArchiveRefused(f"{_named(entry)} lies {len(parts) - 1} folders deep, at most {limits.depth} are taken")
    try:
        lengths = [len(os.fsencode(part)) for part in parts]
    except UnicodeEncodeError:
        raise ArchiveRefused(f"{_named(entry)} has a name that is no text") from None
    if any(length > MAX_PART for length in lengths):
        raise ArchiveRefused(f"{_named(entry)} has a name of more than {MAX_PART} bytes")
    return PurePosixPath(*parts)


def _require_plain(entry: zipfile.ZipInfo) -> None:
    """Raise ArchiveRefused where an entry is no file or folder that can be read."""
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if not entry.filename:
        # zipfile itself fails on it
        raise ArchiveRefused("the zip is damaged: a file in it has no name")
    if entry.header_offset < 0:
        # a directory that lies about where it begins
        raise ArchiveRefused(f"the zip is damaged: {_named(entry)} begins before it does")
    if stat.S_ISLNK(mode):
        raise ArchiveRefused(f"{_named(entry)} is a symbolic link: send the files themselves")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ArchiveRefused(f"{_named(entry)} is neither a file nor a folder")
    if entry.flag_bits & ENCRYPTED:
        raise ArchiveRefused(f"{_named(entry)} is encrypted: send a zip without a password")
    if entry.compress_type not in METHODS:
        raise ArchiveRefused(f"{_named(entry)} is packed in a way that is not read: use the method 'deflate'")


def _extract(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> int:
    """Write one file; returns its bytes, never more than its entry says."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # a link that lay there would be followed; in a new folder there is none
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "wb") as unpacked, packed.open(entry) as source:
        shutil.copyfileobj(source, unpacked, PIECE)
        n_bytes = unpacked.tell()
    if n_bytes != entry.file_size:
        raise ArchiveRefused(f"{_named(entry)} has {n_bytes:,} bytes, not {entry.file_size:,} as the zip says")
    return n_bytes


def _named(entry: zipfile.ZipInfo) -> str:
    return on_one_line(entry.filename)[:200]
