"""Weak categories: those of which it is sure, before those of which a product or two are wrong."""

from __future__ import annotations

import numpy as np

from catalog.metrics.product_scores import score
from rayonnage.fitting.telling.weak_leaf import weakest_leaves
from tests.support.products import TAXONOMY


def judged(of_leaf: dict[int, tuple[int, int]], put_on: int):
    """Scores of `{leaf: (products, right)}`; the wrong ones are put on another leaf."""
    truth = np.concatenate([np.full(n, leaf) for leaf, (n, _) in of_leaf.items()])
    on = np.concatenate([np.where(np.arange(n) < right, leaf, put_on) for leaf, (n, right) in of_leaf.items()])
    dense = np.full((len(truth), len(TAXONOMY)), 0.01, np.float32)
    dense[np.arange(len(truth)), on] = 0.9
    return score(dense, truth, np.arange(len(truth)), np.ones(len(truth), np.int8), TAXONOMY)


def test_twelve_of_twenty_that_are_wrong_say_more_than_one_of_one():
    scores = judged({0: (1, 0), 1: (20, 8), 2: (60, 50), 3: (40, 40)}, put_on=4)
    weak = weakest_leaves(scores, np.arange(len(scores)), np.array([3, 40, 90, 70, 5, 0, 0, 0]))
    assert [one.leaf for one in weak] == [1, 2, 0]
    assert [one.is_surely_weak for one in weak] == [True, False, False]
    assert (weak[0].n, weak[0].n_right, weak[0].n_labelled) == (20, 8, 40)
    assert [(one.predicted, one.n) for one in weak[0].confused] == [(4, 12)]


def test_products_of_one_article_do_not_make_a_category_weak():
    scores = judged({1: (20, 8), 2: (60, 57), 3: (40, 40)}, put_on=4)
    counts = np.full(len(TAXONOMY), 50)
    # the twelve that are wrong are colours of one article
    group = np.arange(len(scores))
    group[8:20] = 8
    assert not any(one.is_surely_weak for one in weakest_leaves(scores, group, counts))


def test_one_of_many_categories_that_are_all_alike_is_not_called_weak():
    # by itself its interval lies below what is right of all, but the lowest of eight often does
    scores = judged({leaf: (40, 30 - 8 * (leaf == 6)) for leaf in range(8)}, put_on=7)
    alone = weakest_leaves(scores, np.arange(len(scores)), np.full(len(TAXONOMY), 50))[0]
    assert alone.leaf == 6
    assert alone.right.high < scores.correct[:, -1].mean()
    assert not alone.is_surely_weak


def test_where_all_is_right_nothing_is_weak():
    scores = judged({1: (20, 20)}, put_on=4)
    assert weakest_leaves(scores, np.arange(20), np.full(len(TAXONOMY), 50)) == []
