"""The image branch's networks as experts of the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from catalog.experts import Expert
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.saved_probabilities import IMAGE_EXPERT
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.details import FusionDetails
from fusion.experts.kind import ExpertKind
from mosaic.config import MosaicConfig
from mosaic.runs import MosaicRuns
from mosaic.views import FAMILIES

AT = "@"
"""Stands between an expert's name and the backbone of networks that were added to the workspace's latest ones."""


@dataclass(frozen=True)
class ImageExperts(ExpertKind):
    """Networks, see `ExpertKind`.

    Attributes:
        networks: the workspace's latest ones; others: more of them, by backbone, each with experts of its own.
    """

    family: ClassVar[str] = IMAGE_EXPERT
    networks: MosaicRuns
    others: dict[str, MosaicRuns] = field(default_factory=dict)

    @classmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Run]) -> Self:
        """See `ExpertKind.latest`.

        Raises:
            FileNotFoundError: no mosaic run; the message names the next command.
            ValueError: two runs of one backbone that look at the same photos.
        """
        return cls(MosaicRuns.latest(workspace), _by_backbone(more))

    @classmethod
    def inside(cls, run: Run, copied: Sequence[Run], tree: Taxonomy) -> Self:
        """See `ExpertKind.inside`."""
        added = {name for names in run.details_as(FusionDetails).others.values() for name in names}
        own = [run for run in copied if run.kind == "mosaic"]
        return cls(
            MosaicRuns.of([run for run in own if run.folder.name not in added]),
            _by_backbone([run for run in own if run.folder.name in added]),
        )

    @property
    def runs(self) -> list[Run]:
        """All of them, the latest first."""
        return [run for group in (self.networks, *self.others.values()) for run in group.views.values()]

    @property
    def added(self) -> Mapping[str, tuple[str, ...]]:
        """Folder names of the added networks by backbone."""
        return {name: tuple(run.folder.name for run in group.views.values()) for name, group in self.others.items()}

    def check(self) -> None:
        """Raise ValueError when the networks see photos of different sizes."""
        first = self.runs[0]
        wanted = first.config(MosaicConfig)
        for group in self.others.values():
            added = next(iter(group.views.values()))
            config = added.config(MosaicConfig)
            if config.photo_size != wanted.photo_size:
                raise ValueError(
                    f"{added.folder} sees photos of {config.photo_size} px, {first.folder} of {wanted.photo_size} px: "
                    f"photos are decoded once for all networks. Train it with --set photo_size={wanted.photo_size}"
                )

    def held_out(self, product_ids: NDArray[np.int64] | None) -> list[Probabilities]:
        """Of every product that the networks held out, whatever the `(N,)` `product_ids`."""
        return [p for suffix, group in self._groups() for p in group.held_out(suffix)]

    def experts(self, tree: Taxonomy, workspace: Workspace, before: Sequence[Expert] = ()) -> list[Expert]:
        """See `ExpertKind.experts`."""
        return [expert for suffix, group in self._groups() for expert in group.experts(suffix)]

    @classmethod
    def describe(cls, expert: str) -> str | None:
        """See `ExpertKind.describe`."""
        family, _, backbone = expert.partition(AT)
        if family not in FAMILIES:
            return None
        return f"photos, {FAMILIES[family]}" + (f" ({backbone})" if backbone else "")

    def _groups(self) -> list[tuple[str, MosaicRuns]]:
        return [("", self.networks), *((f"{AT}{name}", group) for name, group in self.others.items())]


def unused_networks(workspace: Workspace, used: Sequence[Run]) -> list[Run]:
    """Finished mosaic runs of the workspace under the plan of those that are used, without these, oldest first."""
    names = {run.folder.name for run in used}
    unused = []
    for folder in sorted(workspace.folder.glob("mosaic-*")):
        if folder.name not in names and (folder / "run.json").is_file():
            run = Run.load(folder)
            if run.kind == "mosaic" and run.plan == used[0].plan:
                unused.append(run)
    return unused


def backbone_of(run: Run) -> str:
    """timm name of a mosaic run's network."""
    return run.config(MosaicConfig).backbone.name


def _by_backbone(runs: Sequence[Run]) -> dict[str, MosaicRuns]:
    names = sorted({backbone_of(run) for run in runs})
    groups = {}
    for name in names:
        of_backbone = [run for run in runs if backbone_of(run) == name]
        groups[name] = MosaicRuns.of(of_backbone)
        if len(groups[name].views) < len(of_backbone):
            folders = ", ".join(run.folder.name for run in of_backbone)
            raise ValueError(f"two of {folders} are networks of {name} for the same photos: add one of them")
    return groups
