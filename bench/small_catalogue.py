"""A small catalogue learnt in two ways, by a head on frozen features and fine-tuned: photos alone, fused with titles.

    catalog split products.csv --folds 5 --workspace frozen             (the same for each workspace)
    mosaic train --n-images any --set method=linear --set photo_size=224 --workspace frozen
    mosaic train --n-images any --set training.epochs=4 --workspace tuned
    python bench/small_catalogue.py frozen tuned [--photos-only]

A line for what each workspace's photo network says of its held-out products, for what the head that `fusion train`
would choose says of them, and how far the first workspace is ahead. Intervals come from drawing what the plan keeps
together. Seconds are those that the fits took, all folds and the deployed network; looking at the photos of a frozen
backbone is in the first of them.
"""

from __future__ import annotations

import sys

import numpy as np
from gallery import interval
from numpy.typing import NDArray

from catalog.metrics.product_scores import ProductScores, paired_rows, score_probabilities
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.experts.all_experts import AllExperts
from fusion.heads.comparison import compare_heads
from fusion.training.held_out import gather_held_out
from mosaic.config import MosaicConfig
from mosaic.runs import MosaicDetails
from mosaic.training.head_history import read_head_history
from mosaic.training.history import read_history

WIDTH = 44
"""Characters of a line's name."""


def photos_of(workspace: Workspace, data: TrainingData) -> tuple[str, ProductScores]:
    """The general network's held-out scores, and how it was trained."""
    run = workspace.require("mosaic", "any")
    config, details = run.config(MosaicConfig), run.details_as(MosaicDetails)
    epochs = read_history(run.folder / "history.csv")
    heads = {record.fit: record.seconds for record in read_head_history(run.folder / "heads.csv")}
    seconds = sum(record.seconds for record in epochs) + sum(heads.values())
    held_out = run.held_out()
    scores = score_probabilities(held_out, data.truth(held_out.product_ids), data.tree)
    return f"{details.method}, {config.photo_size} px, {seconds:.0f} s", scores


def fused_of(workspace: Workspace, data: TrainingData) -> ProductScores:
    """The head that `fusion train` would choose, cross-fitted."""
    config = load_config(FusionConfig, "fusion")
    gathered, _ = gather_held_out(data, AllExperts.latest(workspace, data).configured(config))
    comparison = compare_heads(gathered, config)
    return comparison.scores[comparison.chosen]


def main(folders: list[str], *, photos_only: bool) -> None:
    """Print the lines."""
    workspaces = [Workspace(folder) for folder in folders]
    data = TrainingData.of(workspaces[0])

    def group_of(scores: ProductScores) -> NDArray[np.int64]:
        positions = catalog_positions(data.catalog, scores.product_ids)
        return np.unique(data.plan.linked(data.catalog, positions), return_inverse=True)[1]

    ways = dict(photos_of(workspace, data) for workspace in workspaces)
    if not photos_only:
        for name, workspace in zip(list(ways), workspaces, strict=True):
            ways[f"{name}, fused"] = fused_of(workspace, data)
    print(f"{len(data.plan.positions)} products, {len(data.tree)} leaves; right at the leaf in %, NLL in nats")
    for name, scores in ways.items():
        right = scores.correct[:, -1].astype(float)
        print(f"{name:{WIDTH}}{len(scores):>5}  {interval(right, group_of(scores))}  {scores.nll[:, -1].mean():.3f}")
    print("\nthe one less the other, points")
    names = list(ways)
    pairs = [(names[0], name) for name in names[1 : len(folders)]]
    pairs += [(names[len(folders)], name) for name in names[len(folders) + 1 :]]
    for one, other in pairs:
        first, second = paired_rows(ways[one], ways[other])
        gain = first.correct[:, -1].astype(float) - second.correct[:, -1]
        print(f"{one} less {other}: {interval(gain, group_of(first))}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main([name for name in arguments if not name.startswith("--")], photos_only="--photos-only" in arguments)
