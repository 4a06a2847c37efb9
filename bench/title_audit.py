"""What titles are worth to `catalog audit`: labels changed at random, and what is found of them.

Usage: python bench/title_audit.py CATALOGUE [--wrong 0.1] [--draws 5] [--photos]

CATALOGUE has titles and right labels, which are paths (such as shared/data/gallery/products.csv). A share of the
products gets the label of another leaf, drawn anew each time: product by product, and then article by article (all
products of one title alike, which no title can tell from a right label by its twins). Figures are means over the draws,
with the lowest and the highest. `--photos` also fits frozen features of EfficientNet-Lite0 with logistic regression, by
first photos, products of one title in one of five folds: what a run would have held out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.photos.decode import decode_photo
from catalog.probabilities import Probabilities, Silence
from catalog.split.same_titles import title_numbers
from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import CatalogLabels, LabelEvidence
from curation.audit.judgement import LOWEST, OURS, judge
from curation.audit.pooling import with_titles
from curation.audit.suspects import Order, find_suspects
from curation.audit.title_opinion import title_opinion
from curation.split_tree import tree_of_labels

FOLDS = 5
SIDE = 160
Ints = NDArray[np.int64]
Figures = dict[str, float | None]
Ways = dict[str, Callable[[], LabelEvidence]]


def main(catalog: Catalog, wrong: float, draws: int, *, with_photos: bool) -> None:
    """Print what each evidence finds, by how the labels were changed."""
    tree, _ = tree_of_labels(catalog)
    truth, number = catalog.leaves(tree), title_numbers(catalog.titles())
    article = np.unique(number, return_inverse=True)[1]
    features = photo_features(catalog) if with_photos else None
    ways_to_err = {"each product by itself": np.arange(len(catalog)), "all products of a title alike": article}
    for what, group in ways_to_err.items():
        found: dict[str, list[Figures]] = {}
        for seed in range(draws):
            label = changed_labels(truth, group, len(tree), wrong, seed)
            for name, evidence in ways(CatalogLabels(catalog, tree, label), features, article).items():
                found.setdefault(name, []).append(figures(evidence(), truth, tree))
        print(f"\n{wrong:.0%} of the labels changed, {what} ({len(catalog)} products, {draws} draws; in percent)")
        for name, of_draws in found.items():
            print(f"  {name}")
            for figure in of_draws[0]:
                values = [value for one in of_draws if (value := one[figure]) is not None]
                shown = f"{100 * np.mean(values):5.1f}  ({100 * min(values):.1f} to {100 * max(values):.1f})"
                print(f"    {figure:<40}{shown}")


def ways(labels: CatalogLabels, features: NDArray[np.float32] | None, article: Ints) -> Ways:
    """The evidence by name; what titles and photos say is asked once."""
    titles = title_opinion(labels)
    assert titles is not None, "a catalogue with titles"
    by_name: Ways = {"titles": lambda: labels.by_probabilities(titles, "titles")}
    if features is not None:
        photos = labels.by_probabilities(photo_opinion(labels, features, article), "photos")
        by_name |= {"photos": lambda: photos, "both": lambda: with_titles(photos, labels, titles)}
    return by_name


def changed_labels(truth: Ints, group: Ints, n_leaves: int, share: float, seed: int) -> Ints:
    """`(N,)` labels of which about a share is another leaf, those of one group alike."""
    rng = np.random.default_rng(seed)
    is_wrong = rng.random(group.max() + 1) < share
    shift = rng.integers(1, n_leaves, group.max() + 1)
    return np.where(is_wrong[group], (truth + shift[group]) % n_leaves, truth)


def figures(evidence: LabelEvidence, truth: Ints, tree: Taxonomy) -> Figures:
    """Shares in [0, 1] of one draw; None where there is none."""
    suspects = find_suspects(evidence, tree)
    judged = judge(evidence, suspects, truth[evidence.positions], tree)
    leaves = judge(evidence, find_suspects(evidence, tree, Order.LEAVES), truth[evidence.positions], tree)
    percents = {
        "suspected labels that are wrong": judged.precision.value,
        "wrong labels that are suspected": judged.recall[0][1].value,
        "of these, suggestion right": judged.repaired.value,
        "average precision, --order tree": judged.rankings[OURS].average_precision.value,
        "average precision, --order leaves": leaves.rankings[OURS].average_precision.value,
        "average precision, lowest probability": judged.rankings[LOWEST].average_precision.value,
    }
    return {**percents, "suspects": len(suspects) / len(truth)}


def photo_features(catalog: Catalog) -> NDArray[np.float32]:
    """`(N, 1280)` of first photos, zeros without one."""
    import torch

    from mosaic.config import BackboneConfig
    from mosaic.networks.network import _make_backbone

    network = _make_backbone(
        BackboneConfig(name="tf_efficientnet_lite0", weights="packaged", dropout=0, drop_path=0)
    ).eval()
    rows = []
    with torch.no_grad():
        for product in catalog:
            if not product.images:
                rows.append(np.zeros(1280, np.float32))
                continue
            pixels = decode_photo(product.images[0], SIDE).pixels
            batch = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
            rows.append(network(batch)[0].numpy())
    return np.array(rows)


def photo_opinion(labels: CatalogLabels, features: NDArray[np.float32], article: Ints) -> Probabilities:
    """Out of fold, products of one title in one fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(features)
    fold = np.random.default_rng(0).permutation(article.max() + 1)[article] % FOLDS
    dense = np.zeros((len(features), len(labels.tree)), np.float32)
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        model = LogisticRegression(C=0.003, max_iter=300).fit(scaled[inside], labels.leaf[inside])
        dense[outside[:, None], model.classes_] = model.predict_proba(scaled[outside])
    n, n_leaves = dense.shape
    return Probabilities.from_dense(
        "photos", labels.catalog.product_ids, np.ones(n, np.int8), dense, np.full(n, Silence.SPEAKS, np.uint8),
        support=np.arange(n_leaves, dtype=np.int32), frequency=np.full(n_leaves, 1 / n_leaves), k=n_leaves,
        taxonomy=labels.tree.fingerprint,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue")
    parser.add_argument("--wrong", type=float, default=0.1)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--photos", action="store_true")
    given = parser.parse_args()
    main(Catalog(given.catalogue), given.wrong, given.draws, with_photos=given.photos)
