"""Ways to use the photos of a product, compared on the grocery shelves: one network per pass, mosaics, specialists.

    python bench/shelf_mosaic.py SHELF_FOLDER WORK_FOLDER [--folds 3] [--set key=value ...]
    python bench/shelf_mosaic.py SHELF_FOLDER WORKSPACE --trained

Trains under one plan of K folds whatever is not trained yet (killed, it goes on where it was), or takes the networks
that a workspace holds (without rank specialists (e) and (f) are left out). Then it prints a table per image count over
the held-out products of train.bson pooled over the folds and the products of val.bson:

    (a) general network, one photo per pass, mean of the probabilities      (b) the same, mean of the features
    (c) general network, whole mosaic                                       (d) specialist of the image count
    (e) specialist of count and rank, geometric mean over the photos        (f) mean of (a), (c), (d) and (e)

Intervals are paired bootstraps over products. Photos of one class were grouped into products by chance, so that rank
carries no information here; books are left out, their leaf cannot be seen.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.metrics.intervals import paired_difference
from catalog.product import MAX_IMAGES
from catalog.runs.training_data import leaves_of
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from mosaic.config import MosaicConfig
from mosaic.inference.expert import run_network
from mosaic.inference.outputs import Backend
from mosaic.merging import average
from mosaic.networks.deployed import make_backend
from mosaic.networks.network import MosaicNetwork, load_network
from mosaic.photos import squared
from mosaic.views import View, passes

RANKED = [View(n, str(k)) for n in range(2, MAX_IMAGES + 1) for k in range(1, n + 1)]
WAYS = {
    "a": "one photo per pass, probabilities",
    "b": "one photo per pass, features",
    "c": "mosaic, general network",
    "d": "mosaic, specialist",
    "e": "rank specialists, geometric",
    "f": "mean of a, c, d, e",
}
BOOKS = "BOOKS"


def call(*command: str | Path) -> None:
    print("$", *command, flush=True)
    subprocess.run([Path(sys.executable).parent / command[0], *command[1:]], check=True)


def train(shelf: Path, work: Path, folds: int, overrides: list[str]) -> Workspace:
    room = Workspace(work / "runs")
    if not (room.folder / "plan").exists():
        tree = ("--tree", shelf / "category_names.csv")
        call("catalog", "split", shelf / "train.bson", *tree, "--folds", str(folds), "--workspace", room.folder)
    common = ("--config", "shelf", "--workspace", room.folder, "--resume")
    sets = [part for item in overrides for part in ("--set", item)]
    for view in [View(), *[View(n) for n in range(1, MAX_IMAGES + 1)], *RANKED]:
        slot = ("--n-images", str(view.n_images or "any"), *(("--rank", view.position) if view.position else ()))
        call("mosaic", "train", *slot, *common, *sets)
    return room


class Networks:
    """The networks that never saw one fold (None: the deployed ones), by view."""

    def __init__(self, room: Workspace, part: int | None) -> None:
        self.networks: dict[View, MosaicNetwork] = {}
        self.backends: dict[View, Backend] = {}
        for view in [View(), *[View(n) for n in range(1, MAX_IMAGES + 1)], *RANKED]:
            run = room.latest("mosaic", view.slot)
            if run is None:
                continue
            self.config = run.config(MosaicConfig)
            network = load_network(run, self.config, part)
            self.networks[view] = network
            self.backends[view] = make_backend(network, self.config.inference)

    def see(self, view: View, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`(B, N, S, S, 3)` photos -> `(B, S)` probabilities and `(2, B, D)` features, straight and mirrored."""
        outs = run_network(self.backends[view], pictures, self.config)
        probabilities = np.mean([torch.from_numpy(o.logits).softmax(1).numpy() for o in outs], axis=0)
        return probabilities, np.stack([o.embedding for o in outs])

    def head(self, view: View, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(2, D)` mean features, straight and mirrored -> `(S,)` mean probabilities."""
        with torch.inference_mode():
            head = self.networks[view].head
            logits = head(torch.from_numpy(features).to(head.weight.device))
        return logits.softmax(-1).cpu().numpy().mean(0)

    def ways(self, chunk: Chunk, row: int, n_leaves: int) -> dict[str, NDArray[np.float32]]:
        """Every way's `(n_leaves,)` probabilities for one product."""
        pictures = np.stack([squared(chunk.pictures[md5], self.config.photo_size) for md5 in chunk.readable[row]])
        n = len(pictures)
        single, features = self.see(View(), pictures[:, None])
        probabilities = {
            "a": self._wide(View(), single.mean(0), n_leaves),
            "b": self._wide(View(), self.head(View(), features.mean(1)), n_leaves),
            "c": self._wide(View(), self.see(View(), pictures[None])[0][0], n_leaves),
        }
        specialist = View(n) if View(n) in self.networks else View()
        probabilities["d"] = self._wide(specialist, self.see(specialist, pictures[None])[0][0], n_leaves)
        ranked = [view for view in self.networks if view.position]
        if ranked:
            plan = passes([view for view in ranked if view.n_images == n], n) if n > 1 else []
            if len(plan) == n:
                single = [self._wide(v, self.see(v, pictures[None, list(shown)])[0][0], n_leaves) for v, shown in plan]
                probabilities["e"] = average(np.stack(single)[:, None], "geometric")[0]
            else:
                # a single photo has one rank: its specialist is the count's own
                probabilities["e"] = probabilities["d"]
            probabilities["f"] = np.mean([probabilities[way] for way in "acde"], axis=0)
        return probabilities

    def _wide(self, view: View, values: NDArray[np.float32], n_leaves: int) -> NDArray[np.float32]:
        out = np.zeros(n_leaves, np.float32)
        out[self.networks[view].support.numpy()] = values
        return out


Row = tuple[int, dict[str, tuple[bool, bool]]]


def judge(
    networks: Networks, catalog: Catalog, positions: NDArray[np.int64], leaf: NDArray[np.int64], tree: Taxonomy
) -> list[Row]:
    """Per product: image count, and for every way whether Cat III and Cat II are right."""
    rows = []
    cat2 = tree.ancestor(2)
    for start in range(0, len(positions), 64):
        some = positions[start : start + 64]
        chunk = Chunk.of(catalog.take(some), networks.config.photo_size)
        for row, truth in enumerate(leaf[some].tolist()):
            best = {way: int(p.argmax()) for way, p in networks.ways(chunk, row, len(tree)).items()}
            hits = {way: (leaf_of == truth, cat2[leaf_of] == cat2[truth]) for way, leaf_of in best.items()}
            rows.append((len(chunk.readable[row]), hits))
    return rows


def table(title: str, rows: list[Row]) -> None:
    counts = np.array([count for count, _ in rows])
    ways = list(rows[0][1])
    hits = np.array([list(hit.values()) for _, hit in rows], float)
    print(f"\n{title}: {len(rows)} grocery products")
    groups = {str(n): counts == n for n in range(1, MAX_IMAGES + 1)}
    groups |= {"2+": counts > 1, "all": counts > 0}
    print("leaf accuracy, photos".ljust(40) + "".join(f"{name:>9}" for name in groups) + "   Cat II, 1 photo")
    print("products".ljust(40) + "".join(f"{int(group.sum()):>9}" for group in groups.values()))
    for number, way in enumerate(ways):
        cells = [100 * hits[group, number, 0].mean() if group.any() else np.nan for group in groups.values()]
        cat2 = 100 * hits[groups["1"], number, 1].mean()
        print(f"({way}) {WAYS[way]}".ljust(40) + "".join(f"{cell:9.1f}" for cell in cells) + f"{cat2:12.1f}")
    several = hits[groups["2+"], :, 0]
    for number, way in list(enumerate(ways))[1:]:
        gain, low, high = (100 * v for v in paired_difference(several[:, number], several[:, 0]))
        print(f"  2+ photos, ({way}) - (a): {gain:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shelf", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--trained", action="store_true", help="WORK_FOLDER is a workspace whose networks are judged")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args()
    if options.trained:
        room = Workspace(options.work)
    else:
        options.work.mkdir(parents=True, exist_ok=True)
        room = train(options.shelf, options.work, options.folds, options.overrides)
    catalog, plan, tree = room.training_catalog(), room.plan(), room.taxonomy()
    books = tree.leaves_below(BOOKS)
    leaf = catalog.leaves(tree)
    held_out, unseen = [], []
    for part in plan.held_out_parts:
        positions = plan.held_out_positions(part)
        grocery = positions[~np.isin(leaf[positions], books)]
        held_out += judge(Networks(room, part), catalog, grocery, leaf, tree)
    val = Catalog(options.shelf / "val.bson")
    leaf = leaves_of(val, tree.leaf_index(val.category_ids), val.product_ids)
    unseen = judge(Networks(room, None), val, np.flatnonzero(~np.isin(leaf, books)), leaf, tree)
    table("held-out folds of train.bson", held_out)
    table("val.bson", unseen)
    table("both", [*held_out, *unseen])


if __name__ == "__main__":
    main()
