"""What fused answers gain where categories are read, on a workspace whose photos' held-out probabilities are saved.

    python bench/ocr_fused.py WORKSPACE BOOKS BOOKS,PACKAGES

For every list of categories: the text branch is trained on it, and photos and text are pooled by the tree's heads,
cross-fitted on the held-out products. Right at the leaf by Cat I, and what the second list is worth against the first,
with the interval of a paired bootstrap. No sentence encoders. bench/ocr_shelves.py makes such workspaces.
"""

from __future__ import annotations

import sys

import numpy as np

from catalog.cli_options import no_bar
from catalog.metrics.intervals import paired_difference
from catalog.metrics.product_scores import ProductScores, score_probabilities
from catalog.runs.config import load_config
from catalog.runs.saved_probabilities import held_out
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from fusion.config import FusionConfig
from fusion.heads.comparison import cross_fit
from fusion.training.held_out import HeldOut
from ocr.config import OcrConfig
from ocr.training import train

HEADS = ("tree", "tree-cat1")


def fused(workspace: Workspace, categories: list[str]) -> dict[str, ProductScores]:
    """Scores of each head where these categories are read."""
    data, photo = TrainingData.of(workspace), held_out(workspace)
    overrides = [f"shelves=[{', '.join(categories)}]", "text.encoders=[]"]
    run = train(workspace, load_config(OcrConfig, "ocr", overrides=overrides), photo, no_bar)
    ids = photo.product_ids
    positions = catalog_positions(data.catalog, ids)
    prior = np.zeros(len(data.tree))
    prior[photo.support] = photo.frequency
    evidence = HeldOut(
        [photo, run.held_out().aligned(ids)], data.leaf[positions], data.catalog.n_images[positions],
        data.plan.linked(data.catalog, positions), prior, data.tree,
    )  # fmt: skip
    config = load_config(FusionConfig, "fusion")
    return {head: cross_fit(evidence, head, config) for head in HEADS}


def main(folder: str, *lists: str) -> None:
    """Print a table."""
    workspace = Workspace(folder)
    data, photo = TrainingData.of(workspace), held_out(workspace)
    truth = data.truth(photo.product_ids)
    category = data.tree.ancestor(1)[truth]
    nodes = [np.flatnonzero(category == node) for node in range(data.tree.n_nodes(1))] + [np.arange(len(truth))]
    names = [data.tree.shown_path(1, node)[0] for node in range(data.tree.n_nodes(1))] + ["all"]
    print(f"{'read':<20}{'head':<12}" + "".join(f"{name:>33}" for name in names))
    print(f"{'nothing':<20}{'':<12}", end="")
    right = score_probabilities(photo, truth, data.tree).correct[:, -1]
    print("".join(f"{100 * right[rows].mean():>33.1f}" for rows in nodes), flush=True)
    first: dict[str, ProductScores] = {}
    for listed in lists:
        for head, scores in fused(workspace, listed.split(",")).items():
            cells = []
            for rows in nodes:
                right = scores.correct[rows, -1]
                cell = f"{100 * right.mean():.1f}"
                if head in first:
                    gain, low, high = (100 * v for v in paired_difference(right, first[head].correct[rows, -1]))
                    cell = f"{gain:+.2f} ({low:+.2f} to {high:+.2f}) {cell:>5}"
                cells.append(f"{cell:>33}")
            print(f"{listed:<20}{head:<12}" + "".join(cells), flush=True)
            first.setdefault(head, scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
