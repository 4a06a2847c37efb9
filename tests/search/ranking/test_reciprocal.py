"""k-reciprocal re-ranking against the paper's definitions, set after set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.ranking.reciprocal import ReciprocalNeighbours
from tests.support.embeddings import unit


def slow(queries, vectors, k1: int, k2: int, share: float):
    """Sections 3.2 to 3.5 of Zhong et al., 2017, with Python's sets."""
    both = np.concatenate([queries, vectors]).astype(float)
    n = len(both)
    distance = 2 - 2 * np.clip(both @ both.T, -1, 1)
    np.fill_diagonal(distance, 0)
    # itself first, then by distance, equals in their order
    order = [sorted(range(n), key=lambda j, i=i: (j != i, np.float32(distance[i, j]), j)) for i in range(n)]
    distance /= np.maximum(distance.max(axis=1, keepdims=True), 1e-30)

    def reciprocal(i, k):
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    encoded = np.zeros((n, n))
    for i in range(n):
        neighbours = reciprocal(i, k1)
        expanded = set(neighbours)
        for j in neighbours:
            half = reciprocal(j, round(k1 / 2))
            if len(neighbours & half) > 2 / 3 * len(half):
                expanded |= half
        for j in expanded:
            encoded[i, j] = np.exp(-distance[i, j])
        encoded[i] /= encoded[i].sum()
    encoded = np.array([np.mean([encoded[j] for j in order[i][:k2]], axis=0) for i in range(n)])
    final = np.zeros((len(queries), len(vectors)))
    for q in range(len(queries)):
        for row in range(len(vectors)):
            one, other = encoded[q], encoded[len(queries) + row]
            jaccard = 1 - np.minimum(one, other).sum() / np.maximum(one, other).sum()
            final[q, row] = (1 - share) * jaccard + share * distance[q, len(queries) + row]
    return 1 - final


@settings(max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(0, 25),
    st.integers(1, 30),
    st.integers(1, 8),
    st.floats(0, 1),
)
def test_as_the_paper_defines_it(seed, n_queries, n, k1, k2, share):
    rng = np.random.default_rng(seed)
    both = unit(rng.normal(size=(n_queries + n, 4)))
    queries, vectors = both[:n_queries], both[n_queries:]
    fast = ReciprocalNeighbours(k1, k2, share).similarities(queries, vectors)
    assert fast.shape == (n_queries, n)
    assert fast == pytest.approx(slow(queries, vectors, k1, k2, share), abs=1e-4)


def test_a_near_vector_of_another_crowd_falls_behind_those_that_know_each_other():
    rng = np.random.default_rng(0)
    centre, other = unit(rng.normal(size=(2, 32)))
    crowd = unit(centre + 0.12 * rng.normal(size=(12, 32)))
    # nearer to the query than the crowd's farthest is, but with neighbours of its own
    stranger = unit((centre + 1.1 * other)[None])
    its_crowd = unit(stranger + 0.03 * rng.normal(size=(12, 32)))
    vectors = np.concatenate([stranger, crowd[1:], its_crowd])
    query = crowd[:1]
    plain = (query @ vectors.T)[0]
    new = ReciprocalNeighbours(8, 3).similarities(query, vectors)[0]
    assert (plain[0] > plain[1:12]).any()
    assert (new[0] < new[1:12]).all()


@pytest.mark.parametrize("n", [0, 1, 30])
def test_equal_vectors_are_no_trouble(n):
    vectors = unit(np.ones((n, 3)))
    similarities = ReciprocalNeighbours().similarities(unit(np.ones((2, 3))), vectors)
    assert similarities.shape == (2, n)
    assert ((similarities >= 0) & (similarities <= 1)).all()


def test_share_1_is_the_plain_order():
    rng = np.random.default_rng(3)
    query, vectors = unit(rng.normal(size=(1, 8))), unit(rng.normal(size=(20, 8)))
    similarities = ReciprocalNeighbours(share=1.0).similarities(query, vectors)
    assert np.argsort(-similarities[0]).tolist() == np.argsort(-(query @ vectors.T)[0]).tolist()


@pytest.mark.parametrize("wrong", [{"k1": 0}, {"k2": 0}, {"share": 1.1}, {"share": float("nan")}, {"products": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="expected numbers from 1"):
        ReciprocalNeighbours(**wrong)
