"""Scores per product: what a probability vector was worth at each level of the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.progress import in_batches
from catalog.metrics.answer_path import answer_paths
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy

Ints = NDArray[np.int64]
MIN_PROBABILITY = 1e-9
"""A log loss is never that of less."""
LIST = 5
"""Leaves in the list that HD@5 and top-5 look at."""
CHUNK = 1024
"""Products scored at a time: dense probabilities of 5270 leaves take 22 MB."""


@dataclass(frozen=True)
class ProductScores:
    """What a probability vector was worth on each of N labelled products, at levels 1 to D (columns 0 to D - 1).

    Attributes:
        product_ids: `(N,)` int64; n_images: `(N,)` int8; truth: `(N,)` int64 leaf index.
        predicted: `(N, D)` int64 nodes on the path of the likeliest leaf, see `catalog.metrics.answer_path`.
        confidence: `(N, D)` float32 their probabilities; parents are sums of leaves.
        likeliest: `(N, D)` int64 likeliest node of each level by itself; p_likeliest: `(N, D)` float32 its probability.
        rank: `(N, D)` int64 position of the true node among those of its level, 0 when it is the likeliest.
        p_truth: `(N, D)` float32 probability of the true node.
        distance: `(N,)` int64 height of the lowest common ancestor of predicted and true leaf, 0..D.
        distance5: `(N,)` float32 mean of that height over the five likeliest leaves (over all in a smaller tree).
    """

    product_ids: Ints
    n_images: NDArray[np.int8]
    truth: Ints
    predicted: Ints
    confidence: NDArray[np.float32]
    likeliest: Ints
    p_likeliest: NDArray[np.float32]
    rank: Ints
    p_truth: NDArray[np.float32]
    distance: Ints
    distance5: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.truth)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> ProductScores:
        """Scores of a part of the products: `(n,)` integer places or an `(N,)` bool mask."""
        return ProductScores(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def levels(self) -> tuple[int, ...]:
        """1 to D; the last is that of the leaves."""
        return tuple(range(1, self.predicted.shape[1] + 1))

    @property
    def correct(self) -> NDArray[np.bool_]:
        """`(N, D)` bool: the node on the path is the true one."""
        # the tree distance of two leaves is the number of levels at which they differ, from the leaf upwards
        return self.distance[:, None] <= len(self.levels) - np.array(self.levels)

    @property
    def likeliest_correct(self) -> NDArray[np.bool_]:
        """`(N, D)` bool: the likeliest node of the level is the true one, whatever the path of the answer."""
        return self.rank == 0

    @property
    def top5(self) -> NDArray[np.bool_]:
        """`(N, D)` bool: the true node is the one on the path, or one of the five likeliest of its level."""
        return self.correct | (self.rank < LIST)

    @property
    def nll(self) -> NDArray[np.float64]:
        """`(N, D)` negative log probability of the true node."""
        return -np.log(np.maximum(self.p_truth, MIN_PROBABILITY).astype(np.float64))

    def save(self, path: Path) -> None:
        """Write one safetensors file, atomically."""
        save_arrays(path, {name: np.asarray(getattr(self, name), spec.dtype) for name, spec in _ARRAYS.items()})

    @classmethod
    def load(cls, path: Path) -> ProductScores:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not a file of scores, or its arrays do not fit together.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: expected saved scores")
        return cls(**load_arrays(path, _ARRAYS, what="scores", remedy="run `fusion train` again"))


_ARRAYS = {
    "product_ids": ArraySpec(np.int64, ("N",)),
    "n_images": ArraySpec(np.int8, ("N",)),
    "truth": ArraySpec(np.int64, ("N",)),
    "predicted": ArraySpec(np.int64, ("N", "D")),
    "confidence": ArraySpec(np.float32, ("N", "D")),
    "likeliest": ArraySpec(np.int64, ("N", "D")),
    "p_likeliest": ArraySpec(np.float32, ("N", "D")),
    "rank": ArraySpec(np.int64, ("N", "D")),
    "p_truth": ArraySpec(np.float32, ("N", "D")),
    "distance": ArraySpec(np.int64, ("N",)),
    "distance5": ArraySpec(np.float32, ("N",)),
}
"""Each field of `ProductScores` on disk."""


def score(
    dense: NDArray[np.floating], truth: Ints, product_ids: Ints, n_images: NDArray[np.int8], tree: Taxonomy
) -> ProductScores:
    """Score `(N, n_leaves)` probabilities against true leaves."""
    n, depth = len(truth), tree.depth
    likely, rank = np.empty((n, depth), np.int64), np.empty((n, depth), np.int64)
    p_likely, p_truth = np.empty((n, depth), np.float32), np.empty((n, depth), np.float32)
    rows = np.arange(n)
    for column, level in enumerate(tree.levels):
        mass = tree.node_mass(dense, level)
        true_node = tree.ancestor(level)[truth]
        p_true_node = mass[rows, true_node]
        likely[:, column] = mass.argmax(axis=1)
        p_likely[:, column] = mass[rows, likely[:, column]]
        p_truth[:, column] = p_true_node
        # among equals the true node stands after those with a lower index, as argmax has it
        earlier = np.arange(mass.shape[1]) < true_node[:, None]
        rank[:, column] = ((mass > p_true_node[:, None]) | ((mass == p_true_node[:, None]) & earlier)).sum(axis=1)
    paths = answer_paths(dense, tree)
    return ProductScores(
        product_ids, n_images, truth, predicted=paths.nodes, confidence=paths.probabilities,
        likeliest=likely, p_likeliest=p_likely, rank=rank, p_truth=p_truth,
        distance=tree.distance(paths.leaves, truth), distance5=list_distance(likeliest(dense, LIST), truth, tree),
    )  # fmt: skip


def paired_rows(a: ProductScores, b: ProductScores) -> tuple[ProductScores, ProductScores]:
    """The products that both hold, row-aligned, by rising product id."""
    _, rows_a, rows_b = np.intersect1d(a.product_ids, b.product_ids, assume_unique=True, return_indices=True)
    return a.select(rows_a), b.select(rows_b)


def likeliest(dense: NDArray[np.floating], k: int) -> Ints:
    """`(N, k)` leaf indices by falling probability, equals by index; k is at most the number of leaves."""
    left = dense.copy()
    rows = np.arange(len(dense))
    leaves = np.empty((len(dense), min(k, dense.shape[1])), np.int64)
    # a few searches for the largest are faster than a sort of thousands of leaves
    for place in range(leaves.shape[1]):
        leaves[:, place] = left.argmax(axis=1)
        left[rows, leaves[:, place]] = -np.inf
    return leaves


def list_distance(leaves: Ints, truth: Ints, tree: Taxonomy) -> NDArray[np.float32]:
    """`(N,)` float32 mean tree distance of the `(N, k)` listed leaves to the true one: HD@k."""
    return tree.distance(leaves, truth[:, None]).mean(axis=1, dtype=np.float32)


def score_probabilities(
    probabilities: Probabilities, truth: Ints, tree: Taxonomy, photos: NDArray[np.int8] | None = None
) -> ProductScores:
    """Score saved probabilities where the expert speaks.

    Args:
        probabilities: of N products. truth: `(N,)` leaf index, -1 where unknown (left out).
        photos: `(N,)` photos of the products, which count where the expert speaks without any (of a title).
    """
    rows = np.flatnonzero(probabilities.speaks & (truth >= 0))
    ids, n_images = probabilities.product_ids, probabilities.n_images
    if photos is not None:
        n_images = np.where(n_images > 0, n_images, photos)
    parts = [
        score(probabilities.dense(chunk, len(tree)), truth[chunk], ids[chunk], n_images[chunk], tree)
        for chunk in list(in_batches(rows, CHUNK)) or [rows]
    ]
    return concatenate_scores(parts)


def concatenate_scores(parts: Sequence[ProductScores]) -> ProductScores:
    """Scores of successive chunks as one."""
    return ProductScores(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(ProductScores)})
