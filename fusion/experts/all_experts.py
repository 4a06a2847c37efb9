"""Every expert that speaks in a fusion run; a new kind of expert is a line in `KINDS`."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.experts import Expert
from catalog.files.progress import Bar
from catalog.probabilities import Probabilities
from catalog.runs.run import HELD_OUT, Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.details import FusionDetails
from fusion.experts.copies import CopyExperts
from fusion.experts.images import ImageExperts
from fusion.experts.kind import ExpertKind
from fusion.experts.neighbour_kind import NeighbourExperts
from fusion.experts.texts import TextExperts
from fusion.experts.titles import TitleExperts

KINDS: tuple[type[ExpertKind], ...] = (ImageExperts, TextExperts, TitleExperts, CopyExperts, NeighbourExperts)
"""In the order in which they are asked. The first speaks of every product: it chooses on which the head is fitted."""
FOLDER = "experts"
_ABOUT_TRAINING = (HELD_OUT, "history.csv", "heads.csv", "confusions.csv", "training.html")


@dataclass(frozen=True)
class AllExperts:
    """The kinds of expert that a workspace or a fusion run has, in the order of `KINDS`."""

    kinds: tuple[ExpertKind, ...]

    @classmethod
    def latest(cls, workspace: Workspace, data: TrainingData, more: Sequence[Path] = ()) -> AllExperts:
        """The workspace's latest, and the mosaic runs in the folders `more`.

        Raises:
            FileNotFoundError: no mosaic run; the message names the next command.
            ValueError: runs of different plans, or two runs of one backbone that look at the same photos.
        """
        added = [Run.load(folder, "mosaic") for folder in more]
        experts = cls(tuple(kind for known in KINDS if (kind := known.latest(workspace, data, added)) is not None))
        experts.check()
        return experts

    @classmethod
    def inside(cls, run: Run, tree: Taxonomy) -> AllExperts:
        """Those of a fusion run; FileNotFoundError where some are missing, without which the head says other things."""
        folder = run.folder / FOLDER
        for needed in (folder, *(folder / name for name in run.details_as(FusionDetails).runs)):
            if not needed.is_dir():
                raise FileNotFoundError(f"{needed} is missing: copy the whole run, or run `fusion train` again")
        copied = [Run.load(path) for path in sorted(folder.iterdir())]
        experts = cls(tuple(kind for known in KINDS if (kind := known.inside(run, copied, tree)) is not None))
        experts.check()
        for own in experts.runs:
            own.check_tree(tree, str(run.folder))
        return experts

    @property
    def runs(self) -> list[Run]:
        """All that they are made of, the latest networks first."""
        return [run for kind in self.kinds for run in kind.runs]

    @property
    def added(self) -> dict[str, tuple[str, ...]]:
        """Folder names of the runs that were asked for by name, by backbone: what `inside` needs to tell them apart."""
        return {name: folders for kind in self.kinds for name, folders in kind.added.items()}

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
        for kind in self.kinds:
            kind.check()

    def held_out(self, at_most: int, seed: int) -> tuple[list[Probabilities], list[ExpertKind]]:
        """Row-aligned held-out probabilities of every expert, and the kinds that have none worth fitting on.

        On all products that the first kind held out, or on `at_most` drawn by chance.
        """
        first, *others = self.kinds
        experts = first.held_out(None)
        product_ids = np.unique(np.concatenate([expert.product_ids for expert in experts]))
        if len(product_ids) > at_most:
            product_ids = np.sort(np.random.default_rng(seed).permutation(product_ids)[:at_most])
        silent = []
        for kind in others:
            of_kind = kind.held_out(product_ids)
            experts += of_kind
            silent += [] if of_kind else [kind]
        return [expert.aligned(product_ids) for expert in experts], silent

    def showing(self, bar: Bar) -> AllExperts:
        """The same, which show how far they are."""
        return AllExperts(tuple(kind.showing(bar) for kind in self.kinds))

    def configured(self, config: FusionConfig) -> AllExperts:
        """The same, which are fitted as it is configured."""
        return AllExperts(tuple(kind.configured(config) for kind in self.kinds))

    def remarks(self, product_ids: NDArray[np.int64]) -> list[str]:
        """What to know of their figures on the `(N,)` held-out products."""
        return [remark for kind in self.kinds for remark in kind.remarks(product_ids)]

    def without(self, kinds: Sequence[ExpertKind]) -> AllExperts:
        """The others."""
        return AllExperts(tuple(kind for kind in self.kinds if kind not in kinds))

    def without_family(self, family: str) -> AllExperts:
        """Those of all other kinds."""
        return self.without([kind for kind in self.kinds if kind.family == family])

    def keep(self, folder: Path) -> None:
        """Put what prediction needs into a fusion run's folder (hard links where the file system has them)."""
        # a head's weights belong to the networks that it was fitted on, and the workspace's may be deleted
        for run in self.runs:
            target = folder / FOLDER / run.folder.name
            shutil.copytree(run.folder, target, ignore=_only_deployed, copy_function=_link_or_copy)
        for kind in self.kinds:
            kind.keep(folder)

    def experts(self, tree: Taxonomy, workspace: Workspace) -> list[Expert]:
        """All of them, ready to predict, in the order of `held_out`."""
        experts: list[Expert] = []
        for kind in self.kinds:
            experts += kind.experts(tree, workspace, tuple(experts))
        return experts


def describe(expert: str) -> str:
    """What an expert is, for people."""
    return next((words for kind in KINDS if (words := kind.describe(expert)) is not None), expert)


def _only_deployed(folder: str, names: Sequence[str]) -> list[str]:
    # a name that begins with a dot is what a killed process left
    return [name for name in names if name in _ABOUT_TRAINING or name.startswith(("weights-part", "."))]


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # another disk, or a file system without hard links
        shutil.copy2(source, target)
