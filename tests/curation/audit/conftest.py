"""A workspace with a held-out image branch and a fused result, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.metrics.product_scores import ProductScores, score_probabilities
from catalog.probabilities import Probabilities
from catalog.runs.run import HELD_OUT, Run
from catalog.runs.saved_probabilities import held_out_file
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan, make_plan
from catalog.tree.taxonomy import Taxonomy
from tests.curation.audit.cases import said


@dataclass
class Room:
    """A catalogue with its workspace, plan and tree, and which products are held out."""

    catalog: Catalog
    tree: Taxonomy
    workspace: Workspace
    plan: Plan

    @property
    def held_out(self) -> np.ndarray:
        return np.concatenate([self.plan.held_out_positions(part) for part in self.plan.held_out_parts])

    def probabilities(self, positions: np.ndarray, seed: int = 0, **more: object) -> Probabilities:
        """An expert that leans towards the labels of these products."""
        rng = np.random.default_rng(seed)
        leaf = self.tree.leaf_index(self.catalog.category_ids)[positions]
        logits = rng.normal(size=(len(positions), len(self.tree)))
        logits[np.arange(len(positions)), leaf] += 2
        dense = np.exp(logits).astype(np.float32)
        return said(dense, ids=self.catalog.product_ids[positions], plan=self.plan.plan_id, **more)

    def run(self, kind: str, name: str, slot: str = "") -> Run:
        """An empty run of the plan, the latest of its kind."""
        run = Run.create(
            self.workspace.folder, kind, name, plan=self.plan.plan_id, data=self.plan.data, config={}, tree=self.tree
        )
        run.save()
        self.workspace.register(run, slot)
        return run

    def photos(self, **more: object) -> Probabilities:
        """Register an image branch."""
        return self.register_photos(self.probabilities(self.held_out, **more))

    def register_photos(self, held_out: Probabilities) -> Probabilities:
        """What `mosaic train` leaves: a run, and the branch's held-out probabilities."""
        merged = held_out_file(self.workspace)
        merged.parent.mkdir(exist_ok=True)
        for path in (self.run("mosaic", "mosaic-any", "any").folder / HELD_OUT, merged):
            held_out.save(path)
        return held_out

    def fused(self, positions: np.ndarray, seed: int = 1) -> ProductScores:
        """Register a fused result, cross-fitted on these products."""
        leaf = self.tree.leaf_index(self.catalog.category_ids)[positions]
        scores = score_probabilities(self.probabilities(positions, seed), leaf, self.tree)
        run = self.run("fusion", "fusion")
        run.details["held_out_scores"] = "crossfit.safetensors"
        run.save()
        scores.save(run.folder / "crossfit.safetensors")
        return scores


@pytest.fixture
def make_room(tiny_catalog: Catalog, tree_csv: Path, tmp_path: Path) -> Callable[..., Room]:
    def make(mode: str = "heldout", catalog: Catalog = tiny_catalog) -> Room:
        tree = Taxonomy.from_csv(tree_csv)
        plan, _ = make_plan(catalog, tree, mode=mode, n_parts=3)
        workspace = Workspace(tmp_path / "runs")
        workspace.save_plan(plan, tree)
        return Room(catalog, tree, workspace, plan)

    return make
