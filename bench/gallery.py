"""Photos, titles and both on a shop with titles, beside plain references that see the same products of the same folds.

    catalog split products.csv --folds 5 --group COLUMN      (or by title, where none is named)
    mosaic train --n-images any
    python bench/gallery.py WORKSPACE

Everything is read from the workspace's held-out products: each network, title model and reference has learnt from the
other folds alone, the head that `fusion train` would choose is cross-fitted on what they say. References: frozen
EfficientNet-Lite0 features averaged over a product's photos with logistic regression, TF-IDF of words, pairs of words
and characters of the title with logistic regression, and the mean of both. Products that the plan keeps together (an
article in five colours) are right or wrong together: intervals come from drawing such groups, not products.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import hstack
from shelf_reference import features
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from catalog.metrics.intervals import bootstrap, percentiles
from catalog.metrics.product_scores import ProductScores, concatenate_scores, paired_rows, score
from catalog.runs.config import load_config
from catalog.runs.training_data import TrainingData, catalog_positions
from catalog.runs.workspace import Workspace
from catalog.tree.level_names import LEVEL_NAMES
from fusion.config import FusionConfig
from fusion.experts.all_experts import AllExperts
from fusion.heads.comparison import compare_heads
from fusion.training.held_out import evaluated_experts, gather_held_out

PHOTO, TITLE = "frozen features + regression", "TF-IDF of titles + regression"
WIDTH = 52
"""Characters of a line's name."""
Rows = NDArray[np.int64]
Predict = Callable[[Rows, Rows], tuple[NDArray[np.int64], NDArray[np.float64]]]
"""From catalogue positions to learn from and others to predict: the leaves known, and `(n, K)` their probabilities."""


def photo_reference(x: NDArray[np.float32], leaf: NDArray[np.int64]) -> Predict:
    """Logistic regression on `(N, 1280)` frozen features."""

    def predict(learnt: Rows, asked: Rows) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)).fit(x[learnt], leaf[learnt])
        return model[-1].classes_, model.predict_proba(x[asked])

    return predict


def title_reference(titles: list[str], leaf: NDArray[np.int64]) -> Predict:
    """Logistic regression on TF-IDF of words, pairs of words and characters."""

    def predict(learnt: Rows, asked: Rows) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        blocks = [
            TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)),
            TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 5)),
        ]
        known = hstack([block.fit_transform([titles[row] for row in learnt]) for block in blocks])
        model = LogisticRegression(C=10, max_iter=300).fit(known, leaf[learnt])
        asked_titles = [titles[row] for row in asked]
        return model.classes_, model.predict_proba(hstack([block.transform(asked_titles) for block in blocks]))

    return predict


def mean_of(one: Predict, other: Predict) -> Predict:
    """The arithmetic mean of two references."""

    def predict(learnt: Rows, asked: Rows) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        # both have learnt from the same products, and so know the same leaves
        (leaves, first), (_, second) = one(learnt, asked), other(learnt, asked)
        return leaves, (first + second) / 2

    return predict


def held_out_scores(data: TrainingData, predict: Predict) -> ProductScores:
    """A reference on every held-out product, fitted on the other parts."""
    parts = []
    for part in data.plan.held_out_parts:
        asked = data.plan.held_out_positions(part)
        known, probabilities = predict(data.plan.training_positions(part), asked)
        dense = np.zeros((len(asked), len(data.tree)))
        dense[:, known] = probabilities
        ids, n_images = data.catalog.product_ids[asked], data.catalog.n_images[asked]
        parts.append(score(dense, data.leaf[asked], ids, n_images, data.tree))
    return concatenate_scores(parts)


def interval(values: NDArray[np.float64], group: NDArray[np.int64]) -> str:
    """Mean of `(N,)` values in percent with its interval over groups, `(N,)`."""
    sums = np.stack([np.bincount(group, values), np.bincount(group)])
    low, high = percentiles(bootstrap(sums, lambda drawn: drawn[:1] / drawn[1:], draws=2000))[0]
    sign = "+" if values.min() < 0 else ""
    return f"{100 * values.mean():{sign}5.1f} ({100 * low:{sign}5.1f} to {100 * high:{sign}5.1f})"


def main(folder: str) -> None:
    """Print a line for each way to tell the category, then how far the fused one is ahead of each."""
    workspace = Workspace(folder)
    labelled = TrainingData.of(workspace)
    config = load_config(FusionConfig, "fusion")
    data, _ = gather_held_out(labelled, AllExperts.latest(workspace, labelled).configured(config))
    comparison = compare_heads(data, config)
    ways = {f"fused ({comparison.chosen})": comparison.scores[comparison.chosen]}
    ways |= {f"expert {expert.name}": expert.scores for expert in evaluated_experts(data)}
    titles = [text.partition("\n")[0] for text in labelled.catalog.titles()]
    photo = photo_reference(features(labelled.catalog), labelled.leaf)
    title = title_reference(titles, labelled.leaf)
    references = {PHOTO: photo, TITLE: title, "mean of these two": mean_of(photo, title)}
    ways |= {name: held_out_scores(labelled, predict) for name, predict in references.items()}

    def group_of(scores: ProductScores) -> NDArray[np.int64]:
        positions = catalog_positions(labelled.catalog, scores.product_ids)
        return np.unique(labelled.plan.linked(labelled.catalog, positions), return_inverse=True)[1]

    levels = data.tree.levels[::-1]
    print(f"{len(data)} held-out products in {len(np.unique(data.group))} groups, {len(data.tree)} leaves; right in %")
    print(f"{'':{WIDTH}}{'n':>5}  " + "  ".join(f"{LEVEL_NAMES[level]:<22}" for level in levels))
    for name, scores in ways.items():
        cells = [interval(scores.correct[:, level - 1].astype(float), group_of(scores)) for level in levels]
        print(f"{name:{WIDTH}}{len(scores):>5}  " + "  ".join(f"{cell:<22}" for cell in cells))
    pairs = [(next(iter(ways)), name) for name in list(ways)[1:]]
    pairs += [(own, theirs) for own, theirs in (("expert mosaic", PHOTO), ("expert title", TITLE)) if own in ways]
    print("\nthe one less the other, points, where both speak")
    for one, other in pairs:
        own, theirs = paired_rows(ways[one], ways[other])
        gain = own.correct.astype(float) - theirs.correct.astype(float)
        cells = [interval(gain[:, level - 1], group_of(own)) for level in levels]
        print(f"{one} less {other:<{WIDTH - len(one) - 6}}{len(own):>5}  " + "  ".join(f"{cell:<22}" for cell in cells))


if __name__ == "__main__":
    main(*sys.argv[1:2])
