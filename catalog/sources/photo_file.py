"""What a photo file is: told by its ending without opening it, else by its first bytes."""

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from catalog.files.file_kinds import PARQUET_ENDINGS
from catalog.photos.formats import ENDINGS, FIRST_BYTES, NOTHING_KNOWN, format_of, what_else
from catalog.sources.address import Address, shown
from catalog.sources.table.rows import CSV_ENDINGS

PHOTO_ENDINGS = tuple(os.fsencode(ending) for ending in chain.from_iterable(ENDINGS.values()))
MAX_BYTES = 64 * 2**20


def is_named_as_photo(name: bytes) -> bool:
    """Whether a file's ending alone says that it is a photo; no file is opened."""
    return name.lower().endswith(PHOTO_ENDINGS)


def without_photo_ending(name: bytes) -> bytes:
    """`12` of `12.jpg` and `12.jpg!d`; any other ending may be a part of the name, as in `bottle 1.5 l`."""
    root, ending = os.path.splitext(name)
    return root if ending.lower().startswith(PHOTO_ENDINGS) else name


def first_bytes(path: bytes | Path) -> bytes:
    """As many bytes as tell what a file is; raises OSError when it cannot be read."""
    # a pipe that has taken the file's place since it was listed would be waited for without end
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(file, FIRST_BYTES)
    finally:
        os.close(file)


def is_photo(path: Path) -> bool:
    """Whether a path given on a command line is a photo: its ending says so, or else its first bytes.

    The endings of catalogues say that it is none: of a BSON file's first bytes, its length, some are those of a TIFF.
    """
    if is_named_as_photo(os.fsencode(path.name)):
        return not path.is_dir()
    if path.suffix.lower() in (".bson", *CSV_ENDINGS, *PARQUET_ENDINGS) or not path.is_file():
        return False
    return format_of(first_bytes(path)) is not None


def photo_files(given: Sequence[Address]) -> list[Path] | None:
    """The paths where all of them are photos; None where none is, so that they are perhaps catalogues.

    Raises:
        ValueError: photos, and something else among them; the message says what.
    """
    photos = [path for path in given if isinstance(path, Path) and is_photo(path)]
    if photos and len(photos) < len(given):
        other = next(address for address in given if address not in photos)
        raise ValueError(f"{no_photo(other)}: give photos alone, or one catalogue")
    return photos or None


def no_photo(address: Address) -> str:
    """That something is no photo, and what it is where that is known: `a.pdf is no photo, but a PDF document`."""
    what = what_else(first_bytes(address)) if isinstance(address, Path) and os.path.isfile(address) else NOTHING_KNOWN
    return f"{shown(address)} is no photo" + ("" if what == NOTHING_KNOWN else f", but {what}")


def formats_text() -> str:
    """The formats that are decoded, for messages."""
    return ", ".join(ENDINGS)


def read_photo(path: Path) -> bytes:
    """Encoded photo; raises ValueError over 64 MiB, FileNotFoundError when it does not exist."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a photo")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give a photo")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has more than {MAX_BYTES} bytes: give a photo")
    return path.read_bytes()
