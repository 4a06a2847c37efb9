"""The fusion runs of a workspace, by the names of their folders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catalog.metrics.intervals import MetricValue
from catalog.metrics.summary import ALL, Summary
from catalog.runs.run import DETAILS, Run
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.details import FUSED
from fusion.head_artifacts import shares_given

KEPT = 64
"""Runs of which it is remembered what they give: of half a million held-out products it takes a second."""


@dataclass(frozen=True)
class LevelAccuracy:
    """Share in [0, 1] of held-out products that are right at a level, with its 95 % interval."""

    name: str
    right: MetricValue


@dataclass(frozen=True)
class GivenUnseen:
    """What a run would do with its held-out products when `precision` of what is given must be right.

    `accepted`, `parents`: shares in [0, 1] that it would accept, and give a parent alone.
    """

    precision: float
    accepted: float
    parents: float


@dataclass(frozen=True)
class KnownRun:
    """A fusion run.

    Attributes:
        name: of its folder; trained: since 1970.
        n: held-out products that it was measured on, 0 where it was not; levels: the leaves first.
        head: what decides; experts: what speaks; unseen: None where the run does not keep it.
        fault: why it cannot be used, "" where it can.
    """

    name: str
    folder: Path
    trained: float
    n: int = 0
    levels: tuple[LevelAccuracy, ...] = ()
    head: str = ""
    experts: tuple[str, ...] = ()
    unseen: GivenUnseen | None = None
    fault: str = ""


def known_runs(workspace: Workspace) -> list[KnownRun]:
    """All that were finished, the newest first."""
    found = [path.parent for path in workspace.folder.glob(f"fusion*/{DETAILS}")]
    return sorted(map(_known, found), key=lambda run: (-run.trained, run.name))


def run_named(workspace: Workspace, name: str) -> Run:
    """The run of a name: only one of the workspace's own, never a path.

    Raises:
        FileNotFoundError: there is none. ValueError: it is damaged.
    """
    known = {run.name: run for run in known_runs(workspace)}
    if name not in known:
        raise FileNotFoundError(f"the workspace has no fusion run {name[:80]}: it has {', '.join(known) or 'none'}")
    return Run.load(known[name].folder, "fusion")


def _known(folder: Path) -> KnownRun:
    trained = (folder / DETAILS).stat().st_mtime
    try:
        run = Run.load(folder, "fusion")
        names = run.taxonomy().level_names
        figures = run.metrics.get(FUSED, {}).get(ALL)
        summary = None if figures is None else Summary.from_json(figures)
        details = run.details
        levels = () if summary is None else tuple(
            LevelAccuracy(names[level], summary.levels[level].top1) for level in sorted(summary.levels, reverse=True)
        )  # fmt: skip
        n = 0 if summary is None else summary.n
        return KnownRun(folder.name, folder, trained, n, levels, str(details.get("head", "")),
                        tuple(details.get("experts", ())), _unseen(folder, trained))  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        return KnownRun(folder.name, folder, trained, fault=str(error) or "it is damaged")


@lru_cache(maxsize=KEPT)
def _unseen(folder: Path, trained: float) -> GivenUnseen | None:
    """Of a run as it was at a time: it does not change any more."""
    run = Run.load(folder, "fusion")
    shares = shares_given(run, run.taxonomy())
    if shares is None:
        return None
    return GivenUnseen(run.config(FusionConfig).target_precision, float(shares[-1]), float(shares[1:-1].sum()))
