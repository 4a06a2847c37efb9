"""`fusion experts`: who speaks, on how many held-out products, and how well."""

from collections.abc import Sequence
from pathlib import Path

from catalog.cli_options import no_bar
from catalog.files.progress import Bar
from catalog.metrics.evaluated_model import EvaluatedModel
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.experts.all_experts import AllExperts
from fusion.experts.images import backbone_of, unused_networks
from fusion.training.held_out import evaluated_experts, gather_held_out


def list_experts(workspace: Workspace, more: Sequence[Path] = (), bar: Bar = no_bar) -> str:
    """A text table of the experts, their runs, and runs that could be added.

    Raises:
        FileNotFoundError: no mosaic run; the message names the next command.
        ValueError: runs of different plans or trees.
    """
    labelled = TrainingData.of(workspace)
    # neighbours are found by embedding every labelled product: that is not for a list
    config = load_config(FusionConfig, "fusion", overrides=["neighbours=off"])
    latest = AllExperts.latest(workspace, labelled, more).configured(config)
    data, speaking = gather_held_out(labelled, latest.showing(bar))
    experts = evaluated_experts(data)
    width = max(len(expert.name) for expert in experts)
    lines = [f"{len(data)} held-out products; accuracy where an expert speaks, in percent", ""]
    names = [data.tree.level_names[level] for level in data.tree.levels]
    lines.append("  ".join([f"{'':{width}}", "covers", *names]))
    lines += [f"{expert.name:{width}}  {_figures(expert, names)}  {expert.what}" for expert in experts]
    lines += [f"{name:{width}}  {why}" for name, why in data.absent.items()]
    lines += ["", "runs", *(f"  {run.folder.name}" for run in speaking.runs)]
    unused = unused_networks(workspace, speaking.runs)
    if unused:
        lines += ["", "networks that do not speak (add one with `fusion train --with RUN`)"]
        lines += [f"  {run.folder}  {backbone_of(run)}" for run in unused]
    return "\n".join(lines)


def _figures(expert: EvaluatedModel, names: Sequence[str]) -> str:
    """Its figures, each as wide as the name above it."""
    accuracy = 100 * expert.scores.correct.mean(axis=0)
    right = (f"{share:{len(name)}.1f}" for share, name in zip(accuracy, names, strict=True))
    return "  ".join([f"{100 * expert.coverage:5.1f}%", *right])
