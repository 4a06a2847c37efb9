"""What is drawn: as many photos of each category as its budget holds, by chance."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.shelves.sample import _first_photos, blocks_of
from tests.support.trees import FIVE, FLAT, RAGGED, TREES, TWO

PRODUCTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=40)


@settings(deadline=None)
@given(PRODUCTS, st.lists(st.integers(0, 12), min_size=4, max_size=4), st.integers(0, 3))
def test_products_are_drawn_until_the_budget_is_spent(products, budget, seed):
    category, images = np.array(products, np.int64).reshape(-1, 2).T
    rows = _first_photos(category, images.astype(np.int8), np.array(budget), np.random.default_rng(seed))
    assert len(set(rows.tolist())) == len(rows)
    for number, most in enumerate(budget):
        drawn = images[rows[category[rows] == number]].sum()
        assert drawn <= most
        # whatever was left out did not fit any more
        if (category == number).sum() > (category[rows] == number).sum():
            assert drawn + 4 > most
    again = _first_photos(category, images.astype(np.int8), np.array(budget), np.random.default_rng(seed))
    np.testing.assert_array_equal(rows, again)


def test_categories_that_are_leaves_are_measured_together():
    assert [block.tolist() for block in blocks_of(TWO)] == [[0], [1], [2], [3]]
    assert [block.tolist() for block in blocks_of(FLAT)] == [list(range(8))]
    assert [block.tolist() for block in blocks_of(FIVE)] == [[0], [1]]
    # every label on an inner node is a leaf beside the node's children
    assert [block.tolist() for block in blocks_of(RAGGED)][-1] == [
        node for node in range(RAGGED.n_nodes(1)) if (RAGGED.ancestor(1) == node).sum() == 1
    ]
    for tree in TREES:
        assert sorted(np.concatenate(blocks_of(tree)).tolist()) == list(range(tree.n_nodes(1)))
