"""What a decoding child is asked, and what it answers: fixed records, before the bytes of a photo or of a picture."""

import struct
from typing import NamedTuple

JOB = struct.Struct("<8sIIIBBBQdQ")
"""See `Job`; the photo's bytes follow."""
ANSWER = struct.Struct("<BIIIIIQ")
"""See `JobOutcome`; pixels or a reason follow."""
GOOD, BAD = 1, 0


class Job(NamedTuple):
    """What is asked for.

    Attributes:
        format: `PhotoFormat`, or `profile`: whether the bytes are a colour profile that is sRGB.
        width, height: that the photo announced.
        at_most: longer side of the picture that is wanted, 0 for all of it.
        scale: 1, 2, 4 or 8, to which a JPEG is decoded.
        orientation: EXIF's, 1 to 8, to which it is turned; of formats that Pillow turns by itself 1.
        is_cut: its end is missing.
        memory: bytes that decoding may take.
        seconds: of CPU time that it may take.
        n_bytes: of the photo.
    """

    format: bytes
    width: int
    height: int
    at_most: int
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
        width, height: of the picture. n_missing: rows at the end that are missing. n_bytes: that follow.
    """

    status: int
    whole_width: int = 0
    whole_height: int = 0
    width: int = 0
    height: int = 0
    n_missing: int = 0
    n_bytes: int = 0
