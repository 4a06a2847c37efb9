"""What reads photos: the protocol that every OCR engine follows."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocr.transcript import PhotoReading

Photo = NDArray[np.uint8]
"""`(H, W, 3)` RGB, upright."""

# Nothing can be printed on fewer pixels than this in height or width.
MIN_SIDE = 6


class EngineMissing(OSError):
    """The engine, one of its models or a language is not installed; the message says how to install it."""


class Engine(Protocol):
    """Reads photos, for any number of threads at the same time; one bad photo never raises."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def settings(self) -> str:
        """Everything that changes what is read, versions included: part of the cache's key."""

    @property
    def max_side(self) -> int:
        """Pixels of the longer side beyond which a photo gains it nothing: it would shrink the picture itself."""

    def read(self, photos: Sequence[Photo]) -> list[PhotoReading]:
        """Read photos, each `(H, W, 3)` uint8 RGB of any size; one result per photo, in order.

        Raises:
            EngineMissing: the engine vanished since it was made.
        """

    def close(self) -> None:
        """End the processes that wait for photos, if there are any; who reads on later starts them anew."""


def longest_useful(max_side: int, enlarge: float) -> int:
    """`Engine.max_side` of an engine that enlarges photos, but to no more than `max_side` pixels on the longer side."""
    return math.ceil(max_side / min(enlarge, 1.0))
