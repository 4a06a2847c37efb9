"""What a fusion run has learnt beside its heads: thresholds of its decisions, how well each leaf is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from catalog.files.atomic import atomic_path
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Thresholds

FILE = "learnt.safetensors"


@dataclass(frozen=True)
class HeadArtifacts:
    """Thresholds, and `(n_leaves,)` int64 labelled training products of each leaf."""

    thresholds: Thresholds
    training_counts: NDArray[np.int64]

    def save(self, folder: Path) -> None:
        """Write `learnt.safetensors` into a run folder."""
        tensors = {"table": self.thresholds.table, "own": self.thresholds.own, "counts": self.training_counts}
        with atomic_path(folder / FILE) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(cls, folder: Path, tree: Taxonomy) -> HeadArtifacts:
        """Inverse of `save`; raises ValueError when the file is damaged or of another tree."""
        try:
            found = load_file(folder / FILE)
            learnt = cls(Thresholds(found["table"], found["own"]), found["counts"])
        except (OSError, SafetensorError, KeyError) as error:
            raise ValueError(f"{folder / FILE} holds no thresholds ({error}): run `fusion train` again") from None
        n = tree.n_nodes(1)
        shapes = (learnt.thresholds.table.shape, learnt.thresholds.own.shape, learnt.training_counts.shape)
        if shapes != ((n, 3), (n,), (len(tree),)):
            raise ValueError(f"{folder / FILE} is of another tree: run `fusion train` again")
        return learnt
