"""Words that tell the products of a leaf apart."""

from __future__ import annotations

import numpy as np

from mosaic.training.matching.attributes import FEWEST, mined_attributes

TITLES = [f"Pullover Hoodie {colour}" for colour in ("red", "blue") for _ in range(FEWEST)]


def test_words_that_some_titles_of_a_leaf_have_are_found_and_others_are_not():
    mined = mined_attributes([*TITLES, "Pullover Hoodie green"].__getitem__, np.array([3] * 9), 20)
    # all have pullover and hoodie; one alone is green; "hoodie red" says what red says
    assert sorted(mined.names) == ["blue", "red"]
    assert mined.leaf.tolist() == [3, 3]
    red = mined.names.index("red")
    assert mined.has[:, red].toarray().ravel().tolist() == [True] * 4 + [False] * 5


def test_each_leaf_has_its_own_words_and_the_most_telling_come_first():
    mined = mined_attributes([*TITLES, *TITLES, "", "odd title"].__getitem__, np.array([1] * 8 + [2] * 10), 1)
    assert sorted(mined.leaf.tolist()) == [1, 2]
    for column, leaf in enumerate(mined.leaf.tolist()):
        assert set(mined.has[:, column].nonzero()[0] < 8) == {leaf == 1}


def test_where_there_are_too_many_those_of_most_products_are_kept():
    titles = [*TITLES, *(f"{first} mug" for first in ("big", "big", "big", "big", "big", "odd", "odd", "odd"))]
    mined = mined_attributes(titles.__getitem__, np.array([1] * 8 + [2] * 8), 20, at_most=1)
    assert mined.names == ["big"]


def test_without_titles_there_are_no_words():
    mined = mined_attributes(["", ""].__getitem__, np.array([1, 2]), 5)
    assert mined.names == []
    assert mined.has.shape == (2, 0)
