"""Experts that are no networks, as kinds of a workspace and of a fusion run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from catalog.runs.run import Run
from fusion.experts.kind import ExpertKind


class LooksAtNoPhoto:
    """What an expert has besides its opinion."""

    photo_side: ClassVar[int] = 0
    photo_decoder: ClassVar[None] = None

    def close(self):
        """Nothing was started."""


@dataclass(frozen=True)
class KindOfARun(ExpertKind):
    """A kind whose experts go by a run that is copied into the fusion run.

    Attributes:
        product_ids: `(N,)` int64 products that they speak on when they are held out.
    """

    run: Run
    product_ids: np.ndarray

    @classmethod
    def inside(cls, run, copied, tree):
        """See `ExpertKind.inside`."""
        return cls(copied[0], np.zeros(0, np.int64))

    @property
    def runs(self):
        """See `ExpertKind.runs`."""
        return [self.run]
