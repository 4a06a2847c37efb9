"""What each part of the recipe is worth on the grocery shelves: the general network, trained once per variant.

    python bench/shelf_recipe.py SHELF_FOLDER WORK_FOLDER [--variants base mixup ...] [--set key=value ...]

Every variant differs from `--config shelf` (with `--set` on top) in the keys shown, is trained under the same plan, and
its deployed network is judged on the grocery products of val.bson, which no network has seen. A variant that is trained
already is not trained again. The interval of the difference to `base` is a paired bootstrap over products.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.metrics.intervals import paired_difference
from catalog.metrics.product_scores import score_probabilities
from catalog.runs.training_data import leaves_of
from catalog.runs.workspace import Workspace
from mosaic.inference.predict import predict_with
from mosaic.runs import MosaicRuns
from mosaic.views import View

VARIANTS = {
    "base": [],
    "lite0": ["backbone.name=tf_efficientnet_lite0"],
    "plain augmentation": [
        "augmentation.rotation=0", "augmentation.tint=0", "augmentation.sharpness=0", "augmentation.erasing=0",
        "augmentation.min_crop=0.5", "augmentation.colour=0.2",
    ],
    "no sharpness": ["augmentation.sharpness=0"],
    "mixup": ["training.mixup=0.2"],
    "cutmix": ["training.cutmix=1.0"],
    "no average": ["training.ema=0", "specialist.ema=0"],
    "no smoothing": ["training.label_smoothing=0", "specialist.label_smoothing=0"],
    "robust loss": ["training.robustness=0.3", "specialist.robustness=0.3"],
    "layer decay": ["training.layer_decay=0.9", "specialist.layer_decay=0.9"],
    "square root": ["training.sampling=square_root", "training.products_per_leaf=null"],
    "logit adjustment": ["training.logit_adjustment=1.0", "specialist.logit_adjustment=1.0"],
    "class weights": ["training.class_weights=true", "specialist.class_weights=true"],
    "parent loss": ["training.parent_loss=0.5", "specialist.parent_loss=0.5"],
    "no subsets": ["training.subsets=0"],
    "reassembly": ["training.reassembly=0.3"],
    "180 px": ["photo_size=180"],
    "192 px": ["train_photo_size=192", "photo_size=192"],
}  # fmt: skip


def train(shelf: Path, folder: Path, overrides: list[str]) -> Workspace:
    room = Workspace(folder)
    program = Path(sys.executable).parent
    where = ("--workspace", folder)
    if not (folder / "plan").exists():
        tree = ("--tree", shelf / "category_names.csv")
        subprocess.run([program / "catalog", "split", shelf / "train.bson", *tree, *where], check=True)
    sets = [part for item in overrides for part in ("--set", item)]
    command = ["train", "--n-images", "any", "--config", "shelf", "--resume"]
    subprocess.run([program / "mosaic", *command, *where, *sets], check=True)
    return room


def judged(room: Workspace, shelf: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image count, whether the leaf is right, and NLL of the true leaf, for the grocery products of val.bson."""
    runs = MosaicRuns({View(): room.require("mosaic", View().slot)})
    tree, val = room.taxonomy(), Catalog(shelf / "val.bson")
    (probabilities,), _ = predict_with(runs.experts(), val)
    truth = leaves_of(val, tree.leaf_index(val.category_ids), probabilities.product_ids)
    scores = score_probabilities(probabilities, np.where(np.isin(truth, tree.leaves_below("BOOKS")), -1, truth), tree)
    return scores.n_images, scores.correct[:, 2], -np.log(np.maximum(scores.p_truth[:, 2], 1e-6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shelf", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args()
    base = None
    for name in dict.fromkeys(["base", *options.variants]):
        room = train(options.shelf, options.work / name.replace(" ", "-"), [*options.overrides, *VARIANTS[name]])
        counts, right, nll = judged(room, options.shelf)
        cells = [f"{100 * right[group].mean():5.1f}" for group in (counts == 1, counts > 1, counts > 0)]
        line = f"{name:<20} 1 photo {cells[0]}  2+ {cells[1]}  all {cells[2]}  NLL {nll.mean():.3f}"
        if base is None:
            base = right
        else:
            gain, low, high = (100 * value for value in paired_difference(right, base))
            line += f"  against base {gain:+.1f} ({low:+.1f} to {high:+.1f})"
        print(line, flush=True)


if __name__ == "__main__":
    main()
