"""The text branch as an expert of the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catalog.experts import Expert
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.experts.kind import ExpertKind
from ocr.expert import NAME
from ocr.loading import load_expert


@dataclass(frozen=True)
class TextExperts(ExpertKind):
    """The text branch's run, see `ExpertKind`."""

    family: ClassVar[str] = NAME
    run: Run

    @classmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Run]) -> Self | None:
        """See `ExpertKind.latest`."""
        run = workspace.latest("ocr")
        return None if run is None else cls(run)

    @classmethod
    def inside(cls, run: Run, copied: Sequence[Run], tree: Taxonomy) -> Self | None:
        """See `ExpertKind.inside`."""
        return next((cls(run) for run in copied if run.kind == "ocr"), None)

    @property
    def runs(self) -> list[Run]:
        """The one."""
        return [self.run]

    def held_out(self, product_ids: NDArray[np.int64] | None) -> list[Probabilities]:
        """Of what was routed by the image branch's held-out probabilities, whatever the `(N,)` `product_ids`."""
        return [self.run.held_out()]

    def experts(self, tree: Taxonomy, workspace: Workspace, before: Sequence[Expert] = ()) -> list[Expert]:
        """See `ExpertKind.experts`."""
        return [load_expert(self.run, tree, workspace)]

    @classmethod
    def describe(cls, expert: str) -> str | None:
        """See `ExpertKind.describe`."""
        return "words read, where routed" if expert == NAME else None
