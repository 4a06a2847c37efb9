"""Small pictures of large photos, kept in the workspace: from its second epoch on, training decodes none of them again.

Kept are photos whose longer side is at least `PAYS_FROM` times the size that training asks for. Measured at 180 px
(bench/large_photos.py, medians): decoding takes 0.10 ms for a photo of 180 px, 0.24 at 360 (a half of libjpeg, nothing
to average), 0.85 at 540, 1.3 at 800, 6.6 at 2000, 34 at 4000; reading an entry, its checksum included, takes 0.03 ms,
or 0.2 where the file must come from the disk. An entry is as large as the pixels, 97 kB at 180 px, four times a
photo of 360 px: from three times the size on it pays even from a cold disk. Cdiscount's photos (180 px) are never kept.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.chunk import Picture
from catalog.files.lease import TEMPORARY, Owner
from catalog.files.wording import plural
from catalog.product import MAX_IMAGES

log = logging.getLogger(__name__)
DECODER = 1
"""Goes up with every change of the decoder that changes pixels: entries of another one are never read."""
PAYS_FROM = 3
CHECKSUM_BYTES = 4
BLOCK_BYTES = 4096


class PhotoUse(NamedTuple):
    """Where the photos of some batches came from.

    Attributes:
        n_shown: all of them; n_read: from the cache; n_kept: decoded, and put there.
        refusal: why no more can be put there, empty as long as they can.
    """

    n_shown: int = 0
    n_read: int = 0
    n_kept: int = 0
    refusal: str = ""

    def plus(self, other: PhotoUse) -> PhotoUse:
        """Both together; a refusal is logged when it is the first."""
        if other.refusal and not self.refusal:
            log.warning("no more shrunken photos can be kept, training goes on without: %s", other.refusal)
        n_shown, n_read, n_kept = (mine + theirs for mine, theirs in zip(self[:3], other[:3], strict=True))
        return PhotoUse(n_shown, n_read, n_kept, self.refusal or other.refusal)

    def __str__(self) -> str:
        return (
            f"{plural(self.n_shown, 'photo')} shown: {self.n_read:,} came from the cache of shrunken photos, "
            f"{self.n_kept:,} were put there"
        )


@dataclass(frozen=True)
class ShrunkenPhotos:
    """The entries that one fit may read and write: a file for each photo and size, which verifies itself.

    Needs no locks: an entry is written beside its place and renamed, and whoever writes the same one writes the same
    bytes. It is not waited for until the disk has it: one that a power cut or a full disk left half is taken for none,
    and written again.

    Attributes:
        folder: of the entries.
        photos: `(A,)` int64 rising, the photos that may be kept, as `photo_numbers` numbers them.
        md5s: `(A, 16)` uint8 of the encoded photos.
    """

    folder: Path
    photos: NDArray[np.int64]
    md5s: NDArray[np.uint8]

    def md5s_of(self, positions: NDArray[np.int64], photos: NDArray[np.int64]) -> list[bytes | None]:
        """The MD5 of each photo, `(n,)` product in the catalogue and place there from 0; None of those never kept."""
        if not len(self.photos):
            return [None] * len(positions)
        wanted = photo_numbers(positions, photos)
        place = np.minimum(np.searchsorted(self.photos, wanted), len(self.photos) - 1)
        return [
            bytes(self.md5s[i]) if may_be_kept else None
            for i, may_be_kept in zip(place.tolist(), (self.photos[place] == wanted).tolist(), strict=True)
        ]


NONE_KEPT = ShrunkenPhotos(Path(), np.zeros(0, np.int64), np.zeros((0, 16), np.uint8))
"""Where there is no cache."""


def photo_numbers(positions: NDArray[np.int64], photos: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(n,)` a number for each photo, by its product's `(n,)` position in the catalogue and `(n,)` place there."""
    return positions * MAX_IMAGES + photos


def entry_path(folder: Path, md5: bytes, size: int) -> str:
    """The file of a photo's picture of `size` x `size` pixels."""
    name = md5.hex()
    # text, not Path: asked for every photo that is shown
    return f"{folder}/{size_folder(size)}/{name[:2]}/{name}"


def read_entry(folder: Path, md5: bytes, picture: Picture) -> bool:
    """Fill `(S, S, 3)` uint8, contiguous; False, and anything in it, where there is no whole entry."""
    # one byte more than there should be tells a file that is too long
    checksum = bytearray(CHECKSUM_BYTES + 1)
    try:
        file = os.open(entry_path(folder, md5, len(picture)), os.O_RDONLY)
    except OSError:
        return False
    try:
        n_bytes = os.readv(file, [picture.reshape(-1).data, checksum])
    except OSError:
        return False
    finally:
        os.close(file)
    return n_bytes == picture.nbytes + CHECKSUM_BYTES and checksum[:CHECKSUM_BYTES] == _checksum(md5, picture)


def keep_entry(folder: Path, md5: bytes, picture: Picture) -> None:
    """Write the entry of `(S, S, 3)` uint8; raises OSError where that cannot be done, and leaves nothing behind."""
    path = entry_path(folder, md5, len(picture))
    temporary = f"{path}.{Owner.of_this_process()}{TEMPORARY}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(temporary, "xb", buffering=0) as file:
            n_bytes = os.writev(file.fileno(), [picture.reshape(-1).data, _checksum(md5, picture)])
        if n_bytes < picture.nbytes + CHECKSUM_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), temporary)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def half_written_by(name: str) -> Owner | None:
    """Who writes the entry that this file is to become; None: it is no such file."""
    return Owner.parse(name.removesuffix(TEMPORARY).partition(".")[2]) if name.endswith(TEMPORARY) else None


def size_folder(size: int) -> str:
    """Name of the folder of one size's entries, in 256 folders by the first digits of their names."""
    return f"v{DECODER}-{size}"


def entry_bytes(size: int) -> int:
    """What an entry takes on the disk."""
    return whole_blocks(size * size * 3 + CHECKSUM_BYTES)


def whole_blocks(n_bytes: int) -> int:
    """What a file of so many bytes takes on the disk."""
    return -(-n_bytes // BLOCK_BYTES) * BLOCK_BYTES


def _checksum(md5: bytes, picture: Picture) -> bytes:
    """Begun with the name, so that neither another photo's file nor one of zeros (after a power cut) passes."""
    return zlib.crc32(picture.reshape(-1).data, zlib.crc32(md5)).to_bytes(CHECKSUM_BYTES, "little")
