"""The fused result against a plain reference on the same products, with a paired bootstrap interval.

The reference: frozen EfficientNet-Lite0 features averaged over a product's photos + logistic regression; text read by
the same OCR engine + TF-IDF + logistic regression, used where the photo's likeliest shelf is one of the routed shelves.

    python bench/shelf_reference.py TRAIN.bson TREE.csv WORKSPACE TEST.bson   the workspace's fusion run on TEST.bson
    python bench/shelf_reference.py TRAIN.bson TREE.csv WORKSPACE             on the plan's held-out products; all of
                                                                              them after `catalog split --folds K`
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.metrics.intervals import paired_difference
from catalog.metrics.product_scores import ProductScores, concatenate_scores, paired_rows, score
from catalog.metrics.summary import summarize
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData, leaves_of
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.config import FusionConfig
from fusion.experts.all_experts import AllExperts
from fusion.heads.comparison import compare_heads
from fusion.prediction.predictor import Predictor
from fusion.training.held_out import gather_held_out
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.photos import squared
from ocr.config import OcrConfig
from ocr.expert import read_products
from ocr.loading import make_reader
from ocr.route import category_leaves


def features(catalog: Catalog) -> np.ndarray:
    """(N, 1280) frozen features averaged over each product's photos."""
    config = load_config(MosaicConfig, "mosaic")
    network = MosaicNetwork(config.backbone, np.arange(2), np.ones(2) / 2).eval()
    rows = []
    for _, products in catalog.batches(256):
        chunk = Chunk.of(products, config.photo_size)
        pictures = {md5: squared(picture, config.photo_size) for md5, picture in chunk.pictures.items()}
        keys = list(pictures)
        vectors = {}
        with torch.inference_mode():
            for start in range(0, len(keys), 32):
                some = keys[start : start + 32]
                batch = torch.from_numpy(np.stack([pictures[k] for k in some]))
                vectors.update(zip(some, network.features(batch).numpy(), strict=True))
        rows += [np.mean([vectors[k] for k in own], axis=0) for own in chunk.readable]
    return np.stack(rows)


def texts(catalog: Catalog, wanted: np.ndarray, workspace: Workspace) -> list[str]:
    """What the project's engine reads on the wanted products ('' elsewhere)."""
    reader = make_reader(load_config(OcrConfig, "ocr"), workspace)
    out = [""] * len(catalog)
    for chunk in np.array_split(np.flatnonzero(wanted), max(1, int(wanted.sum()) // 256)):
        readings = read_products(reader, catalog.take(chunk))
        for i, reading in zip(chunk, readings, strict=True):
            out[i] = reading.text
    return out


def reference(tree, read_leaves, x, text, leaf, train, x_test, text_test) -> np.ndarray:
    """Dense (n_test, n_leaves) probabilities of the plain reference."""
    photo = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)).fit(x[train], leaf[train])
    dense = np.zeros((len(x_test), len(tree)))
    dense[:, photo[-1].classes_] = photo.predict_proba(x_test)
    own = [i for i in train if text[i] and leaf[i] in set(read_leaves.tolist())]
    words = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=5, max_iter=300))
    words.fit([text[i] for i in own], leaf[own])
    routed = np.isin(dense.argmax(1), read_leaves)
    for i in np.flatnonzero(routed):
        if text_test[i]:
            mass = dense[i, read_leaves].sum()
            dense[i, read_leaves] = 0
            dense[i, words[-1].classes_] = mass * words.predict_proba([text_test[i]])[0]
    return dense


def show(title: str, scores: ProductScores, read_leaves: np.ndarray) -> None:
    """Leaf accuracy by image count, over all products and on and off the routed shelves."""
    in_category = np.isin(scores.truth, read_leaves)
    groups = {"all": np.ones(len(in_category), bool), "routed shelves": in_category, "other shelves": ~in_category}
    for name, rows in groups.items():
        by_count = summarize(scores.select(rows))
        cells = [f"{count}: {100 * s.leaf.top1.value:.1f} (n={s.n})" for count, s in by_count.items()]
        leaf = by_count["all"].leaf
        print(f"{title:<10} {name:<15} {'  '.join(cells)}  nll {leaf.nll.value:.3f}  ece {leaf.ece.value:.3f}")


def main(train_file: str, tree_file: str, room: str, test_file: str | None = None) -> None:
    """Print accuracy of both, and their paired difference."""
    workspace = Workspace(room)
    train, tree = Catalog(train_file), Taxonomy.from_csv(tree_file)
    read_leaves = category_leaves(tree, load_config(OcrConfig, "ocr").shelves)
    leaf = tree.leaf_index(train.category_ids)
    x = features(train)
    text = texts(train, np.isin(leaf, read_leaves), workspace)
    if test_file is None:
        # the reference is lent the text of true books only, which favours it
        labelled = TrainingData.of(workspace)
        config = load_config(FusionConfig, "fusion")
        data, _ = gather_held_out(labelled, AllExperts.latest(workspace, labelled).configured(config))
        comparison = compare_heads(data, config)
        fused = comparison.scores[comparison.chosen]
        plan = workspace.plan()
        parts = []
        for part in plan.held_out_parts:
            fit, test = plan.training_positions(part), plan.held_out_positions(part)
            dense = reference(tree, read_leaves, x, text, leaf, fit, x[test], [text[i] for i in test])
            parts.append(score(dense, leaf[test], train.product_ids[test], train.n_images[test], tree))
        plain = concatenate_scores(parts)
    else:
        test = Catalog(test_file)
        truth = tree.leaf_index(test.category_ids)
        text_test = texts(test, np.ones(len(test), bool), workspace)
        dense = reference(tree, read_leaves, x, text, leaf, np.arange(len(train)), features(test), text_test)
        plain = score(dense, truth, test.product_ids, test.n_images, tree)
        predictor = Predictor(workspace.require("fusion"), workspace)
        parts = []
        for _, products in test.batches(256):
            found = predictor.predict(products)
            ids, n_images = found.experts[0].product_ids, found.chunk.n_readable
            parts.append(score(found.fused, leaves_of(test, truth, ids), ids, n_images, tree))
        fused = concatenate_scores(parts)
    show("reference", plain, read_leaves)
    show("fused", fused, read_leaves)
    own, theirs = paired_rows(fused, plain)
    gain, low, high = paired_difference(own.correct[:, 2], theirs.correct[:, 2])
    print(f"fused - reference: {100 * gain:+.2f} points, 95 % interval {100 * low:+.2f} to {100 * high:+.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:5])
