"""`fusion experts`: who speaks, on how many held-out products, and how well."""

from collections.abc import Sequence
from pathlib import Path

from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from fusion.experts.copy_table import NAME as COPIES
from fusion.experts.images import ExpertRuns, backbone_of, unused_runs
from fusion.training.held_out import MIN_SPEAKING, evaluated_experts, gather_held_out


def list_experts(workspace: Workspace, more: Sequence[Path] = ()) -> str:
    """A text table of the experts, their runs, and runs that could be added.

    Raises:
        FileNotFoundError: no mosaic run; the message names the next command.
        ValueError: runs of different plans or trees.
    """
    expert_runs = ExpertRuns.latest(workspace, more)
    data = gather_held_out(TrainingData.of(workspace), expert_runs)
    experts = evaluated_experts(data)
    width = max(len(expert.name) for expert in experts)
    lines = [f"{len(data)} held-out products; accuracy where an expert speaks, in percent", ""]
    lines.append(f"{'':{width}}  covers  Cat I  Cat II  Cat III")
    lines += [f"{expert.name:{width}}  {_figures(expert)}  {expert.what}" for expert in experts]
    if COPIES not in data.names:
        lines.append(f"{COPIES:{width}}  fewer than {MIN_SPEAKING} held-out products share a photo: not an expert here")
    lines += ["", "runs", *(f"  {run.folder.name}" for run in expert_runs.runs)]
    unused = unused_runs(workspace, expert_runs)
    if unused:
        lines += ["", "networks that do not speak (add one with `fusion train --with RUN`)"]
        lines += [f"  {run.folder}  {backbone_of(run)}" for run in unused]
    return "\n".join(lines)


def _figures(expert: EvaluatedModel) -> str:
    accuracy = 100 * expert.scores.correct.mean(axis=0)
    return f"{100 * expert.coverage:5.1f}%  {accuracy[0]:5.1f}  {accuracy[1]:6.1f}  {accuracy[2]:7.1f}"
