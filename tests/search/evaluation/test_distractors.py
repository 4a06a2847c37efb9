"""Two indexes searched as one answer as one index of both; distractors pass for nobody."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.contract import Filter
from search.evaluation.distractors import JoinedIndex, as_fillers, filler_numbers
from tests.search.brute_force import BruteForceIndex
from tests.support.vectors import entries_of, identity

WIDTH = 4


@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_joined_is_one(n_first: int, n_second: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # few values: many scores are equal
    vectors = rng.integers(1, 3, (n_first + n_second, WIDTH)).astype(np.float32)
    queries = rng.integers(1, 3, (3, WIDTH)).astype(np.float32)
    ids = rng.permutation(20)[: len(vectors)].tolist()
    parts = [
        BruteForceIndex(identity(WIDTH), vectors[rows], entries_of(ids[rows]))
        for rows in (slice(n_first), slice(n_first, None))
    ]
    joined, whole = JoinedIndex(*parts), BruteForceIndex(identity(WIDTH), vectors, entries_of(ids))
    where = Filter(without=np.array(ids[:1], np.int64))
    for one in (None, where):
        got, expected = joined.search(queries, k, one), whole.search(queries, k, one)
        np.testing.assert_array_equal(got.scores, expected.scores)
        found = np.isfinite(expected.scores)
        np.testing.assert_array_equal(got.product_ids[found], expected.product_ids[found])
        assert (got.rows[~found] == -1).all()
        np.testing.assert_allclose(joined.vectors(got.rows[found]), whole.vectors(expected.rows[found]))
    assert (len(joined), joined.n_products) == (len(whole), whole.n_products)
    for product in ids:
        np.testing.assert_array_equal(joined.vectors(joined.rows_of(product)), whole.vectors(whole.rows_of(product)))


def test_vectors_of_two_networks_are_not_joined() -> None:
    one, other = (
        BruteForceIndex(identity(WIDTH, digest), np.ones((1, WIDTH), np.float32), entries_of([1]))
        for digest in ("abc", "abd")
    )
    with pytest.raises(ValueError, match="cannot be compared"):
        JoinedIndex(one, other)


def test_nothing_is_added_or_removed() -> None:
    one = BruteForceIndex(identity(WIDTH), np.ones((1, WIDTH), np.float32), entries_of([1]))
    joined = JoinedIndex(one, one)
    with pytest.raises(ValueError, match="add them to one"):
        joined.add(np.ones((1, WIDTH), np.float32), entries_of([2]))
    with pytest.raises(ValueError, match="remove them from one"):
        joined.remove(np.array([1]))


def test_a_distractor_has_an_id_of_its_own() -> None:
    own = entries_of([7, "MH01-gray", 7], category_ids=["Tops", 3, "Tops"])
    fillers = as_fillers(own)
    assert not set(fillers.product_ids.tolist()) & set(own.product_ids.tolist())
    assert fillers.product_ids.tolist() == filler_numbers([7, "MH01-gray", 7]).tolist()
    assert fillers.ids.take(fillers.product_ids) == ["filler 7", "filler MH01-gray", "filler 7"]
    assert fillers.ids.take(fillers.category_ids) == ["Tops", 3, "Tops"]
