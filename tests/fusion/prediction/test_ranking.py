"""Lists by expected tree distance, against the distance taken leaf by leaf."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.prediction.ranking import expected_distance, risk_order
from tests.fusion.small import TREE, L


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_expected_distance_is_the_mean_over_true_leaves(seed):
    dense = np.random.default_rng(seed).dirichlet(np.full(L, 0.5), size=4)
    leaves = np.arange(L)
    every = np.array([[TREE.distance(np.array([a]), np.array([b]))[0] for b in leaves] for a in leaves])
    np.testing.assert_allclose(expected_distance(dense, TREE), dense @ every.T, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, L + 2))
def test_the_list_begins_with_the_likeliest_and_goes_on_by_risk(seed, k):
    dense = np.random.default_rng(seed).dirichlet(np.full(L, 0.5), size=5)
    order = risk_order(dense, TREE, k)
    assert order.shape == (5, min(k, L))
    np.testing.assert_array_equal(order[:, 0], dense.argmax(axis=1))
    risk = np.take_along_axis(expected_distance(dense, TREE), order, axis=1)
    assert (np.diff(risk[:, 1:], axis=1) >= 0).all()
    assert all(len(set(row)) == len(row) for row in order.tolist())


def test_siblings_of_the_likeliest_come_before_a_rival_elsewhere():
    dense = np.zeros((1, L))
    crime, poetry, chess = (
        next(i for i, p in enumerate(TREE.paths) if p[2] == n) for n in ("CRIME", "POETRY", "CHESS")
    )
    dense[0, [crime, poetry, chess]] = [0.6, 0.1, 0.3]
    assert risk_order(dense, TREE, 2)[0].tolist() == [crime, poetry]
