"""Where reading pays on the shelf benchmark: what `ocr train --set shelves=auto` chooses, and what each category gains.

    python bench/ocr_shelves.py TRAIN.bson TREE.csv FOLDER

A stand-in for the photos' network that is cheap enough for two plans of five folds: frozen EfficientNet-Lite0 features,
averaged over a product's photos, their principal components and logistic regressions (as in bench/split_ways.py); its
held-out probabilities are saved where `mosaic train` saves them. One plan keeps exact copies on one side, the other
photos of one scene as well (`catalog split --near-embeddings`, cosine 0.90): shelf's photos were taken in series, and
held-out ones of a known scene leave nothing to gain. FOLDER keeps features, plans and transcripts.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from split_ways import FOLDS, MAX_GROUP, WIDTH, of_products, photo_features, probabilities

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.probabilities import Probabilities
from catalog.runs.config import load_config
from catalog.runs.saved_probabilities import held_out_file
from catalog.runs.workspace import Workspace
from catalog.split.linking import Together
from catalog.split.plan import Plan, make_plan, trainable
from catalog.tree.taxonomy import Taxonomy
from curation.near_vectors import NearVectors
from ocr.config import OcrConfig
from ocr.host_cache import transcripts_of
from ocr.shelves.choose import choose_shelves

COSINE = 0.90


def stand_in(train: Catalog, tree: Taxonomy, plan: Plan, x: np.ndarray) -> Probabilities:
    """Held-out probabilities by regressions of the other folds: of the Cat I, and of the leaf below each."""
    leaf = tree.leaf_index(train.category_ids)
    category = tree.ancestor(1)
    dense = np.zeros((len(train), len(tree)))
    for part in plan.held_out_parts:
        fit, test = plan.training_positions(part), plan.held_out_positions(part)
        of_category = probabilities(x[fit], category[leaf[fit]], x[test], tree.n_nodes(1))
        for node in range(tree.n_nodes(1)):
            # one regression of all leaves takes rare groceries for books, of which there are 3,900
            own = fit[category[leaf[fit]] == node]
            dense[test] += of_category[:, [node]] * probabilities(x[own], leaf[own], x[test], len(tree))
    counts = np.bincount(leaf, minlength=len(tree))
    return Probabilities.from_dense(
        "mosaic", train.product_ids, train.n_images, dense, np.zeros(len(train), np.uint8),
        support=np.arange(len(tree), dtype=np.int32), frequency=counts / counts.sum(), k=len(tree),
        taxonomy=tree.fingerprint, plan=plan.plan_id,
    )  # fmt: skip


def main(train_file: str, tree_file: str, folder: str) -> None:
    """Print a table for each plan."""
    train, tree, room = Catalog(train_file), Taxonomy.from_csv(tree_file), Path(folder)
    features, owner = photo_features(train, room / "train")
    # no label goes in: the features are as frozen as before
    x = make_pipeline(StandardScaler(), PCA(WIDTH, random_state=0)).fit_transform(of_products(features, owner))
    among = trainable(train, tree)
    close = NearVectors.of(room / "train", train, among, COSINE)
    scenes = Together(pairs=close.pairs, distance=close.distance, max_group=MAX_GROUP, near_cosine=COSINE)
    config = load_config(OcrConfig, "ocr", overrides=["shelves=auto"])
    known: Path | None = None
    for name, together in (("exact copies on one side", None), (f"photos of one scene too ({COSINE})", scenes)):
        plan, _ = make_plan(train, tree, mode="kfold", n_parts=FOLDS, together=together)
        workspace = Workspace(room / ("scenes" if together else "copies"))
        workspace.save_plan(plan, tree)
        place = transcripts_of(workspace.folder).path
        if known is not None:
            # what is read under one plan need not be read under the other
            shutil.copy(known, place)
        known = place
        photo = stand_in(train, tree, plan, x)
        held_out_file(workspace).parent.mkdir(exist_ok=True)
        photo.save(held_out_file(workspace))
        print(f"{name}:\n{choose_shelves(workspace, config, photo, no_bar).text()}\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
