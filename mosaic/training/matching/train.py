"""`mosaic train --objective match`: a network whose vectors of one product's photos are near each other, as a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import Bar
from catalog.metrics.product_scores import score_probabilities
from catalog.metrics.summary import summaries_json, summarize
from catalog.probabilities import Probabilities, concatenate
from catalog.runs.run import HELD_OUT, Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.networks.device import best_device, warn_if_slow
from mosaic.runs import MosaicDetails
from mosaic.training import distributed
from mosaic.training.conditions import conditions
from mosaic.training.determinism import deterministic_algorithms
from mosaic.training.history import read_history
from mosaic.training.matching.fits import MatchingFits
from mosaic.training.matching.groups import require_groups
from mosaic.training.matching.recall import MatchingRecall
from mosaic.training.resume import begun_or_resumed, finish, identity_of
from mosaic.training.run_graph import add_graph
from mosaic.training.train import starting_run
from mosaic.views import ANY, MatchingView, View

MATCHING = MatchingView()
EACH_PHOTO = View(ANY, "any")


def train_matching(
    workspace: Workspace, config: MosaicConfig, bar: Bar, *, init_from: Path | None = None, resume: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Run:  # fmt: skip
    """Go on with the general network so that its vectors match photos, under the workspace's plan.

    As in `train` every held-out part is judged by a network that never saw it, and the deployed one has learnt from
    every product. Its metrics tell the recall of held-out products by its vectors and by those of the start.

    Args:
        init_from: the run to start from, None for the workspace's general network; resume: as in `train`.

    Raises:
        FileNotFoundError: there is no general network yet; the message names the next command.
        ValueError: no product has a second photo or shares one; or `init_from` was trained under another plan.
        OSError: with `resume`, another process is training the run that is to be gone on with.
    """
    # what is compiled is a network that answers, not one whose vectors are looked at
    config = config.model_copy(update={"compile": False})
    distributed.join()
    data = TrainingData.of(workspace)
    start = starting_run(init_from or workspace.require("mosaic", View().slot).folder, data.plan, data.tree)
    identity = identity_of(config, MATCHING, start.digest(), data.plan.plan_id)
    require_groups(data)
    with begun_or_resumed(workspace, config, MATCHING, identity, data, resume=resume) as (run, finished):
        if not finished:
            fits = MatchingFits(
                data, config, EACH_PHOTO, run, start, bar, workspace, read_history(run.folder / "history.csv")
            )
            if distributed.is_main():
                warn_if_slow(best_device())
                tell(f"training on {conditions(config, fits.training_from(None))}")
            with deterministic_algorithms(config.deterministic):
                _train(fits, identity)
    return run


def _train(fits: MatchingFits, identity: str) -> None:
    """Fit, measure and close a run; what was done before a kill is not done again."""
    data, config, run, start = fits.data, fits.config, fits.run, fits.start
    assert start is not None
    parts: list[Probabilities] = []
    recalls: list[NDArray[np.float64]] = []
    for part in data.plan.held_out_parts:
        plain = fits.initial(part)
        network = fits.fit_without(part, plain)
        if distributed.is_main():
            parts.append(fits.predict_held_out(part, network))
            assert plain is not None
            recalls.append(fits.recalls(part, plain, network))
    deployed = fits.fit_without(None, fits.initial(None))
    if distributed.is_main():
        held_out = concatenate(parts)
        held_out.save(run.folder / HELD_OUT)
        k = fits.k or min(config.inference.max_leaves, len(deployed.support))
        run.keep(MosaicDetails(EACH_PHOTO.n_images, EACH_PHOTO.position, start.folder.name, identity, k, "match"))
        truth = data.truth(held_out.product_ids)
        recall = MatchingRecall.of(recalls)
        run.metrics = summaries_json(summarize(score_probabilities(held_out, truth, data.tree))) | recall.to_json()
        fits.write_page(
            held_out, truth, deployed, title=MATCHING.title, more={"matching": str(recall)} | fits.looked_at
        )
        add_graph(run, config, EACH_PHOTO, data.catalog)
        finish(fits.workspace, run, MATCHING)
    distributed.barrier()
