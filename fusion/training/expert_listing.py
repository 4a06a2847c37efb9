"""`fusion experts`: who speaks, on how many held-out products, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from fusion.copies import NAME as COPIES
from fusion.expert_runs import ExpertRuns, backbone_of, unused_runs
from fusion.training.held_out import MIN_SPEAKING, expert_systems, gather


def roster(workspace: Workspace, more: Sequence[Path] = ()) -> str:
    """A text table of the experts, their runs, and runs that could be added.

    Raises:
        FileNotFoundError: no mosaic run; the message names the next command.
        ValueError: runs of different plans or trees.
    """
    members = ExpertRuns.latest(workspace, more)
    data = gather(TrainingData.of(workspace), members)
    systems = expert_systems(data)
    width = max(len(system.name) for system in systems)
    lines = [f"{len(data)} held-out products; accuracy where an expert speaks, in percent", ""]
    lines.append(f"{'':{width}}  covers  Cat I  Cat II  Cat III")
    lines += [f"{system.name:{width}}  {_figures(system)}  {system.what}" for system in systems]
    if COPIES not in data.names:
        lines.append(f"{COPIES:{width}}  fewer than {MIN_SPEAKING} held-out products share a photo: not an expert here")
    lines += ["", "runs", *(f"  {run.folder.name}" for run in members.runs)]
    unused = unused_runs(workspace, members)
    if unused:
        lines += ["", "networks that do not speak (add one with `fusion train --with RUN`)"]
        lines += [f"  {run.folder}  {backbone_of(run)}" for run in unused]
    return "\n".join(lines)


def _figures(system: EvaluatedModel) -> str:
    accuracy = 100 * system.scores.correct.mean(axis=0)
    return f"{100 * system.coverage:5.1f}%  {accuracy[0]:5.1f}  {accuracy[1]:6.1f}  {accuracy[2]:7.1f}"
