"""The networks that one `mosaic train` makes: general, a specialist per image count, another architecture."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from catalog.files.progress import Bar
from catalog.metrics.summary import ALL, Summary
from catalog.product import MAX_IMAGES
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.networks.device import best_device, warn_if_slow
from mosaic.runs import MosaicDetails
from mosaic.training import distributed
from mosaic.training.conditions import conditions
from mosaic.training.effective_batch import EffectiveBatch
from mosaic.training.linear_fits import OneHeadForAll
from mosaic.training.matching.recall import recall_line
from mosaic.training.matching.train import MATCHING, train_matching
from mosaic.training.train import TooFewProducts, train
from mosaic.views import ANY, View

log = logging.getLogger(__name__)


def train_series(
    workspace: Workspace, config: MosaicConfig, bar: Bar, *,
    n_images: str | None = None, position: str = "", init_from: str | None = None, resume: bool = False,
    tell: Callable[[str], None] = log.info,
) -> Iterator[str]:  # fmt: skip
    """Train what was asked for, yielding a line for people after each network.

    `n_images`: `any`, `1`..`4` or None for all; `position`: networks of one photo per pass, see `View`; `init_from`: a
    run folder, `none`, or None for the default; `resume`: go on with what was killed; `tell`: takes lines on how it is
    trained, before each network for which they are others.
    """
    distributed.join()
    if distributed.is_main():
        warn_if_slow(best_device())
    told = ""
    for view, settings, init in _steps(config, n_images, position, init_from):
        # what is the latest run is for one process to say: it may just be registering it
        if init is None and settings.method == "linear":
            # the backbone stays as it is: there is nothing to go on from
            init = "none"
        start = distributed.broadcast(str(_start(workspace, view, init) or ""))
        training = settings.specialist if start else settings.training
        if distributed.is_main() and settings.method != "linear" and (how := conditions(settings, training)) != told:
            told = how
            tell(f"training on {how}")
            if deviation := EffectiveBatch.of(settings, training, distributed.world_size()).deviation(settings):
                tell(deviation)
        try:
            run = train(workspace, settings, view, Path(start) if start else None, bar, resume=resume)
        except (TooFewProducts, OneHeadForAll) as error:
            if n_images is not None and workspace.latest("mosaic", View().slot) is None:
                raise
            yield f"{view.title}: {error}"
        else:
            yield f"{view.title}: {run.folder}  {_held_out_line(run)}"


def match_line(
    workspace: Workspace, config: MosaicConfig, bar: Bar, *, init_from: str | None = None, resume: bool = False,
    tell: Callable[[str], None] = log.info,
) -> str:  # fmt: skip
    """Train the network that matches photos; a line for people. `init_from`: a run folder, None for the default.

    Raises:
        ValueError: `init_from` is `none`: vectors that match are learnt by a network that knows the tree.
    """
    if init_from == "none":
        raise ValueError(
            "--init-from none: matching goes on from a trained network, the general one or --init-from RUN"
        )
    start = None if init_from is None else Path(init_from)
    run = train_matching(workspace, config, bar, init_from=start, resume=resume, tell=tell)
    # the main process alone has measured it
    return f"{MATCHING.title}: {run.folder}  {recall_line(run) if run.metrics else ''}"


def _steps(
    config: MosaicConfig, n_images: str | None, position: str, init_from: str | None
) -> list[tuple[View, MosaicConfig, str | None]]:
    """The networks to train, each with its configuration and where it starts from."""
    if n_images is not None:
        return [(View(ANY if n_images == "any" else int(n_images), position), config, init_from)]
    if position:
        return [(View(ANY, position), config, init_from)]
    # the general network first (its count is 0): the specialists start from it, where there are any
    counts = range(1 if config.method == "linear" else MAX_IMAGES + 1)
    steps = [(View(count), config, init_from) for count in counts]
    if config.second_backbone:
        backbone = config.backbone.model_copy(update={"name": config.second_backbone})
        steps.append((View(ANY, "any"), config.model_copy(update={"backbone": backbone}), "none"))
    return steps


def _start(workspace: Workspace, view: View, init_from: str | None) -> Path | None:
    if init_from is not None:
        return None if init_from == "none" else Path(init_from)
    general = workspace.latest("mosaic", View().slot) if view != View() else None
    return general.folder if general else None


def _held_out_line(run: Run) -> str:
    if not run.metrics:
        return "(no product held out)"
    summary = Summary.from_json(run.metrics[ALL])
    names = run.taxonomy().level_names
    top1 = (f"{names[level]} {figures.top1.value:.3f}" for level, figures in summary.levels.items())
    comparison = run.details_as(MosaicDetails).comparison
    return f"held out {summary.n}: {', '.join(top1)}" + (f"; {comparison}" if comparison else "")
