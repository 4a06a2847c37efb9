"""What a decoding child is asked, and what it answers: fixed records, before the bytes of a photo or of a picture."""

import struct
from typing import NamedTuple

JOB = struct.Struct("<8sIIIBBBBQdQ")
"""See `Job`; the photo's bytes follow."""
ANSWER = struct.Struct("<BIIIIBIQ")
"""See `JobOutcome`; pixels or a reason follow."""
GOOD, BAD = 1, 0
WHOLE, CUT, CUT_IN_DETAIL = 0, 1, 2
FINER = 8
"""Times the pixels that are wanted on a side, to which a child shrinks a picture: a whole number of pixels seldom goes
into one exactly, and the last cell, which is narrower, would shift the picture."""


def divisor(longer: int, at_most: int | None, finer: int) -> int:
    """By which a child divides a picture's sides, so that the longer one has `finer` times `at_most` pixels left."""
    return max(1, longer // (finer * at_most)) if at_most else 1


class Job(NamedTuple):
    """What is asked for.

    Attributes:
        format: `PhotoFormat`, or `profile`: whether the bytes are a colour profile that is sRGB.
        width, height: that the photo announced.
        at_most: longer side of the picture that is wanted, 0 for all of it.
        finer: how many times as many are left at least.
        scale: 1, 2, 4 or 8, to which a JPEG is decoded.
        orientation: EXIF's, 1 to 8; of formats that Pillow turns by itself 1.
        is_cut: `CUT` where the end of a JPEG is missing, `CUT_IN_DETAIL` where that may be a colour's or details'.
        memory: bytes that decoding may take.
        seconds: of CPU time that it may take.
        n_bytes: of the photo.
    """

    format: bytes
    width: int
    height: int
    at_most: int
    finer: int
    scale: int
    orientation: int
    is_cut: int
    memory: int
    seconds: float
    n_bytes: int

    @property
    def name(self) -> str:
        """The format as text."""
        return self.format.rstrip(b"\0").decode("ascii")


class JobOutcome(NamedTuple):
    """What came of a job.

    Attributes:
        status: `GOOD` or `BAD`. whole_width, whole_height: of the photo as its header counts it; of a
            profile, whether it is sRGB.
        width, height: of the picture, before `orientation`, which is EXIF's 1 to 8.
        n_missing: rows at the end that are missing. n_bytes: that follow.
    """

    status: int
    whole_width: int = 0
    whole_height: int = 0
    width: int = 0
    height: int = 0
    orientation: int = 1
    n_missing: int = 0
    n_bytes: int = 0
