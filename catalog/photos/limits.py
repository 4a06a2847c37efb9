"""What decoding a photo may cost: photos come from sellers, so their size is bounded before it is believed."""

import os
import threading
from functools import cache
from types import TracebackType
from typing import NamedTuple

from catalog.photos.confined_job import FINER as FINER_IN_CHILD
from catalog.photos.confined_job import divisor
from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.header import Header

SETTING = "RAYONNAGE_MAX_PHOTO_MIB"
"""Environment variable: the one setting, which commands, their workers and decoding children share."""
DEFAULT_MIB = 256
"""An RGBA picture of 7000 x 7000 pixels takes 187 MiB, a phone's largest photo (8064 x 6048) at half its size 70."""
CONFINED_BYTES = 48 * 2**20
"""Memory that a decoding child may take for its libraries, whatever the size of the photo."""
UNCOUNTED_BYTES = 2**20
"""A photo that takes less is decoded beside any others: counting it would take longer than it is worth."""
FINER = 2
"""Times the pixels that are wanted on the longer side, which libjpeg leaves. It halves more sharply than areas are
averaged: of exactly as many as are wanted, 89 % of 2000 photos kept their leaf, of twice as many 97 %, at 1 / 8 of a
12-megapixel photo either way (bench/scaled_decoding.py)."""
_PILLOW_BYTES = {PhotoFormat.JPEG: 4, PhotoFormat.PNG: 4, PhotoFormat.WEBP: 16}
"""That Pillow takes for a pixel of the formats that OpenCV decodes where they are plain."""
MAX_PIXEL_PASSES = 500_000_000
"""Pixels times scans, or what takes as long: some 2 ns a pixel, also where the file holds next to nothing."""


@cache
def max_decoded_bytes() -> int:
    """Memory that the decoding of one photo may take, and of all photos that are being decoded at a time.

    The environment is asked once: asking takes a tenth of the time of decoding a small photo.

    Raises:
        ValueError: the environment variable is no positive number.
    """
    given = os.environ.get(SETTING, "").strip()
    if given and not (given.isascii() and given.isdigit() and int(given) > 0):
        raise ValueError(f"{SETTING} is {given[:40]!r}: give a whole number of MiB, such as {DEFAULT_MIB}")
    return int(given or DEFAULT_MIB) * 2**20


def scale_for(header: Header, at_most: int | None, finer: int = FINER) -> int:
    """1, 2, 4 or 8: the part of its size to which a JPEG is decoded, so that averaging areas does the rest.

    Args:
        at_most: pixels that are wanted on the longer side, None for all. finer: how many times as many are left.
    """
    longer = max(header.width, header.height)
    if at_most is None or longer <= at_most or header.format != PhotoFormat.JPEG:
        return 1
    return next((scale for scale in (8, 4, 2) if -(-longer // scale) >= finer * at_most), 1)


class DecodingPlan(NamedTuple):
    """How a photo is decoded.

    Attributes:
        scale: 1, 2, 4 or 8, to which a JPEG is decoded.
        finer: times the pixels that are wanted, which a child leaves.
        n_bytes: memory that it takes.
    """

    scale: int
    finer: int
    n_bytes: int


def plan_for(header: Header, at_most: int | None, is_confined: bool, allowed: int) -> DecodingPlan:
    """As fine as the `allowed` bytes let it be: of the largest photos no more is kept than is wanted."""
    plan = DecodingPlan(0, 0, 0)
    for finer, finer_in_child in ((FINER, FINER_IN_CHILD), (1, 1)):
        scale = scale_for(header, at_most, finer)
        plan = DecodingPlan(scale, finer_in_child, decoded_bytes(header, scale, is_confined, at_most, finer_in_child))
        if plan.n_bytes <= allowed:
            break
    return plan


def decoded_bytes(
    header: Header, scale: int, is_confined: bool, at_most: int | None = None, finer: int = FINER_IN_CHILD
) -> int:
    """Memory that the decoder takes for a photo at 1 / `scale` of its size, in this process or in a child."""
    # rounded up
    width, height = -(-header.width // scale), -(-header.height // scale)
    if not is_confined:
        return width * height * header.bytes_per_pixel + header.bytes_beside
    factor = divisor(max(width, height), at_most, finer)
    picture = 3 * -(-width // factor) * -(-height // factor)
    # what OpenCV takes is announced of a plain photo, whose profile or damage may nevertheless bring it to Pillow
    per_pixel = _PILLOW_BYTES[header.format] if header.is_plain else header.bytes_per_pixel
    return width * height * per_pixel + header.bytes_beside + picture + CONFINED_BYTES


def check_cost(header: Header, needed: int, allowed: int) -> None:
    """Raises UnreadablePhoto where decoding takes more than the `allowed` bytes, or goes over the pixels too often."""
    if needed > allowed:
        raise UnreadablePhoto(
            f"{header.width} x {header.height} pixels take {needed / 2**20:,.0f} MiB to decode, over the "
            f"{allowed / 2**20:,.0f} that one photo may take, so that none fills the memory; {SETTING} sets it",
            is_lasting=False,
        )
    if header.width * header.height * header.n_passes > MAX_PIXEL_PASSES:
        raise UnreadablePhoto(
            f"{header.width} x {header.height} pixels, gone over {header.n_passes} times, would take too long to decode"
        )


class BytesInFlight:
    """Lets threads decode side by side while what they decode fits together; the others wait.

    `with in_flight.take(n): ...` holds n bytes. One that is larger than all there is goes alone.
    """

    def __init__(self) -> None:
        self._held = 0
        self._changed = threading.Condition()

    def take(self, n_bytes: int, allowed: int) -> "_Share":
        """Wait until `n_bytes` fit into what is `allowed` together."""
        if n_bytes < UNCOUNTED_BYTES:
            return _Share(self, 0)
        with self._changed:
            while self._held and self._held + n_bytes > allowed:
                self._changed.wait()
            self._held += n_bytes
        return _Share(self, n_bytes)

    def forget(self) -> None:
        """In a fork: the threads that hold bytes, or the lock, are in the process that it was forked from."""
        self._held = 0
        self._changed = threading.Condition()

    def give_back(self, n_bytes: int) -> None:
        """Let the next one in."""
        with self._changed:
            self._held -= n_bytes
            self._changed.notify_all()


class _Share:
    """The bytes that one photo holds, until the block ends."""

    __slots__ = ("_all", "_n_bytes")

    def __init__(self, everything: BytesInFlight, n_bytes: int) -> None:
        self._all, self._n_bytes = everything, n_bytes

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._n_bytes:
            self._all.give_back(self._n_bytes)
