"""Photos given as files on the command line."""

from collections.abc import Sequence
from pathlib import Path

from catalog.sources.address import Address

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
ENDINGS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)
"""First bytes of a format, and the ending of its files."""
MAX_BYTES = 64 * 2**20


def is_photo(path: Path) -> bool:
    """Whether a file's name says that it is a photo."""
    return path.suffix.lower() in SUFFIXES


def ending_of(photo: bytes) -> str:
    """The ending that fits an encoded photo; `.jpg` where nothing tells, so that it is still taken for a photo."""
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return ".webp"
    return next((ending for start, ending in ENDINGS if photo.startswith(start)), ".jpg")


def photo_files(given: Sequence[Address]) -> list[Path] | None:
    """The paths, where all of them are photos and none is a catalogue."""
    photos = [path for path in given if isinstance(path, Path) and is_photo(path) and not path.is_dir()]
    return photos if len(photos) == len(given) else None


def read_photo(path: Path) -> bytes:
    """Encoded photo; raises ValueError over 64 MiB, FileNotFoundError when it does not exist."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a photo")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give a photo")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has more than {MAX_BYTES} bytes: give a photo")
    return path.read_bytes()
