"""What is expected of two methods of which the better one is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayonnage.fitting.planning.gains import UNSURE, expected_best, native_side

POINTS = st.floats(-20, 20)


@pytest.mark.parametrize(("one", "other"), [(0.0, 0.0), (3.0, 1.2), (-4.0, 5.0)])
def test_it_is_the_mean_of_the_larger_of_two_as_drawn(one, other):
    drawn = np.random.default_rng(0).normal(scale=UNSURE / math.sqrt(2), size=(2, 400_000))
    larger = np.maximum(one + drawn[0], other + drawn[1]).mean()
    assert expected_best(one, other) == pytest.approx(larger, abs=0.02)


@given(POINTS, POINTS)
def test_a_choice_is_never_worth_less_than_either_and_most_where_they_are_as_good(one, other):
    both = expected_best(one, other)
    assert max(one, other) <= both <= max(one, other) + UNSURE / math.sqrt(2 * math.pi) + 1e-12
    assert both == expected_best(other, one)


@given(POINTS)
def test_one_that_is_not_tried_brings_nothing(points):
    assert expected_best(points, -math.inf) == points == expected_best(-math.inf, points)


def test_packaged_backbones_look_at_the_size_that_they_have_learnt_at():
    timm = pytest.importorskip("timm")
    for name in ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"):
        assert native_side(name) == timm.get_pretrained_cfg(name).input_size[-1]
