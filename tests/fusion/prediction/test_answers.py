"""Answers as a table."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pyarrow as pa
import pytest

from fusion.decide import Decision
from fusion.prediction.answers import Answer, Candidate, answers_to_table

BEST, OTHER = Candidate(3, ("A", "B", "C"), 0.5), Candidate(4, ("A", "B", "D"), 0.25)
ANSWER = Answer(
    "A-17", BEST, (0.875, 0.75, 0.5), Decision.PARENT, ("A", "B"), (BEST, OTHER), (), "words", "why", ("photo 2: torn",)
)


def test_a_row_says_what_the_answer_says():
    table = answers_to_table([ANSWER, replace(ANSWER, product_id="B", decision=Decision.REVIEW, given=(), problems=())])
    assert table.to_pylist()[0] == {
        "product_id": "A-17", "category_id": 3, "cat1": "A", "cat2": "B", "cat3": "C",
        "p_cat1": 0.875, "p_cat2": 0.75, "p_cat3": 0.5, "decision": "parent", "given": "A > B", "reason": "why",
        "top_category_ids": [3, 4], "top_probabilities": [0.5, 0.25], "text_read": "words",
        "problems": ["photo 2: torn"],
    }  # fmt: skip
    assert table["given"].to_pylist() == ["A > B", ""]
    assert table["decision"].to_pylist() == ["parent", "review"]


@pytest.mark.parametrize(
    ("ids", "kind", "kept"),
    [
        ([7, -8], pa.int64(), [7, -8]),
        ([uuid.UUID(int=7)], pa.uuid(), [uuid.UUID(int=7)]),
        (["a", 7], pa.string(), ["a", "7"]),
        ([2**70], pa.string(), [str(2**70)]),
        ([], pa.int64(), []),
    ],
)
def test_own_ids_keep_their_type_where_arrow_has_it(ids, kind, kept):
    column = answers_to_table([replace(ANSWER, product_id=own_id) for own_id in ids])["product_id"]
    assert column.type == kind
    assert column.to_pylist() == kept


@pytest.mark.parametrize(
    ("path", "along", "depth", "shown"),
    [
        # "A", "A > B" and "A > B > C" are leaves: the product may be on any of them
        (("A",), (0.875,), 3, ["Cat I   87.5%  A"]),
        (("A", "B"), (0.875, 0.75), 3, ["Cat I   87.5%  A", "Cat II  75.0%  A > B"]),
        # nothing lies below it: the node is the leaf
        (("A", "B"), (0.875, 0.5), 3, ["Cat I   87.5%  A"]),
        (("A", "B", "C"), (0.875, 0.75, 0.5), 3, ["Cat I   87.5%  A", "Cat II  75.0%  A > B"]),
        (("A",), (0.5,), 1, []),
    ],
)
def test_an_answer_shows_the_nodes_that_are_likelier_than_its_leaf(path, along, depth, shown):
    best = Candidate(3, path, 0.5)
    text = str(replace(ANSWER, best=best, candidates=(best,), probabilities=along, depth=depth))
    assert [line for line in text.splitlines() if line.startswith("Cat ")] == shown
