"""What PyTorch said of made-up mosaics when a network was trained: programs are held against it where no torch is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from catalog.files.atomic import atomic_path
from mosaic.inference.backend import n_threads, shared_requests
from mosaic.inference.outputs import OUTPUTS, Backend, BadExport, Outputs, Parity, compare

MADE_UP = 4
"""Mosaics of each shape."""
CELL = 16
"""Pixels from one drawn colour to the next: pictures are smooth at the scale that networks look at."""
SEED = 16

Shape = tuple[int, int]
"""Height and width of a mosaic in pixels."""


def made_up(n: int, height: int, width: int) -> NDArray[np.uint8]:
    """`(n, height, width, 3)` uint8 clouds of colour, the same in every version of numpy and on every machine."""
    rows, columns = height // CELL + 2, width // CELL + 2
    # raw bits and integers: what numpy draws from them may change from version to version, they do not
    raw = np.random.PCG64(SEED).random_raw(n * rows * columns * 3)
    colours = (raw & 255).astype(np.int32).reshape(n, rows, columns, 3)
    for axis, side in ((1, height), (2, width)):
        cell, share = np.divmod(np.arange(side), CELL)
        share = share.reshape([-1 if each == axis else 1 for each in range(4)])
        colours = colours.take(cell, axis) * (CELL - share) + colours.take(cell + 1, axis) * share
    return (colours // CELL**2).astype(np.uint8)


@dataclass(frozen=True)
class ExpectedOutputs:
    """PyTorch's outputs of `MADE_UP` made-up mosaics of each shape that a network serves."""

    of_shape: Mapping[Shape, Outputs]

    @classmethod
    def of(cls, reference: Backend, shapes: Iterable[Shape]) -> ExpectedOutputs:
        """Ask PyTorch."""
        return cls({shape: reference(made_up(MADE_UP, *shape)) for shape in shapes})

    def save(self, path: Path) -> None:
        """Write as safetensors, atomically."""
        tensors = {
            f"{height}x{width}.{name}": values
            for (height, width), outputs in self.of_shape.items()
            for name, values in zip(OUTPUTS, outputs, strict=True)
        }
        with atomic_path(path) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(cls, path: Path) -> ExpectedOutputs:
        """Read what `save` wrote; ValueError: damaged."""
        try:
            tensors = load_file(path)
            names = {name.partition(".")[0] for name in tensors}
            shapes = {name: (int(height), int(width)) for name in names for height, _, width in [name.partition("x")]}
            if any(tensor.ndim != 2 or len(tensor) != MADE_UP for tensor in tensors.values()):
                raise ValueError(f"not of {MADE_UP} mosaics")
            return cls({shape: Outputs(*(tensors[f"{name}.{o}"] for o in OUTPUTS)) for name, shape in shapes.items()})
        # a type of numbers that numpy does not know is a TypeError
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None

    def check(self, program: Backend, mosaics: NDArray[np.uint8], _: Outputs) -> Parity:
        """How far `program` is from PyTorch, asked in the way in which it takes `(B, H, W, 3)` uint8 `mosaics`.

        Raises:
            BadExport: nothing is known of this shape.
        """
        n, height, width, _channels = mosaics.shape
        expected = self.of_shape.get((height, width))
        if expected is None:
            known = ", ".join(f"{width} x {height}" for height, width in sorted(self.of_shape))
            raise BadExport(f"PyTorch's answers are known for mosaics of {known} pixels, not of {width} x {height}.")
        several, together = shared_requests(n, height, width)
        enough = several * n_threads()
        wanted = enough if together else min(MADE_UP, max(1, enough - 1))
        # each as often as it takes to fill the requests
        rows = np.arange(wanted) % MADE_UP
        got = program(made_up(MADE_UP, height, width)[rows])
        return compare(Outputs(*(values[rows] for values in expected)), got)
