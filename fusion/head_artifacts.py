"""What a fusion run has learnt beside its heads: thresholds of its decisions, how well each leaf is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.metrics.product_scores import ProductScores
from catalog.metrics.summary import ALL
from catalog.runs.run import Run
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.decide import Thresholds, given_by_scores
from fusion.details import FUSED
from fusion.proof import Proof

FILE = "learnt.safetensors"
CROSS_FIT = "crossfit.safetensors"
"""`ProductScores` of the head that decides on every held-out product, cross-fitted."""
CALIBRATION = "calibration.safetensors"
"""Of these, one product per group of copies: what thresholds are learnt on."""


@dataclass(frozen=True)
class HeadArtifacts:
    """Thresholds, and `(n_leaves,)` int64 labelled training products of each leaf."""

    thresholds: Thresholds
    training_counts: NDArray[np.int64]

    def save(self, folder: Path) -> None:
        """Write `learnt.safetensors` into a run folder."""
        thresholds = self.thresholds
        save_arrays(folder / FILE, {"table": thresholds.table, "own": thresholds.own, "counts": self.training_counts})

    @classmethod
    def load(cls, folder: Path, tree: Taxonomy) -> HeadArtifacts:
        """Inverse of `save`; raises ValueError when the file is damaged or of another tree."""
        n_cat1 = tree.n_nodes(1)
        expected = {
            "table": ArraySpec(np.float32, (n_cat1, tree.depth), finite=True),
            "own": ArraySpec(np.bool_, (n_cat1,)),
            "counts": ArraySpec(np.int64, (len(tree),)),
        }
        arrays = load_arrays(
            folder / FILE, expected, what="thresholds", remedy="run `fusion train` again", misfit="is of another tree"
        )
        return cls(Thresholds(arrays["table"], arrays["own"]), arrays["counts"])


def thresholds_for(run: Run, tree: Taxonomy, precision: float) -> Thresholds:
    """Thresholds of a fusion run for another target precision, from its cross-fitted held-out products."""
    confidence = run.config(FusionConfig).confidence
    return Thresholds.fit(ProductScores.load(run.folder / CALIBRATION), tree, precision, confidence)


def shares_given(run: Run, tree: Taxonomy) -> NDArray[np.float64] | None:
    """`(D + 1,)` shares of a run's held-out products that it gives nothing, a Cat I, ..., a leaf, by its thresholds.

    None where a run of an earlier version does not keep their scores.
    """
    if not (run.folder / CALIBRATION).is_file():
        return None
    scores = ProductScores.load(run.folder / CALIBRATION)
    levels = given_by_scores(scores, HeadArtifacts.load(run.folder, tree).thresholds, tree)[:, 0]
    return np.bincount(levels, minlength=1 + tree.depth) / max(1, len(scores))


def proof_of(run: Run, tree: Taxonomy, precision: float, n_labelled: int) -> Proof | None:
    """What stands behind a run's decisions at a precision; None where a run of an earlier version does not keep it.

    `n_labelled`: products whose label the run had, held out or not.
    """
    saved, fused = run.folder / CALIBRATION, run.metrics.get(FUSED)
    if not saved.is_file() or fused is None:
        return None
    confidence = run.config(FusionConfig).confidence
    return Proof(ProductScores.load(saved), tree, precision, confidence, fused[ALL]["n"], n_labelled)
