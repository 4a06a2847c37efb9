"""MAR@k against the paper's definition written slowly; intervals of groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.evaluation.measures import Ranking, first_match, macro_average, mean_of_queries, recall_at
from search.evaluation.truth import Truth

Case = tuple[list[list[int]], list[set[int]]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Products found for each query, none twice, and the true matches of each."""
    n = draw(st.integers(1, 6))
    ids = st.integers(-3, 12)
    found = [draw(st.lists(ids, unique=True, max_size=8)) for _ in range(n)]
    return found, [draw(st.sets(ids, min_size=1, max_size=6)) for _ in range(n)]


def ranking_of(found: list[list[int]]) -> Ranking:
    """Short rows are filled up with what was not found: an id that may be anybody's, without a score."""
    depth = max(map(len, found))
    ids = np.full((len(found), depth), 5, np.int64)
    scores = np.full((len(found), depth), -np.inf, np.float32)
    for row, products in enumerate(found):
        ids[row, : len(products)] = products
        scores[row, : len(products)] = np.linspace(1, 0.5, len(products))
    return Ranking(ids, scores)


def truth_of(true: list[set[int]]) -> Truth:
    pairs = np.array([(query, match) for query, matches in enumerate(true) for match in matches], np.int64)
    return Truth.of_pairs(*pairs.T)


def slow_mar(found: list[list[int]], true: list[set[int]], k: int) -> float:
    """Mean over queries of |true matches among the first k| / min(k, |true matches|)."""
    total = 0.0
    for products, matches in zip(found, true, strict=True):
        hits = sum(1 for product in products[:k] if product in matches)
        total += hits / min(k, len(matches))
    return total / len(found)


@given(cases(), st.integers(1, 12))
def test_recall_is_the_papers(case: Case, k: int) -> None:
    found, true = case
    truth = truth_of(true)
    recalls = recall_at(ranking_of(found).are_true(truth), truth.n_true, k)
    assert recalls.mean() == pytest.approx(slow_mar(found, true, k))
    assert ((recalls >= 0) & (recalls <= 1)).all()


@given(cases())
def test_first_match_is_where_the_first_true_one_stands(case: Case) -> None:
    found, true = case
    places = first_match(ranking_of(found).are_true(truth_of(true)))
    for products, matches, place in zip(found, true, places.tolist(), strict=True):
        first = [at for at, product in enumerate(products, 1) if product in matches]
        assert place == (first[0] if first else 0)


def test_one_that_finds_only_true_matches_is_right_however_many_there_are() -> None:
    truth = truth_of([set(range(50))])
    are_true = ranking_of([list(range(20))]).are_true(truth)
    assert [float(recall_at(are_true, truth.n_true, k)[0]) for k in (1, 10, 20)] == [1, 1, 1]
    assert recall_at(are_true, truth.n_true, 100)[0] == pytest.approx(20 / 50)


def test_a_ranking_of_other_queries_is_refused() -> None:
    with pytest.raises(ValueError, match="of 1 queries, the truth of 2"):
        ranking_of([[1]]).are_true(truth_of([{1}, {2}]))


def test_a_query_without_a_match_has_no_recall() -> None:
    with pytest.raises(ValueError, match="1 queries have no true match"):
        recall_at(np.zeros((2, 3), bool), np.array([1, 0]), 1)
    with pytest.raises(ValueError, match="recall at 0"):
        recall_at(np.zeros((1, 3), bool), np.array([1]), 0)


def test_groups_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    of_group = rng.random(40)
    recalls = np.repeat(of_group, 25)[:, None]
    alone, together = macro_average(recalls), macro_average(recalls, np.repeat(np.arange(40), 25))
    assert alone[0, 0] == together[0, 0] == pytest.approx(of_group.mean())
    # twenty-five copies of a query say no more than one: the interval is that of 40 queries
    assert together[0, 2] - together[0, 1] > 3 * (alone[0, 2] - alone[0, 1])
    half_width = 1.96 * of_group.std() / np.sqrt(40)
    assert together[0, 2] - together[0, 0] == pytest.approx(half_width, rel=0.25)


def test_all_right_is_no_certainty() -> None:
    mean, low, high = macro_average(np.ones((3, 1)))[0]
    assert (mean, high) == (1, 1)
    assert 0.2 < low < 0.4
    mean, low, high = macro_average(np.zeros((3, 1)))[0]
    assert (mean, low) == (0, 0)
    assert 0.6 < high < 0.8


def test_without_queries_nothing_is_told() -> None:
    assert np.isnan(macro_average(np.zeros((0, 2)))).all()


def test_equal_searches_differ_by_nothing() -> None:
    assert mean_of_queries(np.zeros((9, 1))).tolist() == [[0, 0, 0]]


def test_one_group_has_no_interval() -> None:
    mean, low, high = macro_average(np.array([[0.2], [0.6]]), np.zeros(2, np.int64))[0]
    assert mean == pytest.approx(0.4)
    assert np.isnan([low, high]).all()
