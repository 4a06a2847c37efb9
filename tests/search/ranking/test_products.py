"""Hits become products: the mean over the query's photos of the best cosine over the product's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.contract import NO_ROW
from search.ranking import products as products_module
from search.ranking.products import ProductVectors, RankedProducts, products_found, readable
from tests.search.brute_force import BruteForceIndex
from tests.search.ranking.small_index import small_index
from tests.support.embeddings import unit

SIZE = 6


def slow_similarities(index: BruteForceIndex, queries, product_ids) -> dict[int, float]:
    """By the definition, product after product and photo after photo."""
    return {
        one: float(np.mean([max(float(query @ index.vectors(row)) for row in index.rows_of(one)) for query in queries]))
        for one in product_ids
    }


def ranked(*scores: float) -> RankedProducts:
    n = len(scores)
    return RankedProducts(
        np.arange(n), np.array(scores, np.float32), np.array(scores, np.float32), np.arange(n), np.zeros(n, np.int8),
        np.zeros(n, np.int64),
    )  # fmt: skip


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.integers(1, 4),
    st.integers(1, 60),
    st.integers(1, 14),
    st.sampled_from([1, 3, 32]),
)
def test_as_the_definition_says_whatever_each_photo_has_found(seed, photos, n_queries, n_hits, k, at_once):
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(photos)) * 10, photos)
    index = small_index(rng.normal(size=(len(owner), SIZE)), owner)
    queries = unit(rng.normal(size=(n_queries, SIZE)))
    hits = index.search(queries, n_hits)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(products_module, "AT_ONCE", at_once)
        found = products_found(index, queries, hits, k)
    slow = slow_similarities(index, queries, set(hits.product_ids[hits.rows != NO_ROW].tolist()))
    assert len(np.unique(found.product_ids)) == len(found) == min(k, len(slow))
    assert found.similarities == pytest.approx([slow[one] for one in found.product_ids.tolist()], abs=1e-5)
    assert found.scores == pytest.approx(sorted(slow.values(), reverse=True)[:k], abs=1e-5)


def test_what_cannot_be_among_the_best_is_not_looked_up(monkeypatch):
    rng = np.random.default_rng(0)
    index = small_index(rng.normal(size=(300, SIZE)), range(300))
    queries = unit(rng.normal(size=(2, SIZE)))
    asked = []
    rows_of = index.rows_of
    monkeypatch.setattr(index, "rows_of", lambda one: asked.append(one) or rows_of(one))
    hits = index.search(queries, 100)
    best = products_found(index, queries, hits, 3).product_ids.tolist()
    few = len(asked)
    assert products_found(index, queries, hits, 300).product_ids[:3].tolist() == best
    assert few < (len(asked) - few) / 2


def test_the_photo_that_is_shown_is_the_nearest_to_any_of_the_querys():
    index = small_index([[1, 0.1, 0], [0, 1, 0.2], [0, 1, 0.1]], [5, 5, 5])
    found = products_found(index, queries := unit([[1, 0, 0], [0, 1, 0]]), index.search(queries, 3), 9)
    # both are as near as this one is; equals in the order of rows
    assert (found.rows.tolist(), found.photos.tolist(), found.category_ids.tolist()) == ([0], [0], [7])


def test_equal_vectors_stand_in_the_order_of_their_rows():
    index = small_index(np.ones((5, 3)), [9, 3, 7, 1, 3])
    found = products_found(index, queries := unit(np.ones((2, 3))), index.search(queries, 9), 9)
    assert found.product_ids.tolist() == [9, 3, 7, 1]
    assert found.scores == pytest.approx(1)


def test_nothing_is_found_in_an_empty_index_or_for_a_photo_that_cannot_be_read():
    empty = small_index(np.zeros((0, 3)), [])
    queries = unit([[1, 0, 0]])
    assert len(products_found(empty, queries, empty.search(queries, 5), 9)) == 0
    index = small_index([[1, 0, 0]], [4])
    nothing = np.zeros((2, 3), np.float32)
    kept, hits = readable(nothing, index.search(nothing, 5))
    assert kept.shape == (0, 3)
    assert len(products_found(index, kept, hits, 9)) == 0


def test_photos_that_cannot_be_read_count_for_nothing():
    index = small_index([[1, 0, 0], [0, 1, 0]], [4, 5])
    queries = np.concatenate([np.zeros((1, 3), np.float32), unit([[1, 0, 0]])])
    found = products_found(index, *readable(queries, index.search(queries, 2)), 9)
    assert found.similarities.tolist() == [1, 0]


def test_a_product_that_is_removed_after_the_search_is_left_out():
    index = small_index([[1, 0, 0], [0, 1, 0]], [4, 5])
    queries = unit([[1, 0, 0], [0, 1, 0.1]])
    hits = index.search(queries, 1)
    index.remove(np.array([5]))
    assert products_found(index, queries, hits, 9).product_ids.tolist() == [4]
    vectors = ProductVectors.of(index, np.array([5, 4]))
    assert vectors.scores(queries @ vectors.vectors.T)[0] == -np.inf


def test_a_new_head_stands_above_the_others_which_stay_in_their_order():
    new = ranked(0.9, 0.8, 0.7, 0.6).head_by(np.array([-3.0, -2.0]))
    assert new.product_ids.tolist() == [1, 0, 2, 3]
    assert new.scores == pytest.approx([-2, -3, -3, -3.1])
    assert new.similarities.tolist() == ranked(0.8, 0.9, 0.7, 0.6).similarities.tolist()
    assert ranked(0.9, 0.8).head_by(np.array([-np.inf, 5.0])).product_ids.tolist() == [1]
    assert ranked(0.9, 0.8).head_by(np.array([1.0, 1.0])).product_ids.tolist() == [0, 1]
    assert ranked(0.9, 0.8).head_by(np.zeros(0)).scores.tolist() == ranked(0.9, 0.8).scores.tolist()
    assert len(ranked().head_by(np.zeros(0))) == 0


@pytest.mark.parametrize(("k", "n"), [(0, 0), (1, 1), (3, 3), (99, 3)])
def test_at_most_k(k, n):
    assert len(ranked(0.3, 0.2, 0.1).first(k)) == n
