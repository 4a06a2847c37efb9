"""Gradient boosted trees as plain arrays: scikit-learn grows them, numpy alone asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from catalog.files.arrays import ArraySpec

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

ROWS = 256
"""Rows that are asked together: with 150 trees their arrays stay in the processor's cache."""


@dataclass(frozen=True)
class BoostedTrees:
    """Binary trees whose leaves' values are added up; M nodes of T trees lie one after the other.

    Attributes:
        feature, threshold: `(M,)` column that a node asks, and the largest value that goes left.
        missing_left: `(M,)` whether a missing value goes left.
        left, right: `(M,)` a node's children, which stand behind it; a leaf is its own child.
        value: `(M,)` what a leaf adds.
        root: `(T,)` first node of each tree, in the order in which they are added.
        baseline: `(1,)` what they are added to.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    root: NDArray[np.int64]
    baseline: NDArray[np.float64]

    @classmethod
    def of(cls, model: HistGradientBoostingClassifier) -> BoostedTrees:
        """The trees of a fitted model of two classes; of one class, which has nothing to tell apart, none."""
        grown = [predictor.nodes for (predictor,) in model._predictors] if len(model.classes_) == 2 else []
        root = np.cumsum([0, *map(len, grown)])[:-1]
        parts: list[dict[str, NDArray[Any]]] = []
        for first, nodes in zip(root.tolist(), grown, strict=True):
            here, is_leaf = first + np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
            parts.append({
                "feature": np.where(is_leaf, 0, nodes["feature_idx"]),
                "threshold": np.where(is_leaf, 0.0, nodes["num_threshold"]),
                "missing_left": nodes["missing_go_to_left"].astype(bool),
                "left": np.where(is_leaf, here, first + nodes["left"].astype(np.int64)),
                "right": np.where(is_leaf, here, first + nodes["right"].astype(np.int64)),
                "value": nodes["value"],
            })  # fmt: skip
        arrays = {name: np.concatenate([np.zeros(0, spec.dtype), *(part[name] for part in parts)]).astype(spec.dtype)
                  for name, spec in cls.specs().items() if name not in ("root", "baseline")}  # fmt: skip
        baseline = model._baseline_prediction.reshape(-1)[:1] if grown else np.zeros(1)
        return cls(**arrays, root=root.astype(np.int64), baseline=np.asarray(baseline, np.float64))

    @classmethod
    def specs(cls) -> dict[str, ArraySpec]:
        """Names, types and shapes of the arrays."""
        nodes = dict.fromkeys(("feature", "left", "right"), ArraySpec(np.int64, ("M",)))
        numbers = dict.fromkeys(("threshold", "value"), ArraySpec(np.float64, ("M",)))
        return {
            **nodes, **numbers, "missing_left": ArraySpec(np.bool_, ("M",)),
            "root": ArraySpec(np.int64, ("T",)), "baseline": ArraySpec(np.float64, (1,), finite=True),
        }  # fmt: skip

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, `(M,)`, `(T,)` and `(1,)`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> BoostedTrees:
        """Inverse of `arrays`, `(M,)`, `(T,)` and `(1,)`.

        Raises:
            ValueError: no trees that can be asked `n_features` columns.
        """
        trees = cls(**arrays)
        here, n_nodes = np.arange(len(trees.value)), len(trees.value)
        is_leaf = (trees.left == here) & (trees.right == here)
        # children behind their parents: every way down ends
        goes_down = (trees.left > here) & (trees.right > here)
        inside = (np.maximum(trees.left, trees.right) < n_nodes) & (trees.feature >= 0) & (trees.feature < n_features)
        # one behind the other: no more trees than nodes
        is_root = (trees.root >= 0) & (trees.root < n_nodes) & (np.diff(trees.root, prepend=-1) > 0)
        if not ((is_leaf | goes_down) & inside).all() or not is_root.all():
            raise ValueError(f"no trees over {n_features} columns")
        if np.isnan(trees.threshold).any() or not np.isfinite(trees.value).all():
            raise ValueError("a threshold or a value that is no number")
        return trees

    def predict_proba(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """`(R, F)` columns, NaN where missing -> `(R,)` probability of the second class, to the bit scikit-learn's."""
        scores = [self._scores(features[start : start + ROWS]) for start in range(0, len(features), ROWS)]
        likely: NDArray[np.float64] = expit(np.concatenate([np.zeros(0), *scores]))
        return likely

    def _scores(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        n_rows, n_columns = features.shape
        columns = features.astype(np.float64).ravel()
        node = np.repeat(self.root, n_rows)
        row = np.tile(np.arange(n_rows) * n_columns, len(self.root))
        below = np.flatnonzero(self.left[node] != node)
        while len(below):
            asked = node[below]
            given = columns[row[below] + self.feature[asked]]
            is_left = np.where(np.isnan(given), self.missing_left[asked], given <= self.threshold[asked])
            reached = np.where(is_left, self.left[asked], self.right[asked])
            node[below] = reached
            below = below[self.left[reached] != reached]
        total = np.full(n_rows, self.baseline[0])
        # one after the other, as scikit-learn adds them: a sum in another order has other last bits
        for values in self.value[node].reshape(len(self.root), n_rows):
            total += values
        return total
