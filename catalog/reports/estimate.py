"""A figure with its interval, as pages and tables show it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.metrics.intervals import MetricValue, exact_share

UNDEFINED = "–"
"""What stands for a figure that there is not."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval as one cell of a table; None where it is undefined or has no interval.

    Attributes:
        scale: what the page multiplies with (100: percent); digits: decimals shown; signed: a difference, with + or -.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    digits: int = 1
    scale: float = 100.0
    signed: bool = False

    @classmethod
    def of(cls, figure: MetricValue, digits: int = 1, scale: float = 100.0) -> Estimate:
        """A figure of a summary."""
        numbers = (figure.value, figure.low, figure.high)
        value, low, high = (number if math.isfinite(number) else None for number in numbers)
        return cls(value, low, high, digits, scale)

    @classmethod
    def span(
        cls, mean_low_high: Iterable[float], digits: int = 1, scale: float = 100.0, *, signed: bool = False
    ) -> Estimate:
        """A row of `catalog.metrics.intervals.mean_intervals`: `(3,)` mean, lower and upper bound."""
        value, low, high = (float(number) for number in mean_low_high)
        return cls(value, low, high, digits, scale, signed)

    @classmethod
    def share(cls, flags: NDArray[np.bool_], digits: int = 1) -> Estimate:
        """The share of `(N,)` flags that is set, with its exact 95 % interval; undefined where N is 0."""
        n, n_set = len(flags), int(flags.sum())
        return cls.of(MetricValue(n_set / n if n else math.nan, *exact_share(n_set, n)), digits)

    @property
    def text(self) -> str:
        """The figure as the page writes it."""
        return self._shown(self.value)

    @property
    def interval(self) -> str:
        """Its interval, empty without one."""
        if self.low is None or self.high is None:
            return ""
        return f"{self._shown(self.low)}{' to ' if self.signed else '–'}{self._shown(self.high)}"

    def __str__(self) -> str:
        return f"{self.text} ({self.interval})" if self.interval else self.text

    def _shown(self, value: float | None) -> str:
        if value is None:
            return UNDEFINED
        return f"{self.scale * value:{'+' if self.signed else ''}.{self.digits}f}"
