"""Fine-tuning against a head on frozen features, product by product: which of them speaks where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import bootstrap, percentiles
from catalog.runs.config import STRICT

Method = Literal["fine-tune", "linear"]
METHODS: tuple[Method, ...] = ("linear", "fine-tune")
"""The one that is tried first is taken where nothing tells them apart."""
INNER_PARTS = 4
"""One of so many parts of the products to learn from is set aside where the plan holds out one part only."""


@dataclass(frozen=True)
class MethodFigures:
    """`accuracy`: at the leaf, in [0, 1]; `nll`: mean log loss in nats; `seconds`: that its fits took."""

    accuracy: float
    nll: float
    seconds: float
    __pydantic_config__ = STRICT


@dataclass(frozen=True)
class MethodComparison:
    """Both methods on the same products, which neither had learnt from.

    Attributes:
        n: products; held_out: whether they are the plan's held-out ones, or were set aside of those to learn from.
        gain, low, high: accuracy of linear less that of fine-tune with its 95 % interval, paired, over groups of
            products that the plan keeps together.
        parts: of each held-out part the method whose network answers; deployed: that of the deployed network.
    """

    n: int
    held_out: bool
    linear: MethodFigures
    fine_tune: MethodFigures
    gain: float
    low: float
    high: float
    parts: tuple[Method, ...]
    deployed: Method
    __pydantic_config__ = STRICT

    def __str__(self) -> str:
        where = "held-out products" if self.held_out else "products set aside"
        return (
            f"{self.deployed} is deployed: on {self.n:,} {where} linear {100 * self.linear.accuracy:.1f} %, fine-tune "
            f"{100 * self.fine_tune.accuracy:.1f} % right (linear {100 * self.gain:+.1f} points, 95 % interval "
            f"{100 * self.low:+.1f} to {100 * self.high:+.1f})"
        )


@dataclass(frozen=True)
class MethodScores:
    """What each method was worth on N products, in the same order.

    Attributes:
        right: by method, `(N,)` bool: its likeliest leaf is the true one; nll: by method, `(N,)` nats.
        part: `(N,)` held-out part of each product; group: `(N,)` what the plan keeps together.
    """

    right: Mapping[Method, NDArray[np.bool_]]
    nll: Mapping[Method, NDArray[np.float64]]
    part: NDArray[np.int64]
    group: NDArray[np.int64]

    def better(self, rows: NDArray[np.bool_]) -> Method:
        """The method that is right more often on some rows, `(N,)` bool; of equals the one of the lower log loss."""
        return max(
            METHODS, key=lambda method: (int(self.right[method][rows].sum()), -float(self.nll[method][rows].sum()))
        )

    def compared(self, n_parts: int, seconds: Mapping[Method, float], *, held_out: bool) -> MethodComparison:
        """Choose by all, and for each part by the other ones: what a part shows has no say in who answers on it.

        `held_out`: see `MethodComparison`; where products were set aside, the choice is the same for all parts.
        """
        everything = np.ones(len(self.part), bool)
        deployed = self.better(everything)
        parts = [self.better(self.part != part) if held_out else deployed for part in range(n_parts)]
        figures = {
            method: MethodFigures(float(self.right[method].mean()), float(self.nll[method].mean()), seconds[method])
            for method in METHODS
        }
        difference = self.right["linear"].astype(float) - self.right["fine-tune"]
        _, group = np.unique(self.group, return_inverse=True)
        sums = np.stack([np.bincount(group, difference), np.bincount(group)])
        low, high = percentiles(bootstrap(sums, lambda drawn: drawn[:1] / drawn[1:]))[0]
        return MethodComparison(
            len(self.part), held_out, figures["linear"], figures["fine-tune"], float(difference.mean()), float(low),
            float(high), tuple(parts), deployed,
        )  # fmt: skip
