"""The networks that one `mosaic train` makes: the general one, then a specialist for every image count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.photo_branch import ANY
from catalog.product import MAX_IMAGES
from catalog.run import Run
from catalog.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.training import Bar, TooFewProducts, train


def train_series(
    workspace: Workspace, config: MosaicConfig, n_images: str | None, init_from: str | None, bar: Bar
) -> Iterator[str]:
    """Train what was asked for, yielding a line for people after each network.

    `n_images`: `any`, `1`..`4` or None for all; `init_from`: a run folder, `none`, or None for the default.
    """
    for count in _counts(n_images):
        try:
            run = train(workspace, config, count, _start(workspace, count, init_from), bar)
        except TooFewProducts as error:
            if n_images is not None and workspace.latest("mosaic", "any") is None:
                raise
            yield f"{_title(count)}: {error}"
        else:
            yield f"{_title(count)}: {run.folder}  {_held_out_line(run)}"


def _title(count: int) -> str:
    return "any count" if count == ANY else f"{count} photo{'s' if count > 1 else ''}"


def _counts(n_images: str | None) -> list[int]:
    if n_images is None:
        return list(range(MAX_IMAGES + 1))
    return [ANY if n_images == "any" else int(n_images)]


def _start(workspace: Workspace, count: int, init_from: str | None) -> Path | None:
    if init_from is not None:
        return None if init_from == "none" else Path(init_from)
    general = workspace.latest("mosaic", "any") if count != ANY else None
    return general.folder if general else None


def _held_out_line(run: Run) -> str:
    if not run.metrics:
        return "(no product held out)"
    figures = run.metrics["all"]
    top = {level: figures["levels"][str(level)]["top1"] for level in (1, 2, 3)}
    return f"held out {figures['n']}: Cat I {top[1]:.3f}, Cat II {top[2]:.3f}, Cat III {top[3]:.3f}"
