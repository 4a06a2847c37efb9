"""`fusion train`: fit the head on held-out probabilities, its thresholds on cross-fitted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.metrics import Scores, concatenate_scores, paired_difference, score, score_probabilities, summarize
from catalog.photo_branch import FAMILIES
from catalog.probabilities import Probabilities
from catalog.report import System
from catalog.run import Run
from catalog.taxonomy import Taxonomy
from catalog.training_data import TrainingData
from catalog.workspace import Workspace
from fusion.config import FusionConfig
from fusion.decide import fit_thresholds
from fusion.head import save_head
from fusion.members import Members, training_prior
from fusion.pool import TreePool

CHUNK = 512
FUSED = "fused"


@dataclass(frozen=True)
class HeldOut:
    """Row-aligned held-out evidence of all experts, with the truth.

    Attributes:
        experts: in the order of the pool; truth: `(N,)` leaf; n_images: `(N,)`; prior: `(n_leaves,)`.
    """

    experts: list[Probabilities]
    truth: NDArray[np.int64]
    n_images: NDArray[np.int8]
    prior: NDArray[np.float64]
    tree: Taxonomy


def gather(workspace: Workspace, members: Members) -> HeldOut:
    """Align the members' held-out probabilities and look up the truth."""
    data = TrainingData.of(workspace)
    members.runs[0].check_tree(data.tree, "the workspace's")
    experts = members.held_out()
    truth, prior = data.truth(experts[0].product_ids), training_prior(data.tree, experts)
    return HeldOut(experts, truth, experts[0].n_images, prior, data.tree)


def train(workspace: Workspace, config: FusionConfig) -> tuple[Run, list[System]]:
    """Fit the head under the workspace's plan and save a run that is enough to predict.

    Returns the run, and the cross-fitted head beside every expert on the held-out products.
    """
    members = Members.latest(workspace)
    data = gather(workspace, members)
    names = [expert.expert for expert in data.experts]
    cross = cross_fit(data, names, config)
    thresholds = fit_thresholds(cross, config.target_precision, config.confidence)
    pool = TreePool(data.tree, names, shrinkage=config.shrinkage)
    pool.fit(data.experts, data.truth, data.n_images, data.prior)
    plan = workspace.plan()
    run = Run.create(
        workspace.folder, "fusion", "fusion",
        plan=plan.plan_id, data=plan.data, config=config.model_dump(), tree=data.tree,
    )  # fmt: skip
    members.copy_into(run.folder)
    save_head(run, pool, thresholds)
    systems = [System(FUSED, "cross-fitted", cross, 1.0), *expert_systems(data)]
    run.metrics = {system.name: summarize(system.scores) for system in systems}
    run.save()
    workspace.register(run)
    return run, systems


def cross_fit(data: HeldOut, names: Sequence[str], config: FusionConfig) -> Scores:
    """Scores of the head on products that took no part in fitting it."""
    fold = np.random.default_rng(config.seed).permutation(len(data.truth)) % config.head_folds
    parts, rows_of = [], []
    for held_out in range(config.head_folds):
        fitted, tested = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        pool = TreePool(data.tree, names, shrinkage=config.shrinkage)
        pool.fit([e.select(fitted) for e in data.experts], data.truth[fitted], data.n_images[fitted], data.prior)
        for rows in np.split(tested, range(CHUNK, len(tested), CHUNK)):
            some = [e.select(rows) for e in data.experts]
            dense = pool.predict_proba(some, data.n_images[rows])
            ids = data.experts[0].product_ids[rows]
            parts.append(score(dense, data.truth[rows], ids, data.n_images[rows], data.tree))
            rows_of.append(rows)
    return concatenate_scores(parts).select(np.argsort(np.concatenate(rows_of)))


def expert_systems(data: HeldOut) -> list[System]:
    """Every expert, measured on the held-out products where it speaks."""
    systems = []
    for expert in data.experts:
        scores = score_probabilities(expert, data.truth, data.tree)
        if len(scores):
            systems.append(System(expert.expert, EXPERTS[expert.expert], scores, len(scores) / len(data.truth)))
    return systems


EXPERTS = {**{name: f"photos, {what}" for name, what in FAMILIES.items()}, "text": "words read, where routed"}


def gain_over(fused: Scores, other: Scores) -> tuple[float, float, float]:
    """Leaf accuracy of the head minus an expert's on the products where that expert speaks, with its interval."""
    rows = np.flatnonzero(np.isin(fused.product_ids, other.product_ids))
    own = fused.select(rows[np.argsort(fused.product_ids[rows])])
    theirs = other.select(np.argsort(other.product_ids))
    return paired_difference(own.correct[:, 2], theirs.correct[:, 2])
