"""Probabilities of several networks or photos as one expert's."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.probabilities import Probabilities, Silence
from mosaic.merging import average, merge_by_count
from mosaic.views import View


def test_where_a_specialist_is_silent_the_general_network_answers():
    def saved(ids: list[int], top: int, silent: list[int]) -> Probabilities:
        dense = np.full((len(ids), 3), 0.1)
        dense[:, top] = 0.8
        silence = np.where(np.isin(ids, silent), Silence.NO_NETWORK, Silence.SPEAKS).astype(np.uint8)
        return Probabilities.from_dense(
            "x", np.array(ids), np.full(len(ids), 3, np.int8), dense, silence,
            support=np.arange(3, dtype=np.int32), frequency=np.full(3, 1 / 3), k=3, taxonomy="tree",
        )  # fmt: skip

    merged = merge_by_count("mosaic", {View(): saved([1, 2, 3], 0, []), View(3): saved([2, 3], 1, [3])})
    assert sorted(merged.product_ids.tolist()) == [1, 2, 3]
    best = merged.aligned(np.array([1, 2, 3])).leaves[:, 0]
    assert best.tolist() == [0, 1, 0]
    alone = merge_by_count("mosaic", {View(3): saved([2, 3], 1, [3])})
    assert alone.speaks.tolist() == [True, False]


@pytest.mark.parametrize("how", ["arithmetic", "geometric"])
def test_weighted_means_equal_repeated_rows(how):
    rng = np.random.default_rng(0)
    seen = rng.dirichlet(np.ones(5), size=(3, 4))
    weights = rng.integers(0, 3, (3, 4)) + np.array([[1], [0], [0]])
    mean = average(seen, how, weights)
    for column in range(4):
        rows = [seen[row, column] for row in range(3) for _ in range(weights[row, column])]
        slow = np.mean(rows, axis=0) if how == "arithmetic" else np.exp(np.mean(np.log(rows), axis=0))
        np.testing.assert_allclose(mean[column], slow / slow.sum(), atol=1e-6)


def test_one_network_alone_cannot_rule_a_leaf_out_of_a_geometric_mean():
    mean = average(np.array([[[1.0, 0.0]], [[0.4, 0.6]]]), "geometric")
    assert 1e-4 < mean[0, 1] < 0.01
