"""Scores against the obvious version."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from catalog.metrics.product_scores import ProductScores, likeliest, score, score_probabilities
from catalog.probabilities import Probabilities, Silence
from tests.support.products import TAXONOMY


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_score_equals_the_obvious_version(seed):
    rng = np.random.default_rng(seed)
    dense = rng.dirichlet(np.ones(8) * 0.4, size=12)
    truth = rng.integers(0, 8, 12)
    scores = score(dense, truth, np.arange(12), rng.integers(1, 5, 12), TAXONOMY)
    for row in range(12):
        for level in TAXONOMY.levels:
            mass: dict[tuple[str, ...], float] = {}
            for p, path in zip(dense[row], TAXONOMY.paths, strict=True):
                mass[path[:level]] = mass.get(path[:level], 0) + p
            true = TAXONOMY.paths[truth[row]][:level]
            ranking = sorted(mass, key=lambda node: (-mass[node], node))
            assert TAXONOMY.node_path(level, int(scores.likeliest[row, level - 1])) == ranking[0]
            assert scores.p_likeliest[row, level - 1] == pytest.approx(mass[ranking[0]], abs=1e-6)
            # what is scored is the path of the likeliest leaf, which may lie elsewhere
            answered = TAXONOMY.paths[int(dense[row].argmax())][:level]
            assert TAXONOMY.node_path(level, int(scores.predicted[row, level - 1])) == answered
            assert scores.confidence[row, level - 1] == pytest.approx(mass[answered], abs=1e-6)
            assert scores.correct[row, level - 1] == (answered == true)
            assert scores.likeliest_correct[row, level - 1] == (ranking[0] == true)
            assert scores.top5[row, level - 1] == (answered == true or ranking.index(true) < 5)
            assert scores.rank[row, level - 1] == ranking.index(true)
            assert scores.p_truth[row, level - 1] == pytest.approx(mass[true], abs=1e-6)
        five = sorted(range(8), key=lambda leaf: (-dense[row, leaf], leaf))[:5]
        heights = [TAXONOMY.distance(np.array(leaf), truth[row]) for leaf in five]
        assert scores.distance5[row] == pytest.approx(np.mean(heights), abs=1e-6)


def test_saved_scores_come_back_and_damaged_ones_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    scores = score(rng.dirichlet(np.ones(8), size=6), rng.integers(0, 8, 6), np.arange(6), np.ones(6, int), TAXONOMY)
    scores.save(tmp_path / "scores.safetensors")
    back = ProductScores.load(tmp_path / "scores.safetensors")
    for field in fields(ProductScores):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(scores, field.name))
    arrays = load_file(tmp_path / "scores.safetensors")
    save_file({**arrays, "rank": arrays["rank"][:5]}, tmp_path / "short.safetensors")
    save_file({**arrays, "distance5": arrays["distance5"].astype(np.float64)}, tmp_path / "wide.safetensors")
    save_file({"truth": arrays["truth"]}, tmp_path / "few.safetensors")
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    for name, why in ("short", "rank"), ("wide", "distance5"), ("few", "expected product_ids"), ("none", "no scores"):
        with pytest.raises(ValueError, match=why):
            ProductScores.load(tmp_path / f"{name}.safetensors")
    with pytest.raises(FileNotFoundError):
        ProductScores.load(tmp_path / "absent.safetensors")


def test_the_list_is_as_long_as_a_small_tree():
    dense = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])
    assert likeliest(dense, 5).tolist() == [[0, 1, 2], [2, 1, 0]]
    assert dense[0, 0] == 0.5


def test_equal_probabilities_do_not_count_as_right():
    flat = np.full((8, 8), 1 / 8)
    scores = score(flat, np.arange(8), np.arange(8), np.ones(8, int), TAXONOMY)
    assert scores.correct[:, 2].sum() == 1


def test_saved_probabilities_are_scored_where_the_expert_speaks_and_the_truth_is_known():
    rng = np.random.default_rng(0)
    n = 2500
    dense, truth = rng.dirichlet(np.ones(8), size=n), rng.integers(-1, 8, n)
    silence = np.where(rng.random(n) < 0.2, Silence.UNREADABLE, Silence.SPEAKS).astype(np.uint8)
    made = Probabilities.from_dense(
        "mosaic", np.arange(n), np.ones(n, np.int8), dense, silence,
        support=np.arange(8, dtype=np.int32), frequency=np.full(8, 1 / 8), k=8, taxonomy="t",
    )  # fmt: skip
    found = score_probabilities(made, truth, TAXONOMY)
    rows = np.flatnonzero((silence == 0) & (truth >= 0))
    assert found.product_ids.tolist() == rows.tolist()
    np.testing.assert_array_equal(found.predicted[:, 2], dense[rows].argmax(axis=1))
    assert len(score_probabilities(made, np.full(n, -1), TAXONOMY)) == 0
