"""The expert runs that a fusion run pools; copied into its folder, so that it is enough to predict."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.probabilities import Probabilities
from catalog.run import Run
from catalog.taxonomy import Taxonomy
from catalog.workspace import Workspace
from mosaic.runs import MosaicRuns


@dataclass(frozen=True)
class Members:
    """Mosaic runs and, when there is one, the text branch's run."""

    mosaic: MosaicRuns
    text: Run | None

    @classmethod
    def latest(cls, workspace: Workspace) -> Members:
        """The workspace's latest runs.

        Raises:
            FileNotFoundError: no mosaic run; the message names the next command.
            ValueError: runs of different plans.
        """
        members = cls(MosaicRuns.latest(workspace), workspace.latest("ocr"))
        members.check()
        return members

    @classmethod
    def inside(cls, run: Run) -> Members:
        """The members copied into a fusion run."""
        runs = [Run.load(folder) for folder in sorted((run.folder / "experts").iterdir())]
        members = cls(
            MosaicRuns.of([r for r in runs if r.kind == "mosaic"]), next((r for r in runs if r.kind == "ocr"), None)
        )
        members.check()
        return members

    @property
    def runs(self) -> list[Run]:
        """All member runs."""
        return [*self.mosaic.views.values(), *([self.text] if self.text else [])]

    def check(self) -> None:
        """Raise ValueError when the members do not belong together."""
        first = self.runs[0]
        tree = first.taxonomy()
        for run in self.runs[1:]:
            if run.plan != first.plan:
                raise ValueError(
                    f"{run.folder} was trained under plan {run.plan}, {first.folder} under {first.plan}: "
                    "one may have learnt from what the other holds out. Train both under one plan"
                )
            run.check_tree(tree, str(first.folder))

    def copy_into(self, folder: Path) -> None:
        """Copy the deployed part of every member (hard links where the file system has them)."""
        for run in self.runs:
            target = folder / "experts" / run.folder.name
            shutil.copytree(run.folder, target, ignore=_only_deployed, copy_function=_link_or_copy)

    def held_out(self) -> list[Probabilities]:
        """Row-aligned held-out probabilities of every expert, on the products that the image branch held out."""
        found = [*self.mosaic.held_out(), *([self.text.held_out()] if self.text else [])]
        product_ids = np.unique(found[0].product_ids)
        return [expert.aligned(product_ids) for expert in found]


_ABOUT_TRAINING = ("heldout.safetensors", "history.csv", "confusions.csv", "training.html")


def _only_deployed(folder: str, names: Sequence[str]) -> list[str]:
    # a name that begins with a dot is what a killed process left
    return [name for name in names if name in _ABOUT_TRAINING or name.startswith(("weights-part", "."))]


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def training_prior(tree: Taxonomy, held_out: Sequence[Probabilities]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """`(n_leaves,)` training share of each leaf, as the image branch counted it."""
    prior = np.zeros(len(tree))
    prior[held_out[0].support] = held_out[0].frequency
    return prior
