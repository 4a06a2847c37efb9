"""Neighbours as an expert on the demo: the head with them and without, and categories that no network has learnt.

    rayonnage demo DEMO
    python bench/neighbours.py DEMO            (some six minutes on two cores; --only heads or new: a part of them)

Both heads are made of the demo's networks and measured on its 400 test products against the truth. Then one category in
eight is taken out of the catalogue, a general network is trained on what is left, and the products of the categories
that were taken out are added, with their labels, to the index of neighbours alone: no network and no head learns again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.embeddings import ALL_PHOTOS
from catalog.metrics.intervals import accuracy_interval, mean_intervals, paired_difference
from catalog.metrics.product_scores import ProductScores, concatenate_scores, score
from catalog.runs.config import load_config
from catalog.runs.run import NEIGHBOURS, Run
from catalog.runs.workspace import Workspace
from catalog.split.labels import true_leaves
from fusion.config import FusionConfig
from fusion.evaluation.measurement import predicted_chunks
from fusion.experts.neighbours import NeighbourExpert
from fusion.prediction.predictor import Predictor
from fusion.training.train import train
from mosaic.inference.embedding import CHUNK
from search.contract import Entries
from search.index import LocalIndex

TAKEN_OUT = 8
"""One category in so many."""


def fitted(workspace: Workspace, neighbours: str) -> Run:
    """A head of the workspace's networks; what is said of neighbours, and the seconds that it took."""
    config = load_config(FusionConfig, "fusion", "demo", [f"neighbours={neighbours}"])
    start = time.perf_counter()
    run, _, _ = train(workspace, config, tell=lambda said: print(said) if said.startswith("neighbours") else None)
    print(f"neighbours={neighbours}: `fusion train` took {time.perf_counter() - start:.0f} s")
    return run


def measured(run: Run, workspace: Workspace, catalog: Catalog, truth: NDArray[np.int64]) -> ProductScores:
    """Of all products of a catalogue whose `(N,)` true leaf is known, -1 where it is not."""
    predictor = Predictor(run, workspace)
    parts = []
    for predictions, leaves in predicted_chunks(predictor, catalog, truth):
        rows = np.flatnonzero(leaves >= 0)
        ids, n_images = predictions.chunk.product_ids[rows], predictions.chunk.n_readable[rows]
        parts.append(score(predictions.fused[rows], leaves[rows], ids, n_images, predictor.tree))
    predictor.close()
    return concatenate_scores(parts)


def line(name: str, a: ProductScores, b: ProductScores, rows: NDArray[np.bool_]) -> str:
    """Leaf accuracy before and after on some products, the difference, and that of the log losses."""
    right = [scores.correct[rows, -1] for scores in (a, b)]
    gain, low, high = (100 * value for value in paired_difference(right[1], right[0]))
    change, least, most = mean_intervals((b.nll[rows, -1] - a.nll[rows, -1])[:, None])[0]
    shares = "".join(
        f"{100 * some.mean():>7.1f} ({100 * accuracy_interval(some)[0]:.1f} to {100 * accuracy_interval(some)[1]:.1f})"
        for some in right
    )
    return (
        f"{name:32}{int(rows.sum()):>5}{shares}   {gain:+.1f} ({low:+.1f} to {high:+.1f})"
        f"   {change:+.3f} ({least:+.3f} to {most:+.3f})"
    )


def command(*words: object) -> None:
    """Run one of the project's commands."""
    subprocess.run([sys.executable, "-m", "rayonnage", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def with_and_without(demo: Path, room: Workspace) -> None:
    """The demo's head, on its test products."""
    runs = [fitted(room, neighbours) for neighbours in ("off", "on")]
    test = Catalog(demo / "catalogue" / "test.bson")
    truth = true_leaves(test, room.taxonomy(), demo / "catalogue" / "truth.csv")
    without, with_them = (measured(run, room, test, truth) for run in runs)
    counts = Predictor(runs[0], room).training_counts[without.truth]
    few = counts <= np.median(counts)
    print(f"{'leaf, in % (95 % interval)':32}{'n':>5}   without             with        difference   of log loss")
    print(line("all", without, with_them, np.ones(len(few), bool)))
    print(line(f"at most {int(np.median(counts))} labelled products", without, with_them, few))
    print(line("more", without, with_them, ~few))


def new_categories(demo: Path, folder: Path) -> None:
    """Categories without an example when the networks were trained, before and after labels come into the index."""
    room = Workspace(folder / "runs")
    tree = Workspace(demo / "runs").taxonomy()
    whole, test = (Catalog(demo / "catalogue" / name) for name in ("train.bson", "test.bson"))
    leaf = whole.leaves(tree)
    is_new = leaf % TAKEN_OUT == 0
    with (folder / "known.bson").open("wb") as file:
        file.writelines(whole.raw(np.flatnonzero(~is_new)))
    command("catalog", "split", folder / "known.bson", "--tree", demo / "runs" / "tree.csv", "--workspace", room.folder)
    command("mosaic", "train", "--config", "demo", "--n-images", "any", "--workspace", room.folder)
    run = fitted(room, "on")
    truth = true_leaves(test, tree, demo / "catalogue" / "truth.csv")
    before = measured(run, room, test, truth)
    predictor = Predictor(run, room)
    (expert,) = (expert for expert in predictor.experts if isinstance(expert, NeighbourExpert))
    index, start = LocalIndex.open(run.folder / NEIGHBOURS), time.perf_counter()
    for positions, products in whole.batches(CHUNK, positions=np.flatnonzero(is_new)):
        photos = np.full(len(positions), ALL_PHOTOS, np.int8)
        labels, n_images = whole.category_ids[positions], whole.n_images[positions]
        entries = Entries(whole.product_ids[positions], photos, labels, n_images, whole.ids)
        index.add(expert.embedder.embed(predictor.chunk_of(products)), entries)
    print(f"{int(is_new.sum())} products of {len(np.unique(leaf[is_new]))} new categories added to the index")
    print(f"of {len(whole) - int(is_new.sum())} others in {time.perf_counter() - start:.1f} s")
    after = measured(run, room, test, truth)
    new = before.truth % TAKEN_OUT == 0
    print(f"{'leaf, in % (95 % interval)':32}{'n':>5}   before              after       difference   of log loss")
    print(line("new categories", before, after, new))
    print(line("those that networks have learnt", before, after, ~new))


def main() -> None:
    """Print both tables, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--only", choices=["heads", "new"])
    options = parser.parse_args()
    if options.only != "new":
        with tempfile.TemporaryDirectory() as place:
            shutil.copytree(options.demo / "runs", Path(place) / "runs")
            with_and_without(options.demo, Workspace(Path(place) / "runs"))
        print()
    if options.only != "heads":
        with tempfile.TemporaryDirectory() as place:
            new_categories(options.demo, Path(place))


if __name__ == "__main__":
    main()
