"""Which labelled products an expert finds hard and which easy: the probability that it gives to their true leaf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.files.id_lookup import UNKNOWN, positions_of
from catalog.files.progress import in_batches
from catalog.probabilities import MIN_FREQUENCY, Probabilities
from catalog.tree.taxonomy import Taxonomy

CHUNK = 65_536
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Labelled products on which an expert speaks.

    Attributes:
        position: `(n,)` int64 position in the catalogue; truth, put: `(n,)` int64 true and likeliest leaf.
        p_truth, p_put: `(n,)` float64 their probability.
        n_silent, n_unlabelled, n_elsewhere: products of the expert that are left out, because it is silent, because
            they have no leaf, or because the catalogue does not hold them.
    """

    position: Ints
    truth: Ints
    put: Ints
    p_truth: NDArray[np.float64]
    p_put: NDArray[np.float64]
    n_silent: int = 0
    n_unlabelled: int = 0
    n_elsewhere: int = 0

    def __len__(self) -> int:
        return len(self.position)

    @property
    def right(self) -> NDArray[np.bool_]:
        """`(n,)` bool: the likeliest leaf is the true one."""
        return self.put == self.truth

    def by_p_truth(self, n: int, per_leaf: int, *, highest: bool = False) -> Ints:
        """`(<= n,)` rows by rising (or falling) probability of the true leaf, at most `per_leaf` of one true leaf."""
        key = -self.p_truth if highest else self.p_truth
        by_leaf = np.lexsort((key, self.truth))
        starts = np.flatnonzero(np.diff(self.truth[by_leaf], prepend=-1))
        place = np.arange(len(by_leaf)) - np.repeat(starts, np.diff(np.append(starts, len(by_leaf))))
        rows = by_leaf[place < per_leaf]
        return rows[np.argsort(key[rows], kind="stable")[:n]]


def judge(probabilities: Probabilities, catalog: Catalog, leaf: Ints, tree: Taxonomy) -> Judged:
    """What the expert says of the catalogue's products, `leaf`: `(N,)` their leaves, -1 where unknown.

    Raises:
        ValueError: the probabilities belong to another tree or to another catalogue, or say nothing of any label.
    """
    if probabilities.taxonomy != tree.fingerprint:
        raise ValueError(
            f"the probabilities of {probabilities.expert} belong to another category tree: give the tree that it was "
            "trained with (--tree; a workspace keeps it as tree.csv)"
        )
    place = positions_of(catalog.product_ids, probabilities.product_ids)
    here = place != UNKNOWN
    labelled = here & (leaf[place] != UNKNOWN)
    rows = np.flatnonzero(labelled & probabilities.speaks)
    if not len(rows):
        raise ValueError(
            f"the probabilities of {probabilities.expert} say nothing of any labelled product of {catalog}: give those "
            "of this catalogue, such as heldout.safetensors of a run trained on it"
        )
    truth = leaf[place[rows]]
    by_frequency = np.zeros(len(tree))
    by_frequency[probabilities.support] = np.maximum(probabilities.frequency, MIN_FREQUENCY)
    pairs = zip(in_batches(rows, CHUNK), in_batches(truth, CHUNK), strict=True)
    p_truth = np.concatenate([_p_of(probabilities, some, leaves, by_frequency) for some, leaves in pairs])
    return Judged(
        place[rows],
        truth,
        probabilities.leaves[rows, 0].astype(np.int64),
        p_truth,
        probabilities.values[rows, 0].astype(np.float64),
        n_silent=int((labelled & ~probabilities.speaks).sum()),
        n_unlabelled=int((here & ~labelled).sum()),
        n_elsewhere=int((~here).sum()),
    )


def _p_of(
    probabilities: Probabilities, rows: Ints, leaf: Ints, by_frequency: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(n,)` probability of one leaf per row, as `Probabilities.dense` has it, without the thousands of others."""
    listed, values = probabilities.leaves[rows], probabilities.values[rows].astype(np.float64)
    # parts that were widened repeat their last leaf
    repeats = np.zeros(listed.shape, bool)
    repeats[:, 1:] = listed[:, 1:] == listed[:, :-1]
    unlisted = np.maximum(by_frequency.sum() - np.where(repeats, 0.0, by_frequency[listed]).sum(axis=1), 0.0)
    rest = probabilities.rest[rows].astype(np.float64)
    # rounding leaves a little mass unlisted where all leaves are listed
    n_listed = listed.shape[1] - repeats.sum(axis=1)
    rest[n_listed == len(probabilities.support)] = 0.0
    share = np.divide(by_frequency[leaf] * rest, unlisted, out=np.zeros(len(rows)), where=unlisted > 0)
    is_leaf = (listed == leaf[:, None]) & ~repeats
    p_leaf = np.where(is_leaf.any(axis=1), np.where(is_leaf, values, 0.0).sum(axis=1), share)
    total = np.where(repeats, 0.0, values).sum(axis=1) + rest
    normalised: NDArray[np.float64] = p_leaf / total
    return normalised
