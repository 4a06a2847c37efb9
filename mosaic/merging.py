"""Probabilities of several networks, or of several photos, as those of one expert."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog.files.progress import in_batches
from catalog.probabilities import Probabilities, Silence, concatenate
from mosaic.views import ANY, View, passes

Mean = Literal["arithmetic", "geometric"]
MIN_PROBABILITY = 1e-6
"""Floor of a probability in a geometric mean: one network alone cannot rule a leaf out."""
ROWS = 1024
"""Products that are averaged together: their probabilities are dense, those of all held-out ones would not fit."""


def average(
    probabilities: NDArray[np.floating], how: Mean, weights: NDArray[np.floating] | None = None
) -> NDArray[np.float32]:
    """Mean over the first axis of `(P, N, S)` probabilities: `(N, S)` float32, each row summing to one.

    `weights`: `(P, N)`, for instance how many photos each of the P stands for; a weight of 0 leaves a row out.
    """
    if len(probabilities) == 1:
        return probabilities[0].astype(np.float32)
    if weights is not None:
        weights = np.broadcast_to(weights[..., None], probabilities.shape)
    # arithmetic is the default: of 2 / 3 / 4 photos of a grocery class it told 86.8 / 89.9 / 89.8 % of the leaves, the
    # geometric mean 86.7 / 89.5 / 88.1; the challenge's second place took the geometric one over photos
    if how == "geometric":
        logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        mean = np.exp(np.average(logs, axis=0, weights=weights))
        mean /= mean.sum(axis=1, keepdims=True)
    else:
        mean = np.average(probabilities, axis=0, weights=weights)
    return mean.astype(np.float32)


def merge_by_count(name: str, views: Mapping[View, Probabilities]) -> Probabilities:
    """One expert, a row per product: from its own count's network, else from the general one."""
    parts = [replace(p, expert=name) for view, p in views.items() if view.n_images != ANY]
    if View() in views:
        # where a specialist is silent (a photo cannot be read), the general network answers, as in prediction
        parts = [p.select(p.speaks) for p in parts]
        special = np.concatenate([p.product_ids for p in parts]) if parts else np.zeros(0, np.int64)
        general = replace(views[View()], expert=name)
        parts.append(general.select(~np.isin(general.product_ids, special)))
    return concatenate(parts)


def average_photos(name: str, views: Mapping[View, Probabilities], how: Mean) -> Probabilities:
    """One expert from networks that each saw some photos of a product: averaged by how many photos each saw.

    A row per product, which is left out unless every one of its photos was seen, by the network that sees it in
    prediction.
    """
    whole = concatenate([replace(p, expert=name) for p in views.values()])
    ids, first = np.unique(whole.product_ids, return_index=True)
    aligned = [p.aligned(ids) for p in views.values()]
    weights, complete = _photos_seen(list(views), aligned, whole.n_images[first].astype(int))
    kept = np.flatnonzero(complete & (weights.sum(axis=0) > 0))
    # dense over leaf indices, as the networks' supports may differ
    n_leaves = int(whole.support.max()) + 1
    parts = []
    for rows in in_batches(kept, ROWS):
        dense = np.zeros((len(views), len(rows), n_leaves), np.float32)
        for of_view, p in zip(dense, aligned, strict=True):
            speaking = p.speaks[rows]
            of_view[speaking] = p.dense(rows[speaking], n_leaves)
        parts.append(
            Probabilities.from_dense(
                name, ids[rows], whole.n_images[first[rows]], average(dense, how, weights[:, rows])[:, whole.support],
                np.full(len(rows), Silence.SPEAKS, np.uint8),
                support=whole.support, frequency=whole.frequency, k=whole.leaves.shape[1],
                taxonomy=whole.taxonomy, plan=whole.plan,
            )
        )  # fmt: skip
    return concatenate(parts) if parts else whole.select(np.zeros(0, np.int64))


def _photos_seen(
    views: list[View], aligned: list[Probabilities], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """`(V, N)` photos of each product that each view sees in prediction, `(N,)` whether it was shown those alone.

    What a run has saved is the mean over every photo that its network is shown: where another network takes some of
    them in prediction, that mean is of no use.
    """
    weights = np.zeros((len(views), len(counts)))
    complete = np.ones(len(counts), bool)
    for n in range(counts.max(initial=0) + 1):
        of_count = counts == n
        used_views = [view for view, _ in passes(views, n)]
        for row, (view, p) in enumerate(zip(views, aligned, strict=True)):
            used = used_views.count(view)
            weights[row, of_count] = used
            complete[of_count] &= (used == 0) | (p.speaks[of_count] & (used == sum(map(view.shows, range(n)))))
    return weights, complete
