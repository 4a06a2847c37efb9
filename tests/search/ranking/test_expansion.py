"""Alpha query expansion against its formula, term after term."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.contract import Filter
from search.ranking.expansion import AlphaExpansion
from tests.search.ranking.small_index import small_index
from tests.support.embeddings import unit

SIZE = 5


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 6), st.floats(0, 5))
def test_the_sum_of_the_paper(seed, n_queries, n, alpha):
    rng = np.random.default_rng(seed)
    queries, neighbours = unit(rng.normal(size=(n_queries, SIZE))), rng.normal(size=(n_queries, n, SIZE))
    neighbours = unit(neighbours.reshape(-1, SIZE)).reshape(n_queries, n, SIZE)
    cosines = np.einsum("qd,qnd->qn", queries, neighbours)
    fast = AlphaExpansion(3, alpha).expand(queries, neighbours, cosines)
    for query, others, expanded in zip(queries, neighbours, fast, strict=True):
        total = query.astype(float)
        for other in others:
            if query @ other > 0:
                total = total + float(query @ other) ** alpha * other
        assert expanded == pytest.approx(total / np.linalg.norm(total), abs=1e-4)


def test_the_second_search_finds_what_only_the_first_finds_are_near():
    # 2 is near 1, and 1 near the query; 3 is a little nearer to the query than 2
    index = small_index([[1, 0.5, 0], [0.5, 1, 0], [0.6, 0, 1]], [1, 2, 3])
    queries = unit([[1, 0, 0.1]])
    hits = index.search(queries, 3)
    assert hits.product_ids.tolist() == [[1, 3, 2]]
    expanded, again = AlphaExpansion(1, 1).search_again(index, queries, hits)
    assert again.product_ids.tolist() == [[1, 2, 3]]
    assert np.linalg.norm(expanded) == pytest.approx(1)
    without = AlphaExpansion(1, 1).search_again(index, queries, hits, Filter(without=np.array([1])))[1]
    assert without.product_ids[0, :2].tolist() == [2, 3]


@pytest.mark.parametrize("n", [0, 1])
def test_more_neighbours_than_there_are(n):
    index = small_index(np.ones((n, SIZE)), range(n))
    queries = np.concatenate([unit(np.ones((1, SIZE))), np.zeros((1, SIZE), np.float32)])
    expanded, hits = AlphaExpansion(50).search_again(index, queries, index.search(queries, 4))
    assert expanded == pytest.approx(queries)
    assert hits.rows.shape == (2, 4)


@pytest.mark.parametrize(("neighbours", "alpha"), [(0, 3), (3, -1), (3, float("nan"))])
def test_numbers_that_make_no_sense_are_refused(neighbours, alpha):
    with pytest.raises(ValueError, match="expected at least 1 and 0"):
        AlphaExpansion(neighbours, alpha)
