"""What a network says of a batch of mosaics, and whether another program that runs it says the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Outputs(NamedTuple):
    """`embedding`: `(B, D)` float32; `logits`: `(B, S)` float32, before the softmax."""

    embedding: NDArray[np.float32]
    logits: NDArray[np.float32]


class Backend(Protocol):
    """Something that runs one network."""

    @property
    def name(self) -> str:
        """`torch`, `onnx`, `openvino` or `openvino int8`."""

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """Embedding and logits of `(B, H, W, 3)` uint8 RGB mosaics, B >= 1."""


class BadExport(ValueError):
    """A program gives other results than the network that it was made from."""


@dataclass(frozen=True)
class Tolerance:
    """How far a program may be from the network.

    Attributes:
        error: largest difference of a logit, as a share of the largest logit's size (at least 1).
        agreement: smallest share of mosaics with the same likeliest leaf.
    """

    error: float
    agreement: float


EXACT = Tolerance(error=1e-3, agreement=0.999)
"""Sums in another order: differences of 1e-6 to 1e-5 are seen."""
QUANTISED = Tolerance(error=0.5, agreement=0.8)
"""8 bits: what they lose is measured and told; below this the graph is rather broken than coarse."""
NOT_BROKEN = Tolerance(error=0.5, agreement=0)
"""8 bits on the few mosaics of a first batch, where an agreement would mean nothing."""


@dataclass(frozen=True)
class Parity:
    """How far a program is from the network, over `mosaics` mosaics.

    Attributes:
        error: largest difference of a logit, as a share of the largest logit's size (at least 1).
        agreement: share with the same likeliest leaf.
    """

    mosaics: int
    error: float
    agreement: float

    def to_json(self) -> dict[str, float]:
        """Plain JSON types."""
        return asdict(self)


def compare(expected: Outputs, got: Outputs) -> Parity:
    """Measure how far `got` is from what the network says; shapes that differ, or no numbers, are infinitely far."""
    pairs = [(e, g) for e, g in zip(expected, got, strict=True)]
    if any(e.shape != g.shape or not np.isfinite(g).all() for e, g in pairs):
        return Parity(len(expected.logits), float("inf"), 0.0)
    errors = [float(np.abs(g - e).max()) / max(1.0, float(np.abs(e).max())) for e, g in pairs]
    same = expected.logits.argmax(axis=1) == got.logits.argmax(axis=1)
    return Parity(len(same), max(errors), float(same.mean()))


def require(found: Parity, tolerance: Tolerance, what: str) -> None:
    """Raise BadExport when a program is further from its network than is allowed."""
    if found.error <= tolerance.error and found.agreement >= tolerance.agreement:
        return
    raise BadExport(
        f"{what} is not the network that it was made from: over {found.mosaics} mosaics the likeliest leaf is the same "
        f"for {found.agreement:.1%} (at least {tolerance.agreement:.1%} expected), the largest relative error is "
        f"{found.error:.2g} (at most {tolerance.error:g} expected)."
    )
