"""Neighbours among the labelled products as a kind of expert: whether they are asked, fitted, kept and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catalog.experts import Expert
from catalog.files.progress import Bar
from catalog.probabilities import Probabilities
from catalog.runs.run import NEIGHBOURS, Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.details import FusionDetails
from fusion.experts.kind import ExpertKind
from fusion.experts.labelled_products import LabelledProducts
from fusion.experts.neighbour_fitting import MIN_SPEAKING, NeighbourFitting, load_shares
from fusion.experts.neighbours import NAME, NeighbourExpert
from fusion.prediction.embedding import embedder_beside
from mosaic.inference.loading import photo_decoder
from mosaic.views import View


@dataclass(frozen=True)
class NeighbourExperts(ExpertKind):
    """Neighbours, see `ExpertKind`.

    Attributes:
        run: the fusion run that they are kept in, None in a workspace.
        fitting: on the workspace's labelled products, None in a fusion run.
    """

    family: ClassVar[str] = NAME
    run: Run | None = None
    fitting: NeighbourFitting | None = None

    @classmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Run]) -> Self | None:
        """See `ExpertKind.latest`; None where there is no network that takes any image count."""
        general = workspace.latest("mosaic", View().slot)
        if general is None:
            return None
        return cls(fitting=NeighbourFitting(general, data, workspace.folder / NEIGHBOURS))

    @classmethod
    def inside(cls, run: Run, copied: Sequence[Run], tree: Taxonomy) -> Self | None:
        """See `ExpertKind.inside`."""
        return cls(run) if NAME in run.details_as(FusionDetails).experts else None

    @property
    def absence(self) -> str:
        """See `ExpertKind.absence`."""
        few = f"fewer than {MIN_SPEAKING} held-out products have labelled ones to look like: not an expert here"
        return (self.fitting is not None and self.fitting.why_not) or few

    def configured(self, config: FusionConfig) -> Self:
        """See `ExpertKind.configured`.

        Raises:
            ValueError: neighbours are wanted, and cannot be asked.
        """
        if self.fitting is None:
            return self
        fitting = replace(self.fitting, mode=config.neighbours, at_most=config.neighbour_products, seed=config.seed)
        if config.neighbours == "on" and fitting.why_not:
            raise ValueError(f"neighbours is on, but they are {fitting.why_not}")
        return replace(self, fitting=fitting)

    def showing(self, bar: Bar) -> Self:
        """See `ExpertKind.showing`."""
        return self if self.fitting is None else replace(self, fitting=replace(self.fitting, bar=bar))

    def held_out(self, product_ids: NDArray[np.int64] | None) -> list[Probabilities]:
        """Each of `(N,)` products by the network that never saw it, among the products of the other parts.

        Raises:
            ValueError: the labelled products are not at hand, or nobody has chosen some.
        """
        if self.fitting is None or product_ids is None:
            raise ValueError("neighbours are held out of a labelled catalogue, product by product")
        if self.fitting.why_not:
            return []
        held_out = self.fitting.held_out(product_ids)
        return [] if held_out is None else [held_out]

    def keep(self, folder: Path) -> None:
        """Write the index of the labelled products."""
        if self.fitting is None:
            raise ValueError("neighbours are indexed from a labelled catalogue, which a fusion run does not hold")
        self.fitting.keep(folder / NEIGHBOURS)

    def experts(self, tree: Taxonomy, workspace: Workspace, before: Sequence[Expert] = ()) -> list[Expert]:
        """See `ExpertKind.experts`.

        Raises:
            FileNotFoundError, ValueError: the index is missing, damaged, or of another network.
        """
        if self.run is None:
            return []
        embedder, folder = embedder_beside(before), self.run.folder / NEIGHBOURS
        labelled = LabelledProducts.open(folder, tree, embedder.digest)
        return [NeighbourExpert(embedder, labelled, load_shares(folder), self.run.plan, photo_decoder(embedder.config))]

    @classmethod
    def describe(cls, expert: str) -> str | None:
        """See `ExpertKind.describe`."""
        return "labelled products that look alike" if expert == NAME else None
