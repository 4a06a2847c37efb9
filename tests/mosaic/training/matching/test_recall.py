"""Recall of held-out products, as the eProduct challenge defines it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mosaic.training.matching import recall
from mosaic.training.matching.recall import LEARNT, PLAIN, MatchingRecall, Searches, first_photos


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(1, 12))
def test_recall_is_what_is_found_of_at_most_k(seed, n, k):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    group = np.append(rng.integers(-1, 3, n - 2), [0, 0])
    queries = np.flatnonzero([g >= 0 and (group == g).sum() > 1 for g in group])
    expected = []
    for query in queries:
        others = [i for i in range(n) if i != query]
        best = sorted(others, key=lambda i: -float(vectors[query] @ vectors[i]))[:k]
        true = [i for i in others if group[i] == group[query]]
        expected.append(len(set(best) & set(true)) / min(k, len(true)))
    np.testing.assert_allclose(Searches(queries, group).recalls(vectors, k), expected)


def test_the_first_photo_of_each_product_searches():
    assert first_photos(np.array([3, 3, 5, 8, 8]), np.array([0, 0, -1, 0, 0])).tolist() == [0, 3]


def test_a_small_catalogue_is_searched_whole_and_a_large_one_in_part(monkeypatch):
    positions, group = np.repeat(np.arange(30), 2), np.repeat(np.arange(30), 2)
    group[-2:] = -1
    query, kept = recall.drawn_searches(positions, group, np.random.default_rng(0))
    assert kept.all()
    assert query.tolist() == list(range(0, 58, 2))
    for name, value in (("MAX_QUERIES", 3), ("MAX_OTHERS", 4), ("MAX_OF_GROUP", 1)):
        monkeypatch.setattr(recall, name, value)
    query, kept = recall.drawn_searches(positions, group, np.random.default_rng(0))
    assert len(query) == 3
    asked = group[kept][query]
    assert len(set(asked)) == 3
    # of each group the query itself and at most one more, and four others
    assert kept.sum() <= 3 * 2 + 4
    assert (~np.isin(group[kept], asked)).sum() == 4
    assert (positions[kept][query] == asked).all()


def test_figures_are_of_the_same_queries_and_survive_json():
    pairs = [np.array([[0.5, 1.0], [0, 0.5]]), np.array([[1.0, 1.0]])]
    measured = MatchingRecall.of(pairs)
    assert measured.n_queries == 3
    figures = measured.to_json()
    assert (figures[PLAIN], figures[LEARNT]) == (pytest.approx(0.5), pytest.approx(2.5 / 3))
    assert figures["match_gain"] == pytest.approx(1 / 3)
    assert "recall@10 0.833, before 0.500 (gain +0.333" in str(measured)


def test_nothing_to_find_is_said():
    measured = MatchingRecall.of([np.zeros((0, 2))])
    assert measured.to_json()[PLAIN] is None
    assert "no held-out product" in str(measured)
