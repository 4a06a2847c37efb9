"""Experts that are no networks, as kinds of a workspace and of a fusion run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from catalog.experts import Opinion
from catalog.probabilities import Probabilities, Silence
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.cli import main as fusion
from fusion.experts.kind import ExpertKind
from tests.support.command_line import call

EXPERTS = ("photo", "text")


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


def opinion_on(expert: str, product_ids: np.ndarray, tree: Taxonomy) -> Probabilities:
    """What is made up of a product by its number, which also tells its leaf; the text is silent on one in three."""
    dense = np.empty((len(product_ids), len(tree)))
    for row, product_id in enumerate(product_ids.tolist()):
        logits = np.random.default_rng([EXPERTS.index(expert), product_id]).normal(size=len(tree))
        cat1 = tree.ancestor(1)
        logits[cat1 == cat1[product_id % len(tree)]] += 1.5
        logits[product_id % len(tree)] += 1.5
        dense[row] = np.exp(logits) / np.exp(logits).sum()
    silent = Silence.NOTHING_READ * ((product_ids % 3 == 0) & (expert == "text"))
    return Probabilities.from_dense(
        expert, product_ids, np.ones(len(product_ids), np.int8), dense, silent.astype(np.uint8),
        support=np.arange(len(tree), dtype=np.int32), frequency=np.full(len(tree), 1 / len(tree)), k=len(tree),
        taxonomy=tree.fingerprint,
    )  # fmt: skip


@dataclass(frozen=True)
class MadeUp(LooksAtNoPhoto):
    """An expert that makes up what it says, see `opinion_on`."""

    name: str
    tree: Taxonomy

    def predict(self, chunk, so_far):
        return Opinion(opinion_on(self.name, chunk.product_ids, self.tree), self.name)


class MadeUpExperts(KindOfARun):
    """Both of `EXPERTS`."""

    family: ClassVar[str] = "made up"

    @classmethod
    def latest(cls, workspace, data, more):
        return cls(workspace.require("mosaic"), data.catalog.product_ids)

    def held_out(self, product_ids):
        return [opinion_on(name, self.product_ids, self.run.taxonomy()) for name in EXPERTS]

    def experts(self, tree, workspace, before=()):
        return [MadeUp(name, tree) for name in EXPERTS]

    @classmethod
    def describe(cls, expert):
        return "made up" if expert in EXPERTS else None


def train_made_up(folder: Path, tree: Taxonomy) -> str:
    """Train a fusion of `MadeUpExperts` in a workspace that has a plan; returns what is said."""
    workspace = Workspace(folder)
    plan = TrainingData.of(workspace).plan
    run = Run.create(workspace.folder, "mosaic", "mosaic", plan=plan.plan_id, data=plan.data, config={}, tree=tree)
    run.save()
    workspace.register(run)
    return call(fusion, "train", "--config", "debug", "--precision", "0.9", "--workspace", folder)
