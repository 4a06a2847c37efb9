"""The CSV of true matches: what is read, and what is said of the rest."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ids.shop_id import id_number
from search.evaluation.truth import Truth, read_truth

QUERIES = np.array([1, 2, 3])


def is_indexed(number: int) -> bool:
    return number in {10, 11, 12, id_number("MH01-gray")}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    return path


def test_pairs_in_any_order_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "match_product_id,note,query_product_id\n11,x,2\nMH01-gray,x,1\n10,x,2\n")
    found = read_truth(path, QUERIES, is_indexed)
    assert found.truth.query_ids.tolist() == [1, 2]
    assert found.truth.n_true.tolist() == [1, 2]
    assert found.truth.matches(0).tolist() == [id_number("MH01-gray")]
    assert found.truth.matches(1).tolist() == [10, 11]
    assert found.remarks == []


def test_what_does_not_count_is_counted_and_named(tmp_path: Path) -> None:
    rows = [
        "query_product_id,match_product_id",
        "1,10",
        "1,10",
        "1,77",
        "2,MH99-red",
        "3,88",
        "3,11",
        "4,12",
        "five,12",
    ]
    found = read_truth(written(tmp_path, "\n".join(rows)), QUERIES, is_indexed)
    assert found.truth.query_ids.tolist() == [1, 3]
    assert found.truth.match_ids.tolist() == [10, 11]
    assert found.without_match.tolist() == [2]
    assert found.n_twice == 1
    queries, matches, without, twice = found.remarks
    assert queries.startswith("2 queries that are not in the catalogue of queries, left out: 4, five")
    assert matches.startswith("3 matches that are not in the index, left out: 77, 88, MH99-red")
    assert without == "1 query none of whose matches is in the index, left out: 2"
    assert twice.startswith("1 row")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query_product_id\n1\n", "lacks the column match_product_id"),
        ("query_product_id,match_product_id\n", "no row below its columns"),
        ("query_product_id,match_product_id\n1,10\n1,\n", "line 3: no product id: it is empty"),
        ('query_product_id,match_product_id\n1,"2,87E+18"\n', "rounded"),
        ("query_product_id,match_product_id\n7,10\n1,99\n", "of its 2 queries 1 .* of its 2 matches 1 "),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        read_truth(written(tmp_path, text), QUERIES, is_indexed)
    assert "truth.csv" in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="query_product_id,match_product_id"):
        read_truth(tmp_path / "none.csv", QUERIES, is_indexed)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=40))
def test_pairs_are_kept_once_by_query(pairs: list[tuple[int, int]]) -> None:
    truth = Truth.of_pairs(*np.array(pairs, np.int64).T)
    slow = {query: {other for one, other in pairs if one == query} for query, _ in pairs}
    assert truth.query_ids.tolist() == sorted(slow)
    assert [set(truth.matches(row).tolist()) for row in range(len(truth))] == [slow[one] for one in sorted(slow)]
    assert truth.n_true.tolist() == [len(slow[one]) for one in sorted(slow)]
