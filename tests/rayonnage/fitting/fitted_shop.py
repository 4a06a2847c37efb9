"""A fitted workspace made by hand: plan, catalogue and a fusion run whose scores are chosen, no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bson
import numpy as np

from catalog.catalog import Catalog
from catalog.metrics.product_scores import ProductScores, score
from catalog.metrics.summary import summaries_json, summarize
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from fusion.config import FusionConfig
from fusion.decide import Thresholds
from fusion.details import FusionDetails
from fusion.head_artifacts import CALIBRATION, CROSS_FIT, HeadArtifacts
from rayonnage.fitting.looking.survey import CatalogSurvey
from rayonnage.fitting.recipe import FitSection, Recipe
from rayonnage.fitting.stages import Stage
from rayonnage.fitting.telling.outcome import FitOutcome, StageTime
from tests.support.products import LEAVES, TAXONOMY, make_photo

Put = Callable[[int, int], tuple[int, float]]
"""From a product's id and true leaf to the leaf that it is put on, and with which probability."""


def rightly(product: int, leaf: int) -> tuple[int, float]:
    """Every product on its leaf."""
    return leaf, 0.97


def fit_by_hand(
    folder: Path, n_products: int = 160, put: Put = rightly, *, copies: int = 1, folds: int | None = None
) -> Workspace:
    """Products with 1 to 4 photos, leaf after leaf; each photo is that of `copies` products."""
    documents = []
    for i in range(n_products):
        article = i // copies
        imgs = [{"picture": make_photo(10 * article + k, (16, 16))} for k in range(1 + article % 4)]
        documents.append({"_id": i, "category_id": LEAVES[article % len(LEAVES)][0], "imgs": imgs})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.bson").write_bytes(b"".join(map(bson.encode, documents)))
    workspace, catalog = Workspace(folder / "runs"), Catalog(folder / "shop.bson")
    mode = "heldout" if folds is None else "kfold"
    plan, _ = make_plan(catalog, TAXONOMY, mode=mode, n_parts=folds or 2)
    workspace.save_plan(plan, TAXONOMY)
    data = TrainingData.of(workspace)
    positions = np.sort(np.concatenate([plan.held_out_positions(part) for part in plan.held_out_parts]))
    _save_run(workspace, data, _scored(data, positions, put))
    return workspace


def _scored(data: TrainingData, positions: np.ndarray, put: Put) -> ProductScores:
    ids, truth = data.catalog.product_ids[positions], data.leaf[positions]
    dense = np.empty((len(ids), len(data.tree)), np.float32)
    for row, (product, leaf) in enumerate(zip(ids.tolist(), truth.tolist(), strict=True)):
        on, probability = put(product, leaf)
        dense[row] = (1 - probability) / (len(data.tree) - 1)
        dense[row, on] = probability
    return score(dense, truth, ids, data.catalog.n_images[positions], data.tree)


def _save_run(workspace: Workspace, data: TrainingData, scores: ProductScores) -> None:
    config = load_config(FusionConfig, "fusion")
    plan = data.plan
    run = Run.create(
        workspace.folder,
        "fusion",
        "fusion",
        plan=plan.plan_id,
        data=plan.data,
        config=config.model_dump(),
        tree=data.tree,
    )
    group = plan.linked(data.catalog, catalog_positions(data.catalog, scores.product_ids))
    alone = scores.select(np.unique(group, return_index=True)[1])
    scores.save(run.folder / CROSS_FIT)
    alone.save(run.folder / CALIBRATION)
    thresholds = Thresholds.fit(alone, data.tree, config.target_precision, config.confidence)
    HeadArtifacts(thresholds, data.leaf_counts).save(run.folder)
    run.keep(FusionDetails(("tree",), ("mosaic",), "tree", "the only one", {}, held_out_scores=CROSS_FIT))
    figures = summaries_json(summarize(scores))
    run.metrics = {"fused": figures, "mosaic": figures}
    run.save()
    workspace.register(run)


def outcome_of(workspace: Workspace, survey: CatalogSurvey | None = None, **section: object) -> FitOutcome:
    """What `rayonnage fit` would read; `section`: of the recipe."""
    catalog = str(workspace.folder.parent / "shop.bson")
    recipe = Recipe(fit=FitSection.model_validate({"catalog": catalog, "held_out": 0.5, **section}))
    room = ("--workspace", str(workspace.folder))
    times = [
        StageTime(Stage("split", "set products aside", ("catalog", "split", catalog, *room), 2.0), 1.5),
        StageTime(Stage("mosaic-2", "learn from pairs", ("mosaic", "train", "--n-images", "2", *room), 90.0), None),
        StageTime(Stage("fusion", "put it together", ("fusion", "train", *room), 20.0), 24.0),
    ]
    return FitOutcome.of(workspace, recipe, times, seconds=300.0, survey=survey)
