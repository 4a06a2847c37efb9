"""The expert runs that a fusion run pools; copied into its folder, so that it is enough to predict."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.experts.copy_table import NAME as COPIES
from fusion.details import FusionDetails
from mosaic.config import MosaicConfig
from mosaic.inference.expert import MosaicExpert
from mosaic.runs import MosaicRuns
from mosaic.views import FAMILIES

AT = "@"
"""Stands between an expert's name and the backbone of networks that were added to the workspace's latest ones."""
_OTHER_EXPERTS = {"text": "words read, where routed", COPIES: "photos known from training, by MD5"}


@dataclass(frozen=True)
class ExpertRuns:
    """The runs that speak in a fusion run.

    Attributes:
        mosaic: the image branch's networks; text: the text branch's run, when there is one.
        others: more networks, by backbone, each with experts of its own.
    """

    mosaic: MosaicRuns
    text: Run | None
    others: dict[str, MosaicRuns] = field(default_factory=dict)

    @classmethod
    def latest(cls, workspace: Workspace, more: Sequence[Path] = ()) -> ExpertRuns:
        """The workspace's latest runs, and the mosaic runs in the folders `more`.

        Raises:
            FileNotFoundError: no mosaic run; the message names the next command.
            ValueError: runs of different plans, or two runs of one backbone that look at the same photos.
        """
        added = [Run.load(folder, "mosaic") for folder in more]
        runs = cls(MosaicRuns.latest(workspace), workspace.latest("ocr"), _by_backbone(added))
        runs.check()
        return runs

    @classmethod
    def inside(cls, run: Run) -> ExpertRuns:
        """The runs copied into a fusion run; FileNotFoundError where they are missing."""
        folder = run.folder / "experts"
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is missing: the run is not whole, run `fusion train` again")
        copied = [Run.load(path) for path in sorted(folder.iterdir())]
        added = {name for names in run.details_as(FusionDetails).others.values() for name in names}
        mosaic = [run for run in copied if run.kind == "mosaic"]
        runs = cls(
            MosaicRuns.of([run for run in mosaic if run.folder.name not in added]),
            next((run for run in copied if run.kind == "ocr"), None),
            _by_backbone([run for run in mosaic if run.folder.name in added]),
        )
        runs.check()
        return runs

    @property
    def runs(self) -> list[Run]:
        """All of them, the latest networks first."""
        networks = [run for group in (self.mosaic, *self.others.values()) for run in group.views.values()]
        return [*networks, *([self.text] if self.text else [])]

    def check(self) -> None:
        """Raise ValueError when the runs do not belong together."""
        first = self.runs[0]
        name, times = Counter(run.folder.name for run in self.runs).most_common(1)[0]
        if times > 1:
            raise ValueError(f"{name} speaks already, or shares its folder's name with another run: add another run")
        tree = first.taxonomy()
        for run in self.runs[1:]:
            if run.plan != first.plan:
                raise ValueError(
                    f"{run.folder} was trained under plan {run.plan}, {first.folder} under {first.plan}: "
                    "one may have learnt from what the other holds out. Train both under one plan"
                )
            run.check_tree(tree, str(first.folder))
        wanted = first.config(MosaicConfig)
        for group in self.others.values():
            added = next(iter(group.views.values()))
            config = added.config(MosaicConfig)
            if config.photo_size != wanted.photo_size:
                raise ValueError(
                    f"{added.folder} sees photos of {config.photo_size} px, {first.folder} of {wanted.photo_size} px: "
                    f"photos are decoded once for all networks. Train it with --set photo_size={wanted.photo_size}"
                )

    def copy_into(self, folder: Path) -> None:
        """Copy the deployed part of every run (hard links where the file system has them)."""
        # a head's weights belong to the networks that it was fitted on, and the workspace's may be deleted
        for run in self.runs:
            target = folder / "experts" / run.folder.name
            shutil.copytree(run.folder, target, ignore=_only_deployed, copy_function=_link_or_copy)

    def mosaic_experts(self) -> list[MosaicExpert]:
        """Every image expert, in the order of `held_out`."""
        return [e for suffix, group in self._groups() for e in group.experts(suffix)]

    def held_out(self, at_most: int, seed: int) -> list[Probabilities]:
        """Row-aligned held-out probabilities of every expert, on products that the image branch held out.

        All of them, or `at_most` drawn by chance.
        """
        experts = [p for suffix, group in self._groups() for p in group.held_out(suffix)]
        product_ids = np.unique(np.concatenate([expert.product_ids for expert in experts]))
        if len(product_ids) > at_most:
            product_ids = np.sort(np.random.default_rng(seed).permutation(product_ids)[:at_most])
        # the text was routed by the image branch's held-out probabilities: it has spoken on no other product
        if self.text:
            experts.append(self.text.held_out())
        return [expert.aligned(product_ids) for expert in experts]

    def _groups(self) -> list[tuple[str, MosaicRuns]]:
        return [("", self.mosaic), *((f"{AT}{name}", group) for name, group in self.others.items())]

    def other_folders(self) -> dict[str, tuple[str, ...]]:
        """Folder names of the added networks by backbone: what `inside` needs to tell them apart."""
        return {name: tuple(run.folder.name for run in group.views.values()) for name, group in self.others.items()}


def describe(expert: str) -> str:
    """What an expert is, for people."""
    family, _, backbone = expert.partition(AT)
    what = {**{name: f"photos, {text}" for name, text in FAMILIES.items()}, **_OTHER_EXPERTS}.get(family, family)
    return f"{what} ({backbone})" if backbone else what


def unused_runs(workspace: Workspace, expert_runs: ExpertRuns) -> list[Run]:
    """Finished mosaic runs of the workspace under the same plan that are not among these, oldest first."""
    used = {run.folder.name for run in expert_runs.runs}
    unused = []
    for folder in sorted(workspace.folder.glob("mosaic-*")):
        if folder.name not in used and (folder / "run.json").is_file():
            run = Run.load(folder)
            if run.kind == "mosaic" and run.plan == expert_runs.runs[0].plan:
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


_ABOUT_TRAINING = ("heldout.safetensors", "history.csv", "confusions.csv", "training.html")


def _only_deployed(folder: str, names: Sequence[str]) -> list[str]:
    # a name that begins with a dot is what a killed process left
    return [name for name in names if name in _ABOUT_TRAINING or name.startswith(("weights-part", "."))]


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # another disk, or a file system without hard links
        shutil.copy2(source, target)


def training_prior(tree: Taxonomy, held_out: Sequence[Probabilities]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """`(n_leaves,)` training share of each leaf, as the image branch counted it."""
    prior = np.zeros(len(tree))
    prior[held_out[0].support] = held_out[0].frequency
    return prior
