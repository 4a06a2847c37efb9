"""Whitening: directions in which all photos differ, or in which photos of one product do, count for less."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.embeddings import of_length_one
from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from catalog.files.progress import in_batches

FORMAT = "rayonnage whitening 1"
ROWS_AT_ONCE = 8192
FLOOR = 1e-6
"""Of the largest variance: directions of less hold rounding errors, which whitening would blow up."""
REMEDY = "fit it anew"


@dataclass(frozen=True, eq=False)
class Whitening:
    """`x -> (x - mean) @ basis`, brought to length 1; zeros, of photos that cannot be read, stay zeros.

    Attributes:
        mean: `(D,)` float32; basis: `(D, W)` float32.
        digest: of the embeddings that it was fitted on and fits, see `IndexIdentity`.
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    digest: str = ""

    @classmethod
    def fit(
        cls, vectors: NDArray[Any], width: int, groups: NDArray[np.int64] | None = None, digest: str = ""
    ) -> Whitening:
        """Learn from `(N, D)` vectors of float16 or float32, which are read block by block; zeros are passed over.

        Without groups, the principal axes scaled to equal variance (Jegou and Chum, "Negative evidences and
        co-occurences in image retrieval: the benefit of PCA and whitening", ECCV 2012). With groups the covariance
        within them is whitened, then the principal axes of the rest are kept (Mikolajczyk and Matas, "Improving
        descriptors for fast tree matching by optimal linear projection", ICCV 2007). Covariances are drawn to round
        ones as far as few vectors ask for (OAS: Chen, Wiesel, Eldar and Hero, "Shrinkage algorithms for MMSE
        covariance estimation", 2010).

        Args:
            width: W at most; fewer where the vectors span less.
            groups: `(N,)` int64, equal for photos of one product; groups of one tell nothing and may be many.

        Raises:
            ValueError: fewer than two different vectors, or no group of two different ones.
        """
        row = np.flatnonzero(_any_number(vectors))
        mean = _mean(vectors, row)
        total = _scatter(vectors, row, mean)
        if not np.trace(total) > FLOOR**2:
            raise ValueError(f"{len(row)} vectors that do not differ: whitening is fitted on different ones")
        if groups is None:
            axes, variance = _principal_axes(total / len(row), width)
            spread = _shrunk_variances(variance, total, len(row))
            basis = axes / np.sqrt(spread)
        else:
            inverse_root = _inverse_root(*_within(vectors, row, groups, mean))
            axes, _ = _principal_axes(inverse_root @ total @ inverse_root, width)
            basis = inverse_root @ axes
        return cls(mean.astype(np.float32), basis.astype(np.float32), digest)

    @property
    def width(self) -> int:
        """W, numbers in a vector afterwards."""
        return int(self.basis.shape[1])

    @property
    def digest_after(self) -> str:
        """Of vectors that went through it: they are never compared with those before."""
        parts = (self.digest.encode(), self.mean.tobytes(), self.basis.tobytes())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def apply(self, vectors: NDArray[Any]) -> NDArray[np.float32]:
        """`(N, W)` float32 of length 1 from `(N, D)` vectors; raises ValueError for another D."""
        rows = np.asarray(vectors, np.float32)
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise ValueError(f"vectors of {rows.shape[-1]} numbers: whitening was fitted on {len(self.mean)}")
        whitened = np.asarray((rows - self.mean) @ self.basis, np.float32)
        whitened[~rows.any(axis=1)] = 0
        return of_length_one(whitened)

    def save(self, path: Path) -> None:
        """Write it as one safetensors file, atomically."""
        metadata = {"format": FORMAT, "digest": self.digest, "digest_after": self.digest_after}
        save_arrays(path, {"mean": self.mean, "basis": self.basis}, metadata)

    @classmethod
    def load(cls, path: Path) -> Whitening:
        """Inverse of `save`; raises ValueError where the file is missing, damaged or something else."""
        expected = {
            "mean": ArraySpec(np.float32, ("D",), finite=True),
            "basis": ArraySpec(np.float32, ("D", "W"), finite=True),
        }
        arrays = load_arrays(path, expected, what="whitening", remedy=REMEDY)
        metadata = load_metadata(path)
        if metadata.get("format") != FORMAT:
            raise ValueError(f"{path} is {metadata.get('format', 'of no format')!r}, expected {FORMAT!r}: {REMEDY}")
        whitening = cls(arrays["mean"], arrays["basis"], metadata.get("digest", ""))
        # else its vectors would be taken for another network's
        if metadata.get("digest_after") != whitening.digest_after:
            raise ValueError(f"{path} is damaged: its content is not what was written: {REMEDY}")
        return whitening


def _any_number(vectors: NDArray[Any]) -> NDArray[np.bool_]:
    """`(N,)` rows that are not zeros."""
    blocks = [np.asarray(some).any(axis=1) for some in in_batches(vectors, ROWS_AT_ONCE)]
    return np.concatenate([np.zeros(0, bool), *blocks])


def _mean(vectors: NDArray[Any], row: NDArray[np.intp]) -> NDArray[np.float64]:
    total = np.zeros(vectors.shape[1])
    for some in in_batches(row, ROWS_AT_ONCE):
        total += np.asarray(vectors[some], np.float64).sum(axis=0)
    return total / max(len(row), 1)


def _scatter(vectors: NDArray[Any], row: NDArray[np.intp], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(D, D)` sum of the outer products of what is left of the rows without their mean."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for some in in_batches(row, ROWS_AT_ONCE):
        rest = np.asarray(vectors[some], np.float64) - mean
        total += rest.T @ rest
    return total


def _within(
    vectors: NDArray[Any], row: NDArray[np.intp], groups: NDArray[np.int64], mean: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """The covariance within groups and its degrees of freedom: vectors that groups of two and more have beyond one.

    Memory holds a block of vectors, however many groups there are and however large one is: of each group its sum is
    enough, as sum of (x - m)(x - m)' = sum of x x' - s s' / n.
    """
    _, group, size = np.unique(groups[row], return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    order = order[size[group[order]] > 1]
    row, group = row[order], group[order]
    scatter = np.zeros((vectors.shape[1], vectors.shape[1]))
    begun, its_sum = -1, np.zeros(vectors.shape[1])
    for place in in_batches(np.arange(len(row)), ROWS_AT_ONCE):
        rest = np.asarray(vectors[row[place]], np.float64) - mean
        scatter += rest.T @ rest
        start = np.flatnonzero(np.append(True, np.diff(group[place]) > 0))
        sums, here = np.add.reduceat(rest, start), group[place][start]
        # the group that the block before has begun goes on, or ended there
        if here[0] == begun:
            sums[0] += its_sum
        elif begun >= 0:
            scatter -= np.outer(its_sum, its_sum) / size[begun]
        scaled = sums[:-1] / np.sqrt(size[here[:-1]])[:, None]
        scatter -= scaled.T @ scaled
        begun, its_sum = int(here[-1]), sums[-1]
    if begun >= 0:
        scatter -= np.outer(its_sum, its_sum) / size[begun]
    n_groups = int((size > 1).sum())
    if not np.trace(scatter) > FLOOR**2 * max(len(row), 1):
        raise ValueError(f"{n_groups} groups of two and more vectors that differ: whitening needs some")
    return scatter / (len(row) - n_groups), len(row) - n_groups


def _principal_axes(covariance: NDArray[np.float64], width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(D, W)` axes of the largest variances, and these, falling; fewer than `width` where there are no more."""
    variance, axes = np.linalg.eigh(covariance)
    order = np.argsort(-variance, kind="stable")[:width]
    order = order[variance[order] > FLOOR * variance.max()]
    return axes[:, order], variance[order]


def _shrinkage(covariance: NDArray[np.float64], n: int) -> float:
    """Share in [0, 1] of the round covariance, OAS: formula 23 of Chen et al. for large D, as scikit-learn has it."""
    size, trace, squares = len(covariance), float(np.trace(covariance)), float((covariance**2).sum())
    uneven = (n + 1) * (squares - trace**2 / size)
    return 1.0 if uneven <= 0 else min(1.0, (squares + trace**2) / uneven)


def _shrunk_variances(variance: NDArray[np.float64], scatter: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    covariance = scatter / n
    share = _shrinkage(covariance, n)
    return (1 - share) * variance + share * np.trace(covariance) / len(covariance)


def _inverse_root(covariance: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Symmetric `(D, D)` of which the square is the inverse of the shrunk covariance."""
    variance, axes = np.linalg.eigh(covariance)
    spread = _shrunk_variances(variance.clip(min=0), covariance * n, n)
    return (axes / np.sqrt(np.maximum(spread, FLOOR * spread.max()))) @ axes.T
