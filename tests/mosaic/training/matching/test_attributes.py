"""Words that tell the products of a leaf apart."""

from __future__ import annotations

import numpy as np

from mosaic.training.matching.attributes import FEWEST, mined_attributes

TITLES = [f"Pullover Hoodie {colour}" for colour in ("red", "blue") for _ in range(FEWEST)]


def test_words_that_some_titles_of_a_leaf_have_are_found_and_others_are_not():
    mined = mined_attributes([*TITLES, "Pullover Hoodie green"], np.array([3] * 9), 20)
    # all have pullover and hoodie; one alone is green; "hoodie red" says what red says
    assert sorted(mined.names) == ["blue", "red"]
    assert mined.leaf.tolist() == [3, 3]
    red = mined.names.index("red")
    assert mined.has[:, red].toarray().ravel().tolist() == [True] * 4 + [False] * 5


def test_each_leaf_has_its_own_words_and_the_most_telling_come_first():
    mined = mined_attributes([*TITLES, *TITLES, "", "odd title"], np.array([1] * 8 + [2] * 10), 1)
    assert mined.leaf.tolist() == [1, 2]
    assert not mined.has[:8, 1].toarray().any()
    assert not mined.has[16:].toarray().any()


def test_without_titles_there_are_no_words():
    mined = mined_attributes(["", ""], np.array([1, 2]), 5)
    assert mined.names == []
    assert mined.has.shape == (2, 0)
