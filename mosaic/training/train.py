"""`mosaic train`: held-out probabilities and the deployed network of one view, as a run folder."""

import logging
from pathlib import Path

import numpy as np

from catalog.files.progress import Bar
from catalog.metrics.product_scores import score_probabilities
from catalog.metrics.summary import summaries_json, summarize
from catalog.probabilities import concatenate
from catalog.runs.run import HELD_OUT, Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.plan import Plan
from catalog.tree.taxonomy import Taxonomy
from mosaic.config import MosaicConfig
from mosaic.networks.device import best_device
from mosaic.runs import MosaicDetails
from mosaic.training import distributed
from mosaic.training.cross_fitting import CrossFitting, products_of_view
from mosaic.training.determinism import deterministic_algorithms
from mosaic.training.fitted import fitted_by
from mosaic.training.history import read_history
from mosaic.training.linear_fits import LinearFits, require_linear
from mosaic.training.method_choice import fitted_by_choice
from mosaic.training.resume import begun_or_resumed, finish, identity_of
from mosaic.training.run_graph import add_graph
from mosaic.views import View

log = logging.getLogger(__name__)


class TooFewProducts(ValueError):
    """A view has too few products for a network of its own."""


def train(
    workspace: Workspace, config: MosaicConfig, view: View, init_from: Path | None, bar: Bar, *, resume: bool = False
) -> Run:
    """Train the network of one view under the workspace's plan.

    Every held-out part is predicted by a network that never saw it; these probabilities are saved in the run. The
    deployed network has learnt from every product (but those that `validation` sets aside): with one held-out part, the
    general network goes on from the one that was measured (as a specialist would); in folds, and for specialists, it is
    fitted like those of the parts.
    `init_from`: a run whose networks are the start, part by part. `resume`: go on with the unfinished run of the same
    plan, view and configuration, or give back the finished one.

    Raises:
        TooFewProducts: the view has fewer than `config.min_products` training products in a part.
        ValueError: `init_from` was trained under another plan, so it may have seen what is held out here; or
            a GPU is to decode, and there is none.
        OSError: with `resume`, another process is training the run that is to be gone on with.
    """
    if config.decode == "gpu" and best_device().type != "cuda":
        raise ValueError("decode is gpu, and PyTorch finds no GPU here that it can use: train with --set decode=cpu")
    data = TrainingData.of(workspace)
    plan = data.plan
    _check_enough(data, config, view)
    if config.method == "linear":
        _check_linear(data, view, init_from)
    start = None if init_from is None else starting_run(init_from, plan, data.tree)
    if start is not None and config.method == "auto" and start.details_as(MosaicDetails).method == "linear":
        # a few epochs on fewer products would undo what cross-validation has found better
        require_linear(view, *_size(data, view))
    distributed.join()
    started_from = start.folder.name if start else None
    identity = identity_of(config, view, start.digest() if start else None, plan.plan_id)
    # trainings that an earlier version began knew their start by its folder's name
    earlier = identity_of(config, view, started_from, plan.plan_id)
    with begun_or_resumed(workspace, config, view, identity, data, resume=resume, earlier=earlier) as (run, finished):
        if not finished:
            with deterministic_algorithms(config.deterministic):
                _train(run, workspace, config, view, start, identity, data, bar)
    return run


def _train(
    run: Run, workspace: Workspace, config: MosaicConfig, view: View, start: Run | None, identity: str,
    data: TrainingData, bar: Bar,
) -> None:  # fmt: skip
    """Fit, measure and close a run; what was done before a kill is not done again."""
    history = read_history(run.folder / "history.csv")
    fine = CrossFitting(data, config, view, run, start, bar, workspace, history)
    linear = LinearFits(data, config, view, run, start, bar, workspace)
    if config.method == "linear":
        fitted = fitted_by(linear, "linear")
    elif config.method == "auto" and _is_open(data, view, start):
        fitted = fitted_by_choice(fine, linear)
    else:
        fitted = fitted_by(fine, "fine-tune")
    if distributed.is_main():
        held_out = concatenate(fitted.held_out)
        held_out.save(run.folder / HELD_OUT)
        started_from = start.folder.name if start else None
        run.keep(
            MosaicDetails(
                view.n_images, view.position, started_from, identity, fitted.k,
                method=fitted.method, comparison=fitted.comparison,
            )
        )  # fmt: skip
        truth = data.truth(held_out.product_ids)
        run.metrics = summaries_json(summarize(score_probabilities(held_out, truth, data.tree)))
        fitted.fits.write_page(held_out, truth, fitted.deployed, sections=fitted.sections)
        add_graph(run, config, view, data.catalog)
        finish(workspace, run, view)
    # the next view may start from this run: no process looks for it before it is there
    distributed.barrier()


def _check_enough(data: TrainingData, config: MosaicConfig, view: View) -> None:
    for part in data.plan.held_out_parts:
        available = len(products_of_view(data, data.plan.training_positions(part), view))
        if available < config.min_products:
            raise TooFewProducts(
                f"{available} training products with such photos (min_products is {config.min_products}): "
                "the general network serves them"
            )


def _check_linear(data: TrainingData, view: View, init_from: Path | None) -> None:
    """Refuse, with the way out, where a head on frozen features is no way to learn."""
    if init_from is not None:
        raise ValueError(
            f"--init-from {init_from}: method is linear, which learns from the backbone's own weights; leave "
            "--init-from out, or go on from that run with --set method=fine-tune"
        )
    require_linear(view, *_size(data, view))


def _is_open(data: TrainingData, view: View, start: Run | None) -> bool:
    """Whether both methods can be compared: a network that goes on from a run is fine-tuned, so is one of many."""
    if start is not None:
        return False
    try:
        require_linear(view, *_size(data, view))
    except ValueError as why_not:
        log.info("%s: fine-tuned without a comparison: %s", view.title, why_not)
        return False
    return True


def _size(data: TrainingData, view: View) -> tuple[int, int]:
    """Products that a view's network learns from, and their leaves."""
    leaf = data.leaf[products_of_view(data, data.plan.positions, view)]
    return len(leaf), len(np.unique(leaf))


def starting_run(folder: Path, plan: Plan, tree: Taxonomy) -> Run:
    """The run whose networks are the start; raises ValueError where it may have seen what is held out here."""
    run = Run.load(folder, "mosaic")
    run.check_tree(tree, "the workspace's")
    if run.plan != plan.plan_id:
        raise ValueError(
            f"--init-from {folder}: trained under plan {run.plan}, this workspace has {plan.plan_id}; "
            "it may have learnt from products that are held out here. Train it again under this plan"
        )
    return run
