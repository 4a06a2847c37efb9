"""A stacker: one row per product and candidate leaf, gradient boosting tells which candidate is right.

The form of the challenge's second-level learners, which scored candidate classes from the networks' probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog.atomic import atomic_path
from catalog.probabilities import Probabilities
from catalog.taxonomy import LEVELS, Taxonomy
from fusion.heads.base import Head, chunks
from fusion.heads.evidence import FLOOR, dense_rows

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

N_CANDIDATES = 12
MAX_FITTED = 50_000
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""What a stored stacker may hold beside scikit-learn's public types and numpy's arrays."""
MAX_BYTES = 256 * 2**20


class Stacker(Head):
    """Gradient boosting over candidate leaves; the probabilities of a product's candidates are its normalised scores.

    Candidates are the leaves that the experts' mean puts first. The mass of the others is the share of true leaves
    that were no candidates in fitting, spread as the mean spreads it.
    """

    def __init__(self, tree: Taxonomy, expert_names: Sequence[str], *, seed: int = 0) -> None:
        super().__init__(tree, expert_names)
        self.seed = seed
        self.model: HistGradientBoostingClassifier | None = None
        self.missed = 0.0

    def fit(
        self,
        experts: Sequence[Probabilities],
        truth: NDArray[np.int64],
        n_images: NDArray[np.integer],
        prior: NDArray[np.floating] | None = None,
    ) -> Stacker:
        """Fit on at most 50,000 products' candidates."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.check(experts)
        self.set_prior(prior)
        kept = np.sort(np.random.default_rng(self.seed).permutation(len(truth))[:MAX_FITTED])
        rows_of, right_of = [], []
        for rows in chunks(kept):
            candidates, features, _ = self._candidates(experts, rows, n_images)
            rows_of.append(features)
            right_of.append(candidates == truth[rows, None])
        right = np.concatenate(right_of)
        # one more product than was seen is counted as missed: never certain that nothing is
        self.missed = float((1 + (~right.any(axis=1)).sum()) / (2 + len(right)))
        self.model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=5.0,
            early_stopping=False, random_state=self.seed,
        )  # fmt: skip
        self.model.fit(np.concatenate(rows_of).reshape(right.size, -1), right.ravel())
        return self

    def predict_proba(self, experts: Sequence[Probabilities], n_images: NDArray[np.integer]) -> NDArray[np.float32]:
        """See `Head.predict_proba`."""
        self.check(experts)
        if self.model is None:
            raise ValueError("this stacker has no trees yet: call fit first")
        out = np.zeros((len(experts[0]), len(self.tree)), np.float32)
        for rows in chunks(np.arange(len(out))):
            candidates, features, mean = self._candidates(experts, rows, n_images)
            flat = features.reshape(candidates.size, -1)
            if len(self.model.classes_) == 2:
                own = self.model.predict_proba(flat)[:, 1].reshape(candidates.shape)
            else:
                # only right, or only wrong, candidates were seen in fitting: nothing to tell them apart by
                own = np.ones(candidates.shape)
            own = np.maximum(own, FLOOR)
            np.put_along_axis(mean, candidates, 0.0, axis=1)
            others = mean.sum(axis=1, keepdims=True)
            missed = np.where(others > 0, self.missed, 0.0)
            dense = mean * np.divide(missed, others, out=np.zeros_like(others), where=others > 0)
            np.put_along_axis(dense, candidates, (1 - missed) * own / own.sum(axis=1, keepdims=True), axis=1)
            out[rows] = dense
        return out

    def _candidates(
        self, experts: Sequence[Probabilities], rows: NDArray[np.int64], n_images: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
        """`(n, K)` candidate leaves, their `(n, K, F)` features, and the experts' mean `(n, n_leaves)`."""
        dense = [dense_rows(expert, rows, self.tree) for expert in experts]
        speaks: NDArray[np.bool_] = np.stack([expert.speaks[rows] for expert in experts])
        mean = np.where(np.any(speaks, axis=0)[:, None], np.sum(dense, axis=0), self.prior)
        mean /= mean.sum(axis=1, keepdims=True)
        k = min(N_CANDIDATES, len(self.tree))
        candidates = np.argsort(-mean, axis=1, kind="stable")[:, :k]
        place = np.broadcast_to(np.arange(k), candidates.shape)
        log_mean = np.take_along_axis(np.log(mean + FLOOR), candidates, axis=1)
        columns: list[NDArray[Any]] = [place, log_mean, np.log(self.prior[candidates])]
        columns.append(np.broadcast_to(np.asarray(n_images[rows])[:, None], candidates.shape))
        for own, speaking in zip(dense, speaks, strict=True):
            best = np.log(np.maximum(own.max(axis=1, keepdims=True), FLOOR))
            for level in LEVELS:
                mass = np.take_along_axis(
                    self.tree.node_mass(own, level), self.tree.ancestor(level)[candidates], axis=1
                )
                log = np.log(np.maximum(mass, FLOOR))
                # silence is a missing value, which the trees may send either way
                columns.append(np.where(speaking[:, None], log, np.nan))
            columns.append(np.where(speaking[:, None], log - best, np.nan))
        return candidates, np.stack(columns, axis=2).astype(np.float32), mean

    def save(self, path: Path) -> None:
        """Write one file in skops' format: no pickle."""
        import skops.io

        with atomic_path(path) as temporary:
            skops.io.dump({"model": self.model, "prior": self.prior, "missed": self.missed}, temporary)

    def load(self, path: Path) -> Stacker:
        """Inverse of `save`; nothing but the types of a gradient boosting model is accepted."""
        import skops.io
        from sklearn.ensemble import HistGradientBoostingClassifier

        try:
            if path.stat().st_size > MAX_BYTES:
                raise ValueError(f"larger than {MAX_BYTES} bytes")
            found = skops.io.load(path, trusted=list(TRUSTED))
            self.model, self.prior, self.missed = found["model"], found["prior"], float(found["missed"])
        # skops reports a damaged or hostile file in many ways
        except Exception as error:
            raise ValueError(f"{path} does not hold a stacker ({error}): run `fusion train` again") from None
        n_features = 4 + 4 * len(self.expert_names)
        if not isinstance(self.model, HistGradientBoostingClassifier) or (
            (self.model.n_features_in_, self.prior.shape) != (n_features, (len(self.tree),))
        ):
            raise ValueError(f"{path} does not fit its run's tree and experts: run `fusion train` again")
        return self
