"""How long a tree like Google's takes to load, and what --min-leaf gains on a catalogue with a long tail.

    python bench/trees.py

The catalogue is made up: vectors in the place of photos; 40 Cat II, each of two categories with ten products and of
five with a single one. Every product is held out once in five folds, and a logistic regression learns from the others.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from catalog.files.wording import aligned, percent
from catalog.metrics.product_scores import score
from catalog.tree.small_leaves import small_leaves
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Thresholds, given_by_scores

GOOGLES = 5500
"""Nodes of Google's list."""
PARENTS, FREQUENT, RARE, PRODUCTS = 40, 2, 5, 10
FOLDS = 5
LEAST = 5


def google_list(path: Path) -> None:
    """A list of as many nodes, up to seven names deep."""
    rng = np.random.default_rng(0)
    nodes: list[tuple[str, ...]] = [(f"Root {i}",) for i in range(21)]
    while len(nodes) < GOOGLES:
        above = nodes[int(rng.integers(len(nodes)))]
        if len(above) < 7:
            nodes.append((*above, f"Name {len(nodes)} & more"))
    lines = (f"{i} - {' > '.join(node)}" for i, node in enumerate(nodes, start=1))
    path.write_text("\n".join(["# Google_Product_Taxonomy_Version: made up", *lines]))


def long_tail() -> tuple[Taxonomy, NDArray[np.int64], NDArray[np.float64]]:
    """The tree, `(P,)` leaf and `(P, 24)` vector of each product."""
    rng = np.random.default_rng(1)
    paths = [
        (f"Cat {parent // 5}", f"Shelf {parent}", f"Thing {leaf}")
        for parent in range(PARENTS)
        for leaf in range(FREQUENT + RARE)
    ]
    tree = Taxonomy(list(enumerate(paths)))
    parent = tree.ancestor(2)
    centre = rng.normal(size=(PARENTS, 24))[parent] + 0.7 * rng.normal(size=(len(tree), 24))
    n = np.array([PRODUCTS if int(path[2].split()[1]) < FREQUENT else 1 for path in tree.paths])
    leaf = np.repeat(np.arange(len(tree)), n)
    return tree, leaf, centre[leaf] + 0.9 * rng.normal(size=(len(leaf), 24))


def held_out(tree: Taxonomy, leaf: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(P, n_leaves)` probabilities of each product by a model that has not seen it; 0 for leaves not learnt."""
    p = np.zeros((len(leaf), len(tree)))
    # a class of one product is in one fold alone, which scikit-learn would warn of
    order = np.random.default_rng(2).permutation(len(leaf))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(x[order], tree.ancestor(2)[leaf[order]], order):
        model = LogisticRegression(C=0.3, max_iter=300).fit(x[order[train]], leaf[order[train]])
        p[np.ix_(order[test], model.classes_)] = model.predict_proba(x[order[test]])
    return p


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        google_list(Path(folder) / "google.txt")
        start = time.perf_counter()
        tree = Taxonomy.from_csv(Path(folder) / "google.txt")
        print(f"{len(tree):,} categories on {tree.depth} levels load in {time.perf_counter() - start:.2f} s")
    whole, leaf, x = long_tail()
    n_products = np.bincount(leaf, minlength=len(whole))
    small = small_leaves(whole.shop_ids, whole.paths, n_products, LEAST)
    rare = np.isin(leaf, whole.leaf_index(list(small)))
    print(
        f"\n{len(leaf):,} products, {len(whole)} categories, {len(small)} of them of a single product; right in percent"
    )
    rows = [["", "classes", "category", "of rare", "Cat II", "of rare", "given unseen", "right", "rare given"]]
    for name, tree in (("every category by itself", whole), (f"--min-leaf {LEAST}", whole.counting(small))):
        truth = tree.leaf_index(whole.leaf_ids[leaf])
        p = held_out(tree, truth, x)
        right, parent = p.argmax(axis=1) == truth, tree.ancestor(2)
        of_parent = tree.node_mass(p, 2).argmax(axis=1) == parent[truth]
        scores = score(p, truth, np.arange(len(truth)), np.ones(len(truth), np.int8), tree)
        level = given_by_scores(scores, Thresholds.fit(scores, tree, 0.95, 0.9), tree)[:, 0]
        is_right = scores.correct[np.arange(len(truth)), level - 1]
        shares = (right, right[rare], of_parent, of_parent[rare], level > 0, is_right[level > 0], level[rare] > 0)
        rows.append([name, str(len(tree)), *(percent(float(share.mean())) for share in shares)])
    print(aligned(rows, "<" + ">" * (len(rows[0]) - 1)))


if __name__ == "__main__":
    main()
