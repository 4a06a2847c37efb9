"""A program that runs a network, held against what PyTorch says of it before it is believed."""

import logging
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog.files.wording import one_line
from mosaic.inference.backend import shared_requests
from mosaic.inference.outputs import Backend, Outputs, Parity, compare, require

log = logging.getLogger(__name__)
CHECKED = 4
"""Mosaics of the first batch of each shape that are also run by PyTorch."""

Way = tuple[object, ...]
"""Shape of a mosaic, and whether so many go through the program that several share a request."""
Check = Callable[[Backend, NDArray[np.uint8], Outputs], Parity]
"""`check(program, mosaics, outputs)`: how far a program that made these outputs of these mosaics is from PyTorch."""


def against(reference: Backend) -> Check:
    """The check that lets another program answer the first mosaics of a batch, too."""

    def check(_: Backend, mosaics: NDArray[np.uint8], outputs: Outputs) -> Parity:
        return compare(reference(mosaics[:CHECKED]), Outputs(*(values[:CHECKED] for values in outputs)))

    return check


class CheckedBackend:
    """A program made from the network at the first call, and checked on the first mosaics of each shape.

    Safe in threads, as the program is: the first call of a shape keeps the others waiting. What is answered otherwise
    is so by shape, whatever was asked before: a prediction that goes on after a kill is answered as without it.
    """

    def __init__(
        self, name: str, build: Callable[[], Backend], check: Check, reference: Callable[[], Backend], *,
        fall_back: bool,
    ) -> None:  # fmt: skip
        """`fall_back`: use the `reference`, with a warning, where the program cannot be made or is no good."""
        self.name, self._build, self._check = name, build, check
        self._reference, self._fall_back = reference, fall_back
        self._program: Backend | None = None
        self._instead: Backend | None = None
        self._cannot_be_made = False
        self._checked: set[Way] = set()
        self._refused: set[Way] = set()
        self._one_by_one = threading.Lock()

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """`(B, H, W, 3)` uint8 -> `Outputs`.

        Raises:
            ValueError: the program cannot be made or is no good, and there is no falling back.
        """
        # few and many mosaics may take different ways through the program
        way = (shared_requests(*mosaics.shape[:3])[1] > 0, *mosaics.shape[1:])
        if self._instead is not None and (self._cannot_be_made or way in self._refused):
            return self._instead(mosaics)
        try:
            return self._checked_call(way, mosaics)
        # whatever the other program does not like about a network, PyTorch can run it
        except Exception as error:
            return self._fallen_back(way, error)(mosaics)

    def _checked_call(self, way: Way, mosaics: NDArray[np.uint8]) -> Outputs:
        if self._program is not None and way in self._checked:
            return self._program(mosaics)
        with self._one_by_one:
            if self._program is None:
                self._program = self._build()
            outputs = self._program(mosaics)
            if way not in self._checked:
                require(self._check(self._program, mosaics, outputs), self.name)
                self._checked.add(way)
        return outputs

    def _fallen_back(self, way: Way, error: Exception) -> Backend:
        """The reference, and a warning from the first call that needs it."""
        why = one_line(error)
        if not self._fall_back:
            what = f"{self.name} cannot run this network: {why}"
            raise ValueError(f"{what} Set inference.backend to auto or torch") from error
        with self._one_by_one:
            if self._instead is None:
                log.warning("%s cannot run this network, PyTorch does, more slowly: %s", self.name, why)
                self._instead = self._reference()
                self.name = self._instead.name
            self._cannot_be_made = self._program is None
            self._refused.add(way)
        return self._instead
