"""A stacker: one row per product and candidate leaf, gradient boosting tells which candidate is right.

The form of the challenge's second-level learners, which scored candidate classes from the networks' probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from fusion.heads.base import Head, chunks
from fusion.heads.boosted_trees import BoostedTrees
from fusion.heads.earlier_stacker import SUFFIX, load_earlier
from fusion.heads.evidence import FLOOR, dense_rows
from fusion.heads.tree_pool import TreePool

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

N_CANDIDATES = 12
"""Of the shelf benchmark's products 86 % have their true leaf among so many."""
MAX_FITTED = 50_000
N_PARTS = 3
"""Parts of the fitting products whose candidates are scored by trees that have not seen them."""
POOL, TREES, TEMPERATURE = "pool.", "trees.", "temperature"
"""Names in a stacker's file, or their beginnings."""
MISFIT, REMEDY = "does not fit its run's tree and experts", "run `fusion train` again"
FEW_ROWS = 10_000
"""Of these candidates one thread takes care: two took twice the CPU time for 2,400, and half the time for 24,000."""


class Stacker(Head):
    """Gradient boosting over the tree pool's likeliest leaves.

    The trees share out what the pool gives to a product's candidates together; the other leaves keep what the pool
    gives them. A temperature, fitted on products that the trees have not seen, says how far the trees are to be
    trusted: probability of a candidate ~ score ** temperature.
    """

    def __init__(self, tree: Taxonomy, expert_names: Sequence[str], *, shrinkage: float = 10.0, seed: int = 0) -> None:
        super().__init__(tree, expert_names)
        self.seed = seed
        self.pool = TreePool(tree, expert_names, shrinkage=shrinkage)
        self.trees: BoostedTrees | None = None
        self.temperature = 1.0

    @property
    def n_features(self) -> int:
        """Features of a candidate, see `_candidates`."""
        return 3 + self.tree.depth + (self.tree.depth + 1) * len(self.expert_names)

    def _fit(self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.int64]) -> None:
        """Fit the pool on all products, the trees on at most 50,000 products' candidates."""
        self.pool.fit(experts, truth, n_images, self.prior)
        rng = np.random.default_rng(self.seed)
        kept = np.sort(rng.permutation(len(truth))[:MAX_FITTED])
        pieces = [self._candidates(experts, rows, n_images) for rows in chunks(kept)]
        features = np.concatenate([piece for _, piece, _ in pieces])
        right = np.concatenate([candidates for candidates, _, _ in pieces]) == truth[kept, None]
        part = rng.permutation(len(kept)) % N_PARTS
        unseen = np.zeros(right.shape)
        for number in range(N_PARTS):
            model = self._boosted(features[part != number], right[part != number])
            unseen[part == number] = _log_scores(BoostedTrees.of(model), features[part == number])
        self.temperature = _temperature(unseen[right.any(axis=1)], right[right.any(axis=1)])
        self.trees = BoostedTrees.of(self._boosted(features, right))

    def _boosted(self, features: NDArray[np.float32], right: NDArray[np.bool_]) -> HistGradientBoostingClassifier:
        """`(n, K, F)` features of candidates and whether each is the true leaf."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=5.0,
            early_stopping=False, random_state=self.seed,
        )  # fmt: skip
        columns = features.reshape(right.size, -1)
        # scikit-learn stops at a column without one value (an expert that never speaks here); a constant is never split
        with _threads_for(len(columns)):
            return model.fit(np.where(np.isnan(columns).all(axis=0), 0, columns), right.ravel())

    def _predict(self, experts: Sequence[Probabilities], n_images: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.trees is None:
            raise ValueError("this stacker has no trees yet: call fit first")
        out = np.zeros((len(experts[0]), len(self.tree)), np.float32)
        for rows in chunks(np.arange(len(out))):
            candidates, features, dense = self._candidates(experts, rows, n_images)
            score = self.temperature * _log_scores(self.trees, features)
            share = np.exp(score - score.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            # how much the candidates have together stays the pool's word, which is calibrated
            together = np.take_along_axis(dense, candidates, axis=1).sum(axis=1, keepdims=True)
            np.put_along_axis(dense, candidates, (together * share).astype(np.float32), axis=1)
            out[rows] = dense
        return out

    def _candidates(
        self, experts: Sequence[Probabilities], rows: NDArray[np.int64], n_images: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """`(n, K)` candidate leaves, their `(n, K, F)` features, and the pool's `(n, n_leaves)` probabilities."""
        pooled = self.pool.predict_proba([expert.select(rows) for expert in experts], n_images[rows])
        k = min(N_CANDIDATES, len(self.tree))
        candidates = np.argsort(-pooled, axis=1, kind="stable")[:, :k]
        columns: list[NDArray[Any]] = [
            np.broadcast_to(np.arange(k), candidates.shape),
            np.broadcast_to(n_images[rows, None], candidates.shape),
            np.log(self.prior[candidates]),
            *self._along(pooled, candidates),
        ]
        for expert in experts:
            dense, speaking = dense_rows(expert, rows, self.tree), expert.speaks[rows, None]
            best = np.log(np.maximum(dense.max(axis=1, keepdims=True), FLOOR))
            along = self._along(dense, candidates)
            # silence is a missing value, which the trees may send either way
            columns += [np.where(speaking, log, np.nan) for log in (*along, along[-1] - best)]
        return candidates, np.stack(columns, axis=2).astype(np.float32), pooled

    def _along(self, dense: NDArray[np.float32], candidates: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Log probabilities of each candidate's Cat I, Cat II, ... and itself, `(n, K)` each."""
        masses = [
            np.take_along_axis(self.tree.node_mass(dense, level), self.tree.ancestor(level)[candidates], axis=1)
            for level in self.tree.levels
        ]
        return [np.log(np.maximum(mass, FLOOR)) for mass in masses]

    def save(self, path: Path) -> None:
        """Write one file of arrays, atomically."""
        if self.trees is None:
            raise ValueError("this stacker has no trees yet: call fit first")
        of_pool = {POOL + name: values for name, values in self.pool.tensors().items()}
        of_trees = {TREES + name: values for name, values in self.trees.arrays().items()}
        save_arrays(path, {**of_pool, **of_trees, TEMPERATURE: np.array([self.temperature])})

    def load(self, path: Path) -> Stacker:
        """Inverse of `save`; where `path` is missing, what an earlier version wrote beside it."""
        earlier = path.with_suffix(SUFFIX)
        if earlier.is_file() and not path.exists():
            self.trees, self.temperature, tensors = load_earlier(earlier, self.n_features)
            if {name: values.shape for name, values in tensors.items()} != self.pool.shapes():
                raise ValueError(f"{earlier} {MISFIT}: {REMEDY}")
        else:
            tensors = self._load_arrays(path)
        self.pool.take(tensors)
        self.prior = self.pool.prior
        return self

    def _load_arrays(self, path: Path) -> dict[str, NDArray[np.float64]]:
        """Take trees and temperature of a file; returns the pool's arrays."""
        expected = {
            **{POOL + name: ArraySpec(np.float64, shape, finite=True) for name, shape in self.pool.shapes().items()},
            **{TREES + name: spec for name, spec in BoostedTrees.specs().items()},
            TEMPERATURE: ArraySpec(np.float64, (1,), finite=True),
        }
        arrays = load_arrays(path, expected, what="stacker", remedy=REMEDY, misfit=MISFIT)
        try:
            of_trees = {name: arrays[TREES + name] for name in BoostedTrees.specs()}
            self.trees = BoostedTrees.of_arrays(of_trees, self.n_features)
        except ValueError as error:
            raise ValueError(f"{path} does not hold a stacker ({error}): {REMEDY}") from None
        self.temperature = float(arrays[TEMPERATURE][0])
        return {name: arrays[POOL + name] for name in self.pool.shapes()}


def _log_scores(trees: BoostedTrees, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """`(n, K)` log of how likely each candidate is the true leaf, by itself."""
    n, k = features.shape[:2]
    likely = trees.predict_proba(features.reshape(n * k, -1)).reshape(n, k)
    return np.log(np.maximum(likely, FLOOR))


def _threads_for(n_rows: int) -> AbstractContextManager[object]:
    """scikit-learn starts a thread for each core, whatever there is to do."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "openmp") if n_rows < FEW_ROWS else nullcontext()


def _temperature(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Exponent of least log loss for products whose true leaf is a candidate; 1 without any."""
    if not len(scores):
        return 1.0
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    def loss(exponent: float) -> float:
        return float((logsumexp(exponent * scores, axis=1) - exponent * scores[right]).mean())

    return float(minimize_scalar(loss, bounds=(0.05, 5.0), method="bounded").x)
