"""`fusion train`: compare the heads on held-out probabilities, keep the best, learn its thresholds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.cli_options import no_bar
from catalog.files.progress import Bar
from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.metrics.product_scores import ProductScores
from catalog.metrics.summary import summaries_json
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.decide import Thresholds
from fusion.details import FUSED, FusionDetails
from fusion.experts.all_experts import AllExperts
from fusion.experts.neighbours import NAME as NEIGHBOURS
from fusion.head_artifacts import CALIBRATION, CROSS_FIT, HeadArtifacts
from fusion.heads.comparison import HeadComparison, compare_heads, fit_head
from fusion.heads.registry import HEADS, save_heads
from fusion.proof import Proof
from fusion.training.held_out import HeldOut, evaluated_experts, gather_held_out
from fusion.training.trial import ExpertTrial, try_expert


def train(
    workspace: Workspace, config: FusionConfig, more: Sequence[Path] = (), bar: Bar = no_bar,
    tell: Callable[[str], None] | None = None,
) -> tuple[Run, list[EvaluatedModel], Proof]:  # fmt: skip
    """Fit every head under the workspace's plan and save a run that is enough to predict.

    Args:
        more: folders of mosaic runs that speak beside the workspace's latest ones.
        bar: shows how far it is.
        tell: hears what to know of the experts' figures before they are believed.

    Returns:
        The run; what was compared on the held-out products: the fused result, every head (cross-fitted), every
        expert; and what those products prove.

    Raises:
        FileNotFoundError: no mosaic run; the message names the next command.
        ValueError: runs of different plans or trees, or too few held-out products.
    """
    labelled = TrainingData.of(workspace)
    latest = AllExperts.latest(workspace, labelled, more).configured(config).showing(bar)
    data, experts = gather_held_out(labelled, latest, config.seed)
    if len(data) < 2 * config.head_folds:
        raise ValueError(
            f"{len(data)} held-out products are too few for head_folds={config.head_folds}: split with more "
            "held-out products (`catalog split --held-out`), or --set head_folds=2"
        )
    if tell is not None:
        for remark in experts.remarks(data.product_ids):
            tell(remark)
    trial = None
    if NEIGHBOURS in data.names:
        data, comparison, trial = try_expert(NEIGHBOURS, data, config, bar, keep=config.neighbours == "on")
        experts = experts if trial.is_kept else experts.without_family(NEIGHBOURS)
    else:
        with bar("heads") as progress:
            comparison = compare_heads(data, config, progress)
    if tell is not None:
        for remark in filter(None, [_on_neighbours(data, trial, config)]):
            tell(remark)
    # what was cross-fitted chose the head; the heads that are kept have learnt from all held-out products
    heads = {name: fit_head(data, name, config) for name in HEADS}
    plan = labelled.plan
    run = Run.create(
        workspace.folder, "fusion", "fusion",
        plan=plan.plan_id, data=plan.data, config=config.model_dump(), tree=data.tree,
    )  # fmt: skip
    experts.keep(run.folder)
    save_heads(run, heads)
    counts = labelled.leaf_counts
    proof = _save_decisions(run.folder, data, comparison.scores[comparison.chosen], counts, config)
    models = evaluated_models(data, comparison, trial)
    run.keep(FusionDetails(
        heads=tuple(heads), experts=tuple(data.names), head=comparison.chosen, why=comparison.reason,
        others=experts.added, runs=tuple(own.folder.name for own in experts.runs), held_out_scores=CROSS_FIT,
    ))  # fmt: skip
    run.metrics = {model.name: summaries_json(model.summary) for model in models}
    run.save()
    workspace.register(run)
    return run, models, proof


def _save_decisions(
    folder: Path, data: HeldOut, scores: ProductScores, training_counts: NDArray[np.int64], config: FusionConfig
) -> Proof:
    """What prediction needs beside heads and networks; `scores`: cross-fitted, of the head that decides."""
    scores.save(folder / CROSS_FIT)
    # copies are right or wrong together: counted as many products they would prove too low a threshold
    independent = scores.select(data.representatives)
    independent.save(folder / CALIBRATION)
    thresholds = Thresholds.fit(independent, data.tree, config.target_precision, config.confidence)
    HeadArtifacts(thresholds, training_counts).save(folder)
    n_labelled = int(training_counts.sum())
    return Proof(independent, data.tree, config.target_precision, config.confidence, len(data), n_labelled)


def _on_neighbours(data: HeldOut, trial: ExpertTrial | None, config: FusionConfig) -> str:
    """Whether they speak, and why, for people; empty where nobody wanted to know."""
    if trial is not None:
        why = "as configured; " if trial.is_kept and config.neighbours == "on" else ""
        return f"neighbours {'speak' if trial.is_kept else 'do not speak'}: {why}{trial.why}"
    return "" if config.neighbours == "off" else f"neighbours: {data.absent.get(NEIGHBOURS, '')}"


def evaluated_models(
    data: HeldOut, comparison: HeadComparison, trial: ExpertTrial | None = None
) -> list[EvaluatedModel]:
    """What `fusion train` puts side by side, the head that decides first."""
    chosen, unknown = comparison.chosen, comparison.without_copies
    models = [EvaluatedModel(FUSED, f"{chosen}: {comparison.reason}", comparison.scores[chosen], 1.0)]
    if unknown is not None:
        models.append(EvaluatedModel(f"{FUSED}, no copy known", "the same, copies silent", unknown, 1.0))
    if trial is not None:
        other, scores = ("without", trial.without_it) if trial.is_kept else ("with", trial.with_it)
        models.append(EvaluatedModel(f"{FUSED}, {other} {trial.expert}", trial.why, scores, 1.0))
    models += [EvaluatedModel(name, HEADS[name].what, scores, 1.0) for name, scores in comparison.scores.items()]
    return [*models, *evaluated_experts(data)]
