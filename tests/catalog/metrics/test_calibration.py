"""Calibration errors against the obvious version, and against models whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catalog.metrics.calibration import bins_of, calibration_floor, expected_calibration_error, reliability


@given(st.integers(0, 10**6))
def test_calibration_error_equals_the_obvious_version(seed):
    rng = np.random.default_rng(seed)
    confidence, correct = rng.random(50), rng.random(50) < 0.6
    slow = 0.0
    for low in range(15):
        inside = (confidence >= low / 15) & (confidence < (low + 1) / 15)
        if inside.any():
            slow += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    assert expected_calibration_error(confidence, correct) == pytest.approx(slow)


@given(st.integers(0, 10**6), st.integers(15, 90))
def test_bins_of_equal_mass_equal_the_obvious_version(seed, n):
    rng = np.random.default_rng(seed)
    confidence, correct = rng.permutation(n) / n + 0.001, rng.random(n) < 0.6
    order = sorted(range(n), key=lambda i: confidence[i])
    slow = 0.0
    for b in range(15):
        inside = order[b * n // 15 : (b + 1) * n // 15]
        slow += len(inside) / n * abs(confidence[inside].mean() - correct[inside].mean())
    assert expected_calibration_error(confidence, correct, "mass") == pytest.approx(slow)
    assert [b.n for b in reliability(confidence, correct)] == np.bincount(bins_of(confidence, "mass")).tolist()


@given(arrays(np.float32, st.integers(1, 50), elements=st.sampled_from([0.0, 0.2, 0.5, 0.5, 1.0])))
def test_equal_confidences_share_a_bin_of_equal_mass(confidence):
    bins = bins_of(confidence, "mass")
    assert ((bins >= 0) & (bins < 15)).all()
    for value in np.unique(confidence):
        assert len(set(bins[confidence == value])) == 1
    order = np.argsort(confidence, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_a_calibrated_model_shows_the_floor_and_another_more(binning):
    rng = np.random.default_rng(0)
    confidence = rng.random(800).astype(np.float32)
    floor = calibration_floor(confidence, binning)
    assert floor == calibration_floor(confidence, binning)
    seen = [expected_calibration_error(confidence, rng.random(800) < confidence, binning) for _ in range(200)]
    assert floor == pytest.approx(np.mean(seen), rel=0.06)
    assert expected_calibration_error(confidence, rng.random(800) < confidence**2, binning) > 3 * floor
    assert calibration_floor(np.ones(50, np.float32), binning) == 0


def test_reliability_of_a_known_case():
    confidence = np.array([0.25] * 10 + [0.75] * 30, np.float32)
    low, high = reliability(confidence, np.array([True] * 5 + [False] * 5 + [True] * 30))
    assert (low.n, low.confidence, low.accuracy) == (10, 0.25, 0.5)
    assert (low.low, low.high) == pytest.approx((0.187, 0.813), abs=1e-3)
    assert (high.n, high.accuracy, high.high) == (30, 1.0, 1.0)
    assert reliability(np.zeros(0), np.zeros(0, bool)) == []
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))
    assert np.isnan(calibration_floor(np.zeros(0)))
