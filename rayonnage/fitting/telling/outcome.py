"""What came of a fit: how good the model is on products that it never learnt from, and what each stage took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.metrics.intervals import MetricValue, grouped_share
from catalog.metrics.product_scores import ProductScores
from catalog.metrics.summary import ALL, Summary
from catalog.product import MAX_IMAGES
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.details import FusionDetails
from fusion.experts.all_experts import describe
from fusion.head_artifacts import CROSS_FIT, proof_of
from fusion.proof import TARGETS, Proof
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.recipe import Recipe
from rayonnage.fitting.stages import Stage
from rayonnage.fitting.telling.weak_leaf import WeakLeaf, weakest_leaves

ASKED = (0.95, 0.9)
"""Shares of what is given unseen that must be right, of which it is always said how many products they leave."""
FEW_PRODUCTS = 100
"""Independent held-out products below which it is said that they are few."""


@dataclass(frozen=True)
class StageTime:
    """What a stage took; `seconds` is None where it was left out: for want of time, or `refused` by this catalogue."""

    stage: Stage
    seconds: float | None
    refused: bool = False


@dataclass(frozen=True)
class SourceFigures:
    """One source of evidence by itself: photos, text, titles, copies.

    Attributes:
        what: it is, for people. n: held-out products on which it speaks; share: of all, in [0, 1].
        right: share of these n whose leaf it finds.
    """

    name: str
    what: str
    n: int
    share: float
    right: MetricValue


@dataclass(frozen=True)
class UnseenShare:
    """What may be given unseen when so many of those given must be right.

    Attributes:
        target: that share, in [0, 1]. shares: `(D + 1,)` of the products: nothing given, a Cat I, ..., a leaf.
    """

    target: float
    shares: NDArray[np.float64]

    @property
    def at_leaf(self) -> float:
        """Share of products that are given their category itself."""
        return float(self.shares[-1])

    @property
    def above(self) -> float:
        """Share that is given a higher category alone."""
        return float(self.shares[1:-1].sum())

    @property
    def looked_at(self) -> float:
        """Share that is given nothing."""
        return float(self.shares[0])


@dataclass(frozen=True)
class FitOutcome:
    """A fitted workspace.

    Attributes:
        run: its fusion run. times: of the stages, in their order. seconds: of all, looking and measuring included.
        survey: what was found in the catalogue, None where nobody looked.
        scores: `ProductScores` of the N held-out products, each by a head that was not fitted on it.
        group: `(N,)` int64: products of one share a photo or an article, and are right or wrong together.
        training_counts: `(n_leaves,)` int64 labelled products of each leaf.
        is_folded: every labelled product was held out once, not a share of them.
    """

    workspace: Workspace
    run: Run
    tree: Taxonomy
    catalog: Catalog
    recipe: Recipe
    times: tuple[StageTime, ...]
    seconds: float
    survey: CatalogSurvey | None
    scores: ProductScores
    group: NDArray[np.int64]
    training_counts: NDArray[np.int64]
    is_folded: bool

    @classmethod
    def of(
        cls, workspace: Workspace, recipe: Recipe, times: Sequence[StageTime], *, seconds: float,
        survey: CatalogSurvey | None = None,
    ) -> FitOutcome:  # fmt: skip
        """Read from the workspace's latest runs.

        Raises:
            FileNotFoundError: it holds no fusion run, or an unfinished one.
            ValueError: the run is damaged, or the catalogue has changed since it was split.
        """
        run = workspace.require("fusion")
        data = TrainingData.of(workspace)
        scores = ProductScores.load(run.folder / CROSS_FIT)
        group = data.plan.linked(data.catalog, catalog_positions(data.catalog, scores.product_ids))
        return cls(
            workspace, run, run.taxonomy(), data.catalog, recipe, tuple(times), seconds, survey, scores, group,
            data.leaf_counts, data.plan.mode == "kfold",
        )  # fmt: skip

    @property
    def n_independent(self) -> int:
        """Held-out products, of those that are right or wrong together one."""
        return len(np.unique(self.group))

    @property
    def n_labelled(self) -> int:
        """Products that were learnt from in the end."""
        return int(self.training_counts.sum())

    @property
    def is_small(self) -> bool:
        """So few were held out that every figure may be far off."""
        return self.n_independent < FEW_PRODUCTS

    @property
    def image_counts(self) -> list[int]:
        """Numbers of photos that held-out products have."""
        return [n for n in range(MAX_IMAGES + 1) if (self.scores.n_images == n).any()]

    def right(self, level: int, rows: NDArray[np.bool_] | None = None) -> MetricValue:
        """Share of held-out products, or of `(N,)` some, that are right at a level."""
        rows = np.ones(len(self.scores), bool) if rows is None else rows
        return grouped_share(self.scores.correct[rows, level - 1], self.group[rows])

    @property
    def sources(self) -> list[SourceFigures]:
        """What each source of evidence says by itself, those that are right on most products first."""
        told = []
        for name in self.run.details_as(FusionDetails).experts:
            if ALL in (by_count := self.run.metrics.get(name, {})):
                summary = Summary.from_json(by_count[ALL])
                share = summary.n / len(self.scores)
                told.append(SourceFigures(name, describe(name), summary.n, share, summary.leaf.top1))
        return sorted(told, key=lambda source: -source.n * source.right.value)

    @cached_property
    def proof(self) -> Proof:
        """What stands behind the decisions at the first of `ASKED`."""
        proof = proof_of(self.run, self.tree, ASKED[0], self.n_labelled)
        assert proof is not None, "a run of this version keeps its scores"
        return proof

    @property
    def unseen(self) -> list[UnseenShare]:
        """At each of `ASKED`, and where these leave nothing, at the highest share that leaves something."""
        shares = self.proof.shares
        told = [UnseenShare(target, shares[target]) for target in ASKED]
        if any(one.looked_at < 1 for one in told):
            return told
        lower = (UnseenShare(target, shares[target]) for target in TARGETS if target < ASKED[-1])
        return [*told, *[one for one in lower if one.looked_at < 1][:1]]

    @cached_property
    def weakest(self) -> list[WeakLeaf]:
        """Categories that are wrong most surely, the weakest first."""
        return weakest_leaves(self.scores, self.group, self.training_counts)
