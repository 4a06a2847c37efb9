"""What every head has in common: experts in, one distribution over the leaves out; scikit-learn's words for it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, save_arrays
from catalog.files.progress import in_batches
from catalog.probabilities import Probabilities
from catalog.tree.taxonomy import Taxonomy
from fusion.heads.evidence import FLOOR
from fusion.heads.log_linear import MAX_EXPERTS

CHUNK = 512


class Head(ABC):
    """Fuses the experts' probabilities; fitted on held-out ones only.

    Attributes:
        expert_names: the experts, in the order in which they are given to `fit` and `predict_proba`.
        prior: `(n_leaves,)` float64 training share of each leaf, spoken where no expert speaks.
    """

    def __init__(self, tree: Taxonomy, expert_names: Sequence[str]) -> None:
        """Raises ValueError for no expert, or more than 12 (each set of experts may have weights of its own)."""
        if not 1 <= len(expert_names) <= MAX_EXPERTS:
            raise ValueError(f"a head takes 1 to {MAX_EXPERTS} experts, got {len(expert_names)}")
        self.tree = tree
        self.expert_names = list(expert_names)
        self.prior: NDArray[np.float64] = np.full(len(tree), 1 / len(tree))

    def fit(
        self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.integer],
        prior: NDArray[np.floating] | None = None,
    ) -> Self:  # fmt: skip
        """Fit on held-out probabilities.

        Args:
            experts: row-aligned held-out `Probabilities`, in the order of `expert_names`.
            truth: `(N,)` true leaf index.
            n_images: `(N,)` image count, 0..4.
            prior: `(n_leaves,)` training share of each leaf.

        Raises:
            ValueError: other experts, or experts of another tree.
        """
        self.check(experts)
        if prior is not None:
            # a category may stand in the tree before its first product: its logarithm must be finite
            floored = np.maximum(np.asarray(prior, np.float64), FLOOR)
            self.prior = floored / floored.sum()
        self._fit(experts, truth, np.asarray(n_images, np.int64))
        return self

    @abstractmethod
    def _fit(self, experts: Sequence[Probabilities], truth: NDArray[np.int64], n_images: NDArray[np.int64]) -> None:
        """`fit` for experts that were checked, with the prior set."""

    def predict_proba(self, experts: Sequence[Probabilities], n_images: NDArray[np.integer]) -> NDArray[np.float32]:
        """`(N, n_leaves)` float32 probabilities of row-aligned experts; call it on chunks, the result is dense."""
        self.check(experts)
        return self._predict(experts, np.asarray(n_images, np.int64))

    @abstractmethod
    def _predict(self, experts: Sequence[Probabilities], n_images: NDArray[np.int64]) -> NDArray[np.float32]:
        """`predict_proba` for experts that were checked."""

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """What was fitted, by name: `(n_leaves,)` prior, and what else a head has."""
        return {"prior": self.prior}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of `tensors`."""
        return {"prior": (len(self.tree),)}

    def take(self, tensors: Mapping[str, NDArray[np.float64]]) -> None:
        """Inverse of `tensors`: `(n_leaves,)` prior, and what else a head has."""
        self.prior = tensors["prior"]

    def save(self, path: Path) -> None:
        """Write what was fitted into one file, atomically."""
        save_arrays(path, self.tensors())

    def load(self, path: Path) -> Self:
        """Inverse of `save`; raises ValueError when the file is damaged or does not fit tree and experts."""
        expected = {name: ArraySpec(np.float64, shape, finite=True) for name, shape in self.shapes().items()}
        misfit = "does not fit its run's tree and experts"
        self.take(load_arrays(path, expected, what="head", remedy="run `fusion train` again", misfit=misfit))
        return self

    def check(self, experts: Sequence[Probabilities]) -> None:
        """Raise ValueError unless these are the head's experts, made with its tree."""
        names = [expert.expert for expert in experts]
        if names != self.expert_names:
            raise ValueError(f"this head pools {', '.join(self.expert_names)}; got {', '.join(names)}")
        for expert in experts:
            if expert.taxonomy != self.tree.fingerprint:
                raise ValueError(f"expert {expert.expert} was made with another category tree than this head")


def chunks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """`(n,)` rows in pieces small enough for dense probabilities."""
    return in_batches(rows, CHUNK)
