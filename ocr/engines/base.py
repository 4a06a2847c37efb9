"""What reads photos: the protocol that every OCR engine follows."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocr.transcript import PhotoReading

Photo = NDArray[np.uint8]

# Nothing can be printed on fewer pixels than this in height or width.
MIN_SIDE = 6


class EngineMissing(OSError):
    """The engine, one of its models or a language is not installed; the message says how to install it."""


class Engine(Protocol):
    """Reads photos; one bad photo never raises."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def settings(self) -> str:
        """Everything that changes what is read, versions included: part of the cache's key."""

    def read(self, photos: Sequence[Photo]) -> list[PhotoReading]:
        """Read photos, each `(H, W, 3)` uint8 BGR of any size; one result per photo, in order.

        Raises:
            EngineMissing: the engine vanished since it was made.
        """
