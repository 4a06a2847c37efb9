"""What each way of splitting promises of the shelf benchmark, and how it is kept on photos that were taken elsewhere.

    python bench/split_ways.py TRAIN.bson TREE.csv VAL.bson FOLDER

A stand-in for the network that is cheap enough to be fitted for every way and seed: frozen EfficientNet-Lite0 features,
averaged over a product's photos, their principal components and a logistic regression. TRAIN is split into five folds
by each way; every product is predicted by a regression that has not seen its fold; thresholds are fitted on those
predictions (one product of each linked group, as `fusion train` does it) for a target of 95 %. VAL is then predicted by
one regression of all of TRAIN, the same for every way: only the thresholds differ. How folds fall moves thresholds by
more than some ways do, so each figure is a mean over seeds, with the smallest and the largest. Books are split but not
predicted: no photo of them tells a genre (5 % right), and all are seen to be books. FOLDER keeps the features.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from catalog.catalog import Catalog
from catalog.embeddings import EmbeddingOrigin, Embeddings
from catalog.metrics.intervals import accuracy_interval
from catalog.metrics.product_scores import ProductScores, score
from catalog.photos.decode import decode_photo
from catalog.runs.config import load_config
from catalog.split.linking import Together
from catalog.split.plan import make_plan, trainable
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.near_products import NearProducts
from curation.near_vectors import NearVectors
from fusion.decide import Thresholds, given_by_scores
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.photos import squared

TARGET, CONFIDENCE = 0.95, 0.9
BITS, MAX_COPIES, MAX_GROUP, FOLDS, SEEDS = 4, 20, 50, 5, 5
CLOSE = (
    ("cosine of photos", "photos", 0.93),
    ("cosine of photos", "photos", 0.90),
    ("cosine of photos", "photos", 0.85),
    ("same within a leaf", "photos", 0.90),
    ("cosine of means", "means", 0.93),
    ("cosine of means", "means", 0.90),
)
"""Photos: one vector each, the nearest two of two products count. Means: over a product's photos, one each."""
WIDTH = 256
"""Principal components of the features that the regression sees: all 1280 take five times as long."""
BOOKS = "BOOKS"


def photo_features(catalog: Catalog, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`(P, 1280)` frozen features of each photo, and `(P,)` whose it is; the folder keeps them as vectors."""
    owner = np.repeat(np.arange(len(catalog)), catalog.n_images)
    if not folder.is_dir():
        config = load_config(MosaicConfig, "mosaic")
        network = MosaicNetwork(config.backbone, np.arange(2), np.ones(2) / 2).eval()
        network = network.to(memory_format=torch.channels_last)
        rows = []
        for _, products in catalog.batches(64):
            photos = [photo for product in products for photo in product.images]
            size = config.photo_size
            pictures = np.stack([squared(decode_photo(photo, size).pixels, size) for photo in photos])
            with torch.inference_mode():
                rows.append(network.features(torch.from_numpy(pictures)).numpy())
        keep(folder, np.concatenate(rows), catalog, owner)
    embeddings = Embeddings.load(folder)
    return embeddings.rows(np.arange(len(embeddings))), owner


def keep(folder: Path, vectors: NDArray[np.float32], catalog: Catalog, owner: NDArray[np.int64]) -> Path:
    """Write `(R, 1280)` vectors of `(R,)` products as `catalog split --near-embeddings` takes them."""
    origin = EmbeddingOrigin("frozen features", "", catalog.address, catalog.fingerprint, "photo")
    photos = (np.arange(len(owner)) - np.searchsorted(owner, owner)).astype(np.int8)
    with Embeddings.writer(
        folder, vectors.shape[1],
        origin=origin, product_ids=catalog.product_ids[owner], photos=photos, ids=catalog.ids,
    ) as unfinished:  # fmt: skip
        unfinished.write(vectors[unfinished.n_done :])
    return folder


def of_products(x: NDArray[np.float32], owner: NDArray[np.int64]) -> NDArray[np.float32]:
    """`(N, 1280)` means over the photos of each product."""
    start = np.flatnonzero(np.diff(owner, prepend=-1))
    return np.add.reduceat(x, start) / np.diff(np.append(start, len(owner)))[:, None]


def probabilities(x, leaf, wanted, n_leaves) -> NDArray[np.float64]:
    """`(n, n_leaves)` of the rows `wanted`, `(n, WIDTH)`, by a regression of the rows `x`."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)).fit(x, leaf)
    dense = np.zeros((len(wanted), n_leaves))
    dense[:, model[-1].classes_] = model.predict_proba(wanted)
    return dense


def accepted(scores: ProductScores, thresholds: Thresholds, tree: Taxonomy) -> tuple[float, float]:
    """Share of the products that is accepted, and share of those that is right."""
    at_leaf = given_by_scores(scores, thresholds, tree)[:, 0] == tree.depth
    return float(at_leaf.mean()), float(scores.correct[at_leaf, -1].mean())


def shown(values: list[float]) -> str:
    """Mean, smallest and largest of shares, in percent."""
    low, mean, high = (100 * f(values) for f in (min, np.mean, max))
    return f"{mean:>5.1f} ({low:>4.1f} to {high:>5.1f})"


def main(train_file: str, tree_file: str, val_file: str, folder: str) -> None:
    """Print a line for each way."""
    train, val, tree = Catalog(train_file), Catalog(val_file), Taxonomy.from_csv(tree_file)
    room = Path(folder)
    x = of_products(*photo_features(train, room / "train"))
    x_val = of_products(*photo_features(val, room / "val"))
    of_photos, of_means = room / "train", keep(room / "train_means", x, train, np.arange(len(train)))
    leaf, leaf_val = tree.leaf_index(train.category_ids), tree.leaf_index(val.category_ids)
    books = [node for node in range(tree.n_nodes(1)) if tree.shown_path(1, node)[0] == BOOKS]
    grocery, grocery_val = (np.flatnonzero(~np.isin(tree.ancestor(1)[of], books)) for of in (leaf, leaf_val))
    # no label goes in: the features are as frozen as before
    reduce = make_pipeline(StandardScaler(), PCA(WIDTH, random_state=0)).fit(x[grocery])
    x, x_val = reduce.transform(x), reduce.transform(x_val)

    among = trainable(train, tree)
    near = NearProducts.of(train, among, BITS, MAX_COPIES)
    ways: dict[str, Together | None] = {"exact copies": None}
    ways[f"near copies, {BITS} bits"] = Together(
        pairs=near.pairs, distance=near.bits, max_group=MAX_GROUP, near_bits=BITS
    )
    for name, vectors, cosine in CLOSE:
        close = NearVectors.of(of_photos if vectors == "photos" else of_means, train, among, cosine)
        kept = leaf[close.pairs[:, 0]] == leaf[close.pairs[:, 1]] if "leaf" in name else np.ones(len(close.pairs), bool)
        ways[f"{name} {cosine:.2f}"] = Together(
            pairs=close.pairs[kept], distance=close.distance[kept], max_group=MAX_GROUP, near_cosine=cosine
        )

    dense_val = probabilities(x[grocery], leaf[grocery], x_val[grocery_val], len(tree))
    scores_val = score(dense_val, leaf_val[grocery_val], val.product_ids[grocery_val], val.n_images[grocery_val], tree)
    right = scores_val.correct[:, -1]
    low, high = accuracy_interval(right)
    print(f"VAL: {len(right)} groceries, {100 * right.mean():.1f} % right ({100 * low:.1f} to {100 * high:.1f})")
    print(
        f"{len(grocery)} groceries of TRAIN; groups of at most {MAX_GROUP}; target {TARGET}; {SEEDS} seeds, in percent"
    )
    print(
        f"{'way':<24}{'pairs':>7}{'apart':>7}{'groups':>7}{'largest':>8}  {'right, held out':<23}"
        f"{'accepted, held out':<23}{'right of those':<23}{'accepted, VAL':<23}{'right of those':<23}"
    )
    for name, together in ways.items():
        figures: list[list[float]] = []
        for seed in range(SEEDS):
            plan, _ = make_plan(
                train, tree, mode="kfold", n_parts=FOLDS, max_copies=MAX_COPIES, seed=seed, together=together
            )
            if not np.array_equal(plan.positions, np.arange(len(train))):
                raise ValueError("a plan of all products of TRAIN is expected")
            dense = np.zeros((len(x), len(tree)))
            for part in plan.held_out_parts:
                fit, test = (grocery[own[grocery]] for own in (plan.parts != part, plan.parts == part))
                dense[test] = probabilities(x[fit], leaf[fit], x[test], len(tree))
            scores = score(dense[grocery], leaf[grocery], train.product_ids[grocery], train.n_images[grocery], tree)
            first = np.sort(np.unique(plan.linked(train, grocery), return_index=True)[1])
            thresholds = Thresholds.fit(scores.select(first), tree, TARGET, CONFIDENCE)
            own = accepted(scores, thresholds, tree)
            figures.append([float(scores.correct[:, -1].mean()), *own, *accepted(scores_val, thresholds, tree)])
        by = plan.linked_by
        counts = (0, 0, 0) if by is None else (by.n_pairs, by.n_apart, by.n_groups)
        cells = "".join(f"{shown([row[k] for row in figures]):<23}" for k in range(5))
        print(
            f"{name:<24}{counts[0]:>7}{counts[1]:>7}{counts[2]:>7}{plan.largest_component * len(x):>8.0f}  {cells}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:5])
