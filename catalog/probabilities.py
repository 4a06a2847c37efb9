"""What one expert says about N products: the k likeliest leaves, the remaining mass, and where it is silent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from catalog.files.id_lookup import UNKNOWN, positions_of

MIN_FREQUENCY = 1e-6
"""Floor of a leaf's share when the remaining mass is spread over the unlisted leaves of the support."""


class Silence(IntEnum):
    """Why an expert says nothing about a product; 0 means that it speaks."""

    SPEAKS = 0
    NOT_ROUTED = 1
    NOTHING_READ = 2
    NO_NETWORK = 3
    UNREADABLE = 4
    FAILED = 5
    NO_COPY = 6
    NO_TITLE = 7
    NO_NEIGHBOUR = 8

    @property
    def words(self) -> str:
        """As people read it: `not routed`."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Probabilities:
    """Top-k probabilities of one expert, a probability distribution over its support in every speaking row.

    Attributes:
        expert: name of the expert.
        product_ids: `(N,)` int64 numbers of the products' ids, see `catalog.ids.shop_id`.
        n_images: `(N,)` int8, photos that the expert used (0 where silent for want of photos).
        leaves: `(N, k)` int32 leaf indices by falling probability, all inside the support; 0 in silent rows.
        values: `(N, k)` float32 in [0, 1]; NaN in silent rows.
        rest: `(N,)` float32 mass of the unlisted leaves of the support; NaN in silent rows.
        silence: `(N,)` uint8, codes of `Silence`.
        support: `(S,)` int32 sorted leaf indices that this expert can name.
        frequency: `(S,)` float64 training share of each supported leaf; it spreads the remaining mass.
        taxonomy: fingerprint of the tree that the leaf indices belong to.
        plan: id of the plan that the expert was trained under, empty when it does not matter.
    """

    expert: str
    product_ids: NDArray[np.int64]
    n_images: NDArray[np.int8]
    leaves: NDArray[np.int32]
    values: NDArray[np.float32]
    rest: NDArray[np.float32]
    silence: NDArray[np.uint8]
    support: NDArray[np.int32]
    frequency: NDArray[np.float64]
    taxonomy: str
    plan: str = ""

    def __len__(self) -> int:
        return len(self.product_ids)

    @property
    def speaks(self) -> NDArray[np.bool_]:
        """`(N,)` bool."""
        return self.silence == Silence.SPEAKS

    @classmethod
    def from_dense(  # noqa: PLR0913 - one argument for every field, named where it is called
        cls,
        expert: str,
        product_ids: NDArray[np.int64],
        n_images: NDArray[np.int8],
        dense: NDArray[np.floating],
        silence: NDArray[np.uint8],
        *,
        support: NDArray[np.int32],
        frequency: NDArray[np.float64],
        k: int,
        taxonomy: str,
        plan: str = "",
    ) -> Probabilities:
        """Keep the k likeliest of `dense`, `(N, S)` probabilities over the support (any value in silent rows)."""
        n, k = len(product_ids), min(k, len(support))
        order = np.argpartition(-dense, k - 1, axis=1)[:, :k] if k < len(support) else None
        if order is None:
            order = np.broadcast_to(np.arange(len(support)), dense.shape)
        values = np.take_along_axis(dense, order, axis=1)
        # a stable order among equals, so that the same input gives the same bytes
        by_value = np.lexsort((order, -values), axis=1)
        order = np.take_along_axis(order, by_value, axis=1)
        values = np.take_along_axis(values, by_value, axis=1).astype(np.float32)
        leaves = support[order].astype(np.int32).reshape(n, k)
        rest = np.clip(1.0 - values.sum(axis=1, dtype=np.float64), 0.0, 1.0).astype(np.float32)
        silent = silence != Silence.SPEAKS
        leaves[silent], values[silent], rest[silent] = 0, np.nan, np.nan
        if k == len(support):
            rest[~silent] = 0.0
        return cls(expert, product_ids, n_images, leaves, values, rest, silence, support, frequency, taxonomy, plan)

    def dense(self, rows: NDArray[np.integer], n_leaves: int) -> NDArray[np.float32]:
        """`(len(rows), n_leaves)` float32; zero outside the support, each row summing to one.

        The remaining mass is spread over the unlisted leaves of the support by training frequency.

        Raises:
            ValueError: a row on which the expert is silent; the message gives the row and the reason.
        """
        if not self.speaks[rows].all():
            row = int(rows[~self.speaks[rows]][0])
            reason = Silence(int(self.silence[row]))
            raise ValueError(f"expert {self.expert} is silent on the product of row {row}: {reason.words}")
        by_frequency = np.zeros(n_leaves, np.float64)
        by_frequency[self.support] = np.maximum(self.frequency, MIN_FREQUENCY)
        out = np.broadcast_to(by_frequency, (len(rows), n_leaves)).copy()
        np.put_along_axis(out, self.leaves[rows], 0.0, axis=1)
        unlisted = out.sum(axis=1, keepdims=True)
        out *= np.divide(self.rest[rows, None], unlisted, out=np.zeros_like(unlisted), where=unlisted > 0)
        np.put_along_axis(out, self.leaves[rows], self.values[rows].astype(np.float64), axis=1)
        out /= out.sum(axis=1, keepdims=True)
        return out.astype(np.float32)

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Probabilities:
        """The same expert on a part of its products: `rows` are `(n,)` integer places or an `(N,)` bool mask."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _BY_PRODUCT})

    def aligned(self, product_ids: NDArray[np.int64]) -> Probabilities:
        """Rows in the order of `product_ids`, `(n,)` int64; silent (not routed) on products this expert never saw."""
        if not len(self):
            return silent_everywhere(self, product_ids)
        rows = positions_of(self.product_ids, product_ids)
        out = self.select(rows)
        silent = {"leaves": 0, "values": np.nan, "rest": np.nan, "n_images": 0, "silence": Silence.NOT_ROUTED}
        for name, value in silent.items():
            getattr(out, name)[rows == UNKNOWN] = value
        return replace(out, product_ids=product_ids)

    def save(self, path: Path) -> None:
        """Write one safetensors file, atomically."""
        texts = {"expert": self.expert, "taxonomy": self.taxonomy, "plan": self.plan}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        save_arrays(path, arrays, metadata={"probabilities": json.dumps(texts)})

    @classmethod
    def load(cls, path: Path) -> Probabilities:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not a file of probabilities, or its arrays do not fit together.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} does not exist: expected saved probabilities")
        arrays = load_arrays(path, _ARRAYS, what="probabilities", remedy="give a run's heldout.safetensors")
        try:
            saved = cls(**json.loads(load_metadata(path)["probabilities"]), **arrays)
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path} holds no probabilities ({error})") from None
        if not np.isin(saved.leaves[saved.speaks], saved.support).all():
            raise ValueError(f"{path}: leaves outside the support, the file is damaged")
        return saved


_ARRAYS = {
    "product_ids": ArraySpec(np.int64, ("N",)),
    "n_images": ArraySpec(np.int8, ("N",)),
    "leaves": ArraySpec(np.int32, ("N", "k")),
    "values": ArraySpec(np.float32, ("N", "k")),
    "rest": ArraySpec(np.float32, ("N",)),
    "silence": ArraySpec(np.uint8, ("N",)),
    "support": ArraySpec(np.int32, ("S",)),
    "frequency": ArraySpec(np.float64, ("S",), finite=True),
}
"""Each field of `Probabilities` on disk."""
_BY_PRODUCT = tuple(name for name, spec in _ARRAYS.items() if spec.shape[0] == "N")


def silent_everywhere(
    like: Probabilities, product_ids: NDArray[np.int64], reason: Silence = Silence.NOT_ROUTED
) -> Probabilities:
    """One row for each of `product_ids`, `(n,)` int64, on which the expert says nothing, for one reason."""
    n, k = len(product_ids), like.leaves.shape[1]
    return replace(
        like,
        product_ids=product_ids,
        n_images=np.zeros(n, np.int8),
        leaves=np.zeros((n, k), np.int32),
        values=np.full((n, k), np.nan, np.float32),
        rest=np.full(n, np.nan, np.float32),
        silence=np.full(n, reason, np.uint8),
    )


def concatenate(parts: Sequence[Probabilities]) -> Probabilities:
    """Stack parts of one expert; k is the largest among them.

    Parts may differ in support (networks of different image counts or folds): the union is taken, so a part's
    remaining mass may reach a leaf that only another part can name.

    Raises:
        ValueError: parts of different trees or plans, or no part.
    """
    if not parts:
        raise ValueError("nothing to concatenate")
    first = parts[0]
    if any((p.taxonomy, p.plan) != (first.taxonomy, first.plan) for p in parts):
        raise ValueError(f"expert {first.expert}: parts made under different trees or plans")
    k = max(p.leaves.shape[1] for p in parts)
    support = np.unique(np.concatenate([p.support for p in parts])).astype(np.int32)
    frequency = np.zeros(len(support))
    for part in parts:
        frequency[np.searchsorted(support, part.support)] += part.frequency * max(len(part), 1)
    frequency /= frequency.sum()

    def widened(array: NDArray[Any]) -> NDArray[Any]:
        if array.ndim == 1 or array.shape[1] == k:
            return array
        # repeating the last listed leaf with its own value says nothing new, whichever of the two is read
        return np.pad(array, ((0, 0), (0, k - array.shape[1])), mode="edge")

    rows: dict[str, Any] = {name: np.concatenate([widened(getattr(p, name)) for p in parts]) for name in _BY_PRODUCT}
    return replace(first, **rows, support=support, frequency=frequency)


def choose_k(dense: NDArray[np.floating], coverage: float, at_most: int) -> int:
    """Smallest k whose k likeliest leaves hold on average at least `coverage` of the mass of `dense`, `(N, S)`.

    Never more than `at_most`: label smoothing spreads a tail over thousands of leaves that no one needs to keep.
    """
    n_leaves = dense.shape[1]
    if not len(dense):
        return min(n_leaves, at_most)
    ordered = -np.sort(-np.asarray(dense, np.float64), axis=1)
    covered = np.cumsum(ordered.mean(axis=0))
    return int(min(np.searchsorted(covered, coverage) + 1, n_leaves, at_most))
