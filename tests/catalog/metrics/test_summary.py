"""Every figure of a summary against the obvious version, and its interval against a slow resampler."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.metrics.calibration import bins_of
from catalog.metrics.intervals import accuracy_interval, bootstrap, exact_share
from catalog.metrics.product_scores import ProductScores, score
from catalog.metrics.summary import SumFigures, Summary, band_name, risk_coverage, summaries_json, summarize
from tests.support.products import TAXONOMY

COUNTS = np.array([0, 3, 9, 10, 99, 250, 10_000, 40_000])


def some_scores(rng: np.random.Generator, n: int) -> ProductScores:
    dense = rng.dirichlet(np.ones(8) * 0.4, size=n)
    return score(dense, rng.integers(0, 8, n), np.arange(n), rng.integers(0, 5, n), TAXONOMY)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_every_figure_equals_the_obvious_version(seed):
    rng = np.random.default_rng(seed)
    dense = rng.dirichlet(np.ones(8) * 0.4, size=25)
    truth, counts = rng.integers(0, 8, 25), rng.integers(0, 5, 25)
    figures = summarize(score(dense, truth, np.arange(25), counts, TAXONOMY), COUNTS)
    plain = json.loads(json.dumps(summaries_json(figures), allow_nan=False))
    assert {count: Summary.from_json(summary) for count, summary in plain.items()} == figures
    assert plain["all"]["levels"]["3"]["top1_low"] == figures["all"].levels[3].top1.low
    assert set(figures) == {"all", *map(str, set(counts.tolist()))}
    for name, found in figures.items():
        rows = [i for i in range(25) if name == "all" or counts[i] == int(name)]
        assert found.n == len(rows)
        right = {i: dense[i].argmax() == truth[i] for i in rows}
        paths = {i: (TAXONOMY.paths[dense[i].argmax()], TAXONOMY.paths[truth[i]]) for i in rows}
        distance = [next(3 - k for k in (3, 2, 1, 0) if a[:k] == b[:k]) for a, b in paths.values()]
        assert found.hd1.value == pytest.approx(np.mean(distance))
        leaves = {int(truth[i]) for i in rows}
        macro = [np.mean([right[i] for i in rows if truth[i] == leaf]) for leaf in leaves]
        assert found.macro_top1.value == pytest.approx(np.mean(macro))
        leaf = found.leaf
        assert leaf.top1.value == pytest.approx(np.mean(list(right.values())))
        assert leaf.top5.value == pytest.approx(np.mean([truth[i] in np.argsort(-dense[i])[:5] for i in rows]))
        nll = -np.mean([np.log(max(dense[i, truth[i]], 1e-9)) for i in rows])
        assert leaf.nll.value == pytest.approx(nll, abs=1e-5)
        assert leaf.top1.low <= leaf.top1.value <= leaf.top1.high
        overlap = sum(3 - height for height in distance)
        for name in ("h_precision", "h_recall", "h_f1"):
            assert getattr(found, name).value == pytest.approx(overlap / (3 * len(rows)))
        five = [np.argsort(-dense[i], kind="stable")[:5] for i in rows]
        hd5 = [np.mean(TAXONOMY.distance(own, truth[i])) for own, i in zip(five, rows, strict=True)]
        assert found.hd5.value == pytest.approx(np.mean(hd5), abs=1e-5)
        bands = {"0": (0, 0), "1-9": (1, 9), "10-99": (10, 99), "100-999": (100, 999), "10000+": (10000, 10**9)}
        expected = {}
        for band, (low, high) in bands.items():
            inside = {leaf for leaf in leaves if low <= COUNTS[leaf] <= high}
            if inside:
                means = [np.mean([right[i] for i in rows if truth[i] == leaf]) for leaf in inside]
                n = sum(int(truth[i]) in inside for i in rows)
                expected[band] = (len(inside), n, pytest.approx(np.mean(means)))
        assert {b.band: (b.leaves, b.n, b.macro_top1.value) for b in found.bands} == expected


@pytest.mark.slow
@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_every_draw_equals_the_figures_of_the_products_drawn(seed, n):
    rng = np.random.default_rng(seed)
    scores = some_scores(rng, n)
    own = SumFigures(scores, COUNTS)
    found = dict(zip(own.names, bootstrap(own.parts, own, seed, draws=6), strict=True))
    again = np.random.default_rng(seed)
    for draw in range(6):
        rows = again.integers(0, n, size=n)
        drawn = scores.select(rows)
        figures = summarize(drawn, COUNTS)["all"]
        for name in ("hd1", "hd5", "macro_top1"):
            assert found[name][draw] == pytest.approx(getattr(figures, name).value)
        for band in figures.bands:
            at = next(k for k in range(6) if band_name(k) == band.band)
            assert found[f"band.{at}"][draw] == pytest.approx(band.macro_top1.value)
        assert np.isfinite([v[draw] for k, v in found.items() if k.startswith("band")]).sum() == len(figures.bands)
        for column, level in enumerate((1, 2, 3)):
            for name in ("top1", "top5", "nll"):
                assert found[f"{name}.{level}"][draw] == pytest.approx(getattr(figures.levels[level], name).value)
            # the bins are those of all products: a draw has no edges of its own
            for binning, name in ("width", "ece"), ("mass", "ece_mass"):
                bins = bins_of(scores.confidence[:, column], binning)[rows]
                slow = 0.0
                for b in range(15):
                    mine = drawn.select(bins == b)
                    gap = mine.correct[:, column].astype(float) - mine.confidence[:, column]
                    slow += abs(gap.sum()) / n
                assert found[f"{name}.{level}"][draw] == pytest.approx(slow, abs=1e-6)


def test_a_few_products_that_are_all_right_still_have_an_interval():
    truth = np.arange(7)
    leaf = summarize(score(np.eye(8)[:7], truth, truth, np.ones(7, int), TAXONOMY))["all"].leaf
    assert (leaf.top1.value, leaf.top1.high) == (1, 1)
    assert (leaf.top1.low, leaf.top1.high) == exact_share(7, 7) == accuracy_interval(np.ones(7, bool))
    assert leaf.top1.low == pytest.approx(0.025 ** (1 / 7))


@pytest.mark.slow
def test_intervals_of_a_summary_hold_their_level():
    rng = np.random.default_rng(1)
    many = some_scores(rng, 40_000)
    truth = summarize(many)["all"]
    inside = dict.fromkeys(("hd1", "hd5", "macro_top1", "top1", "nll"), 0)
    for _ in range(40):
        found = summarize(many.select(rng.integers(0, 40_000, 300)))["all"]
        for name in inside:
            drawn, true = (getattr(own if hasattr(own, name) else own.leaf, name) for own in (found, truth))
            inside[name] += drawn.low <= true.value <= drawn.high
    assert min(inside.values()) >= 35


def test_the_interval_of_a_calibrated_models_error_reaches_down():
    rng = np.random.default_rng(0)
    n = 400
    dense = rng.dirichlet(np.ones(8) * 0.3, size=n)
    truth = np.array([rng.choice(8, p=row) for row in dense])
    leaf = summarize(score(dense, truth, np.arange(n), np.ones(n, int), TAXONOMY))["all"].leaf
    assert leaf.ece_mass.value == pytest.approx(leaf.ece_mass_floor, rel=0.5)
    # percentiles of draws would lie wholly above the figure's own floor
    assert leaf.ece_mass.low < 0.5 * leaf.ece_mass_floor


def test_risk_coverage_of_a_known_case():
    curve = risk_coverage(np.array([0.9, 0.5, 0.7, 0.2]), np.array([True, False, True, True]))
    np.testing.assert_allclose(curve, [[0.25, 0], [0.5, 0], [0.75, 1 / 3], [1, 0.25]])
