"""The tables of `ocr evaluate` on trees of every depth."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.metrics.product_scores import score
from ocr.evaluation import category_table
from ocr.route import category_leaves
from tests.support.products import TAXONOMY
from tests.support.trees import FIVE, FLAT, RAGGED, TWO

SHELVES = [
    (FLAT, "Cat I", ["A", "B", "C", "D", "E", "F", "G", "H"]),
    (TWO, "Cat I", ["A", "B", "C", "D"]),
    (TAXONOMY, "Cat I > Cat II", ["CUISINE > TASSES", "CUISINE > CUISSON", "LIBRAIRIE > TOURISME"]),
    (FIVE, "Cat I > Cat II", ["a > a", "a > b", "b > b"]),
    (RAGGED, "Cat I > Cat II", ["A > B", "H > I", "A", "G"]),
]


@pytest.mark.parametrize(("tree", "title", "shelves"), SHELVES)
def test_shelves_stand_above_the_leaves(tree, title, shelves):
    truth = np.repeat(np.arange(8), 2)
    dense = np.full((16, 8), 0.04, np.float32)
    # every other product is put on its neighbour
    dense[np.arange(16), (truth + np.arange(16) % 2) % 8] = 0.72
    table = category_table(score(dense, truth, np.arange(16), np.ones(16, np.int8), tree), tree)
    assert table.columns[0] == title
    rows = {row[0]: row for row in table.rows}
    assert set(shelves) <= set(rows)
    assert sum(row[1] for row in table.rows) == 16
    assert {row[2] for row in table.rows} == {"50.0 %"}


def test_a_tree_without_parents_names_its_categories():
    with pytest.raises(ValueError, match=r"none of wine; it has for instance A, B, C, D, E\. "):
        category_leaves(FLAT, ["wine"])
    assert category_leaves(RAGGED, ["A > B > C"]).tolist() == [2, 3]
