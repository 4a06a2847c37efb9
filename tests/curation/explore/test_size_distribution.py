"""Histograms and cumulative shares of categories, against slow and obvious counting."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.explore.placement import LevelCounts
from curation.explore.samples import chosen_categories
from curation.explore.size_distribution import (
    bin_edges,
    cumulative,
    distribution_section,
    held_by_largest,
    held_by_least,
    histogram,
    holding,
)

filled = st.lists(st.integers(1, 10**7), min_size=1, max_size=60)


@given(st.integers(0, 10**9))
def test_bins_are_steps_of_one_two_five(largest):
    edges = bin_edges(largest)
    assert edges[0] == 1
    assert edges[-1] > largest
    assert len(edges) == 1 or edges[-2] <= largest
    assert all(str(edge).rstrip("0") in ("1", "2", "5") for edge in edges)
    assert all(2 <= b / a <= 2.5 for a, b in pairwise(edges))


@given(st.lists(st.integers(0, 10**6), max_size=60))
def test_every_category_that_holds_anything_is_in_one_bin(counts):
    bins = histogram(np.array(counts, np.int64))
    for own in bins:
        inside = [c for c in counts if own["low"] <= c <= own["high"]]
        assert (own["categories"], own["held"]) == (len(inside), sum(inside))
    assert sum(own["categories"] for own in bins) == sum(c > 0 for c in counts)
    assert sum(own["held"] for own in bins) == sum(counts)
    assert all(b["low"] == a["high"] + 1 for a, b in pairwise(bins))


@given(filled, st.integers(0, 5))
def test_the_curve_is_what_adding_up_gives(counts, n_empty):
    curve = cumulative(np.array(counts + [0] * n_empty, np.int64))
    ordered = sorted(counts, reverse=True)
    assert len(curve) == len(counts) + 1
    for k in range(len(counts) + 1):
        assert curve[k] == pytest.approx([k / len(counts), sum(ordered[:k]) / sum(counts)])
    # concave: no category adds more than the one before
    assert (np.diff(curve[:, 1], 2) <= 1e-12).all()


@given(filled, st.floats(0, 1))
def test_what_the_largest_hold_and_what_the_least_hold_is_everything(counts, share):
    counts = np.array(counts, np.int64)
    ordered = sorted(counts.tolist(), reverse=True)
    whole, part = divmod(share * len(counts), 1)
    expected = sum(ordered[: int(whole)]) + (part * ordered[int(whole)] if whole < len(counts) else 0)
    assert held_by_largest(counts, share) == pytest.approx(expected / sum(ordered))
    assert held_by_least(counts, 1 - share) == pytest.approx(1 - expected / sum(ordered))


@given(filled, st.floats(0.01, 1))
def test_the_fewest_categories_that_hold_a_share(counts, share):
    counts = np.array(counts, np.int64)
    ordered = sorted(counts.tolist(), reverse=True)
    n = holding(counts, share)
    assert sum(ordered[:n]) / sum(ordered) >= share - 1e-9
    assert sum(ordered[: n - 1]) / sum(ordered) < share


def test_a_small_catalogue_by_hand():
    # ten categories: one of 91, nine of 1
    names = [f"c{i}" for i in range(11)]
    level = LevelCounts(3, names, np.array([1, 1, 91, 1, 1, 1, 1, 0, 1, 1, 1]), 11)
    section = distribution_section([level], "products")
    own = section.figures["levels"]["Cat III"]
    assert (own["categories"], own["used"], own["held"], own["half_held_by"]) == (11, 10, 100, 1)
    assert own["largest_hold"]["0.1"] == pytest.approx(0.91)
    assert own["least_hold"]["0.5"] == pytest.approx(0.05)
    assert own["largest_categories"][0] == ["c2", 91]
    assert len(own["smallest_categories"]) == 10
    assert "the largest 10 % hold 91.0 % of all products" in section.sentences[0]
    assert (own["median"], own["smallest"], own["largest"]) == (1, 1, 91)
    assert math.isclose(own["mean"], 10)


def test_shares_of_less_than_one_category_are_left_out():
    level = LevelCounts(3, [f"c{i}" for i in range(8)], np.array([24, 10, 10, 10, 10, 10, 10, 16]), 8)
    section = distribution_section([level], "products")
    own = section.figures["levels"]["Cat III"]["largest_hold"]
    assert [own[share] is None for share in ("0.01", "0.05", "0.1", "0.25", "0.5")] == [True, True, True, False, False]
    assert own["0.25"] == pytest.approx(0.4)
    assert "largest 10 %" not in " ".join(section.sentences)
    assert section.sentences[0].startswith("Half of all products")


def test_nothing_anywhere_is_said():
    section = distribution_section([LevelCounts(3, ["a"], np.zeros(1, np.int64), 1)], "products")
    assert section.sentences == ["No category holds any products."]
    assert section.figures["levels"]["Cat III"] == {"categories": 1, "used": 0, "held": 0}


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(0, 45))
def test_categories_are_shown_from_both_ends_and_the_middle(counts, n):
    groups = chosen_categories(np.array(counts, np.int64), n)
    shown = [int(leaf) for _, own in groups for leaf in own]
    used = [i for i, c in enumerate(counts) if c]
    assert len(shown) == len(set(shown)) == min(n, len(used))
    assert set(shown) <= set(used)
    sizes = [counts[i] for i in shown]
    assert sizes == sorted(sizes, reverse=True)
    if len(used) > n >= 3:
        assert sizes[0] == max(counts)
        assert sizes[-1] == min(c for c in counts if c)
        assert [which for which, _ in groups] == ["one of the largest", "of middle size", "one of the smallest"]
