"""What a network says of a batch of mosaics, and whether another program that runs it says the same."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Outputs(NamedTuple):
    """`embedding`: `(B, D)` float32; `logits`: `(B, S)` float32, before the softmax."""

    embedding: NDArray[np.float32]
    logits: NDArray[np.float32]


INPUT = "mosaics"
"""Name of a graph's input."""
OUTPUTS = Outputs._fields
"""Names of a graph's outputs, in order."""


class Backend(Protocol):
    """Something that runs one network."""

    @property
    def name(self) -> str:
        """`torch`, `onnx` or `openvino`."""

    def __call__(self, mosaics: NDArray[np.uint8]) -> Outputs:
        """Embedding and logits of `(B, H, W, 3)` uint8 RGB mosaics, B >= 1."""


class BadExport(ValueError):
    """A program gives other results than the network that it was made from."""


MAX_ERROR = 1e-3
"""Sums in another order: differences of 1e-6 to 1e-5 are seen."""
MIN_AGREEMENT = 0.999
"""Two leaves may be equally likely to the last bit."""


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


def compare(expected: Outputs, got: Outputs) -> Parity:
    """Measure how far `got` is from what the network says; shapes that differ, or no numbers, are infinitely far."""
    pairs = [(e, g) for e, g in zip(expected, got, strict=True)]
    if any(e.shape != g.shape or not (np.isfinite(e).all() and np.isfinite(g).all()) for e, g in pairs):
        return Parity(len(expected.logits), float("inf"), 0.0)
    errors = [float(np.abs(g - e).max()) / max(1.0, float(np.abs(e).max())) for e, g in pairs]
    same = expected.logits.argmax(axis=1) == got.logits.argmax(axis=1)
    return Parity(len(same), max(errors), float(same.mean()))


def require(parity: Parity, program: str) -> None:
    """Raise BadExport when a program is further from its network than `MAX_ERROR` and `MIN_AGREEMENT` allow."""
    if parity.error <= MAX_ERROR and parity.agreement >= MIN_AGREEMENT:
        return
    raise BadExport(
        f"{program} is not the network that it was made from: over {parity.mosaics} mosaics the likeliest leaf is the "
        f"same for {parity.agreement:.1%} (at least {MIN_AGREEMENT:.1%} expected), the largest relative error is "
        f"{parity.error:.2g} (at most {MAX_ERROR:g} expected)."
    )


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(B, S)` logits -> `(B, S)` float32 probabilities, rounded once.

    PyTorch's, which are computed in float32, lie within 1e-6 of these as a share of each: the last bits differ.
    """
    # in float64: numpy's float32 exp gives other last bits on other CPUs, and the same run is to give the same bytes
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
