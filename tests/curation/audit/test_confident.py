"""Confident learning in batches, level by level, against cleanlab on the whole matrix and against slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from cleanlab.count import get_confident_thresholds
from cleanlab.experimental.label_issues_batched import LabelInspector
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.metrics.product_scores import score_probabilities
from catalog.tree.taxonomy import Taxonomy
from curation.audit import confident
from curation.audit.confident import count_errors, label_noise
from curation.audit.suspects import expected_gain
from tests.curation.audit.cases import N, noisy, said, scored
from tests.support.products import TAXONOMY
from tests.support.trees import TREES


def at_level(
    dense: np.ndarray, label: np.ndarray, level: int, tree: Taxonomy = TAXONOMY
) -> tuple[np.ndarray, np.ndarray]:
    """Dense node probabilities and node labels."""
    return tree.node_mass(dense, level), tree.ancestor(level)[label]


@pytest.mark.parametrize("batch", [7, 1024])
@pytest.mark.parametrize("level", TAXONOMY.levels)
def test_batches_find_what_cleanlab_finds_on_all_at_once(monkeypatch, batch, level):
    monkeypatch.setattr(confident, "BATCH", batch)
    _, label, dense = noisy(1)
    scores = scored(dense, label)
    counted = count_errors(scores, TAXONOMY)[level]
    mass, node = at_level(dense, label, level)
    assert np.allclose(counted.thresholds, get_confident_thresholds(node, mass), atol=1e-6)
    whole = LabelInspector(num_class=mass.shape[1], verbose=False)
    whole.update_confident_thresholds(node, mass)
    whole.score_label_quality(node, mass)
    assert counted.n_issues == whole.get_num_issues(silent=True) == counted.flagged.sum()
    quality = get_label_quality_scores(node, mass, method="self_confidence")
    assert np.allclose(quality, scores.p_truth[:, level - 1], atol=1e-6)
    # cleanlab's filter takes so many of the lowest, without those whose label is the likeliest
    issues = find_label_issues(node, mass, filter_by="low_self_confidence", n_jobs=1)
    lowest = np.zeros(len(node), bool)
    lowest[np.argsort(scores.p_truth[:, level - 1], kind="stable")[: counted.n_issues]] = True
    ours = lowest & ~scores.likeliest_correct[:, level - 1]
    # the batched count may differ from the exact one by a product or two, says cleanlab
    assert (ours != issues).sum() <= 2


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from(TREES))
@settings(max_examples=40)
def test_flags_against_a_loop(seed, n, tree):
    """Labels may leave nodes without a product: these are no one's true node."""
    _, label, dense = noisy(seed, n, share=0.5, sharp=1.0)
    scores = scored(dense, label, tree)
    found = count_errors(scores, tree)
    for level in tree.levels:
        mass, node = at_level(dense.astype(np.float64), label, level, tree)
        for i in range(n):
            likely = int(mass[i].argmax())
            same = [mass[j, likely] for j in range(n) if node[j] == likely]
            gap = mass[i, likely] - np.mean(same) if same else -1.0
            if abs(gap) > 1e-5:
                assert found[level].flagged[i] == (gap > 0 and likely != node[i])


@given(st.integers(0, 2**32 - 1), st.sampled_from(TREES))
@settings(max_examples=20)
def test_noise_by_category_is_cleanlabs_calibrated_count(seed, tree):
    _, label, dense = noisy(seed)
    scores = scored(dense, label, tree)
    counted = count_errors(scores, tree)[tree.depth]
    noise = label_noise(scores, counted, N)
    whole = LabelInspector(
        num_class=N, verbose=False, num_issue_kwargs={"estimation_method": "off_diagonal_calibrated"}
    )
    whole.update_confident_thresholds(label, dense)
    whole.score_label_quality(label, dense)
    assert abs(noise.estimate - whole.get_num_issues(silent=True)) <= 0.5 + 1e-6
    joint = np.zeros((N, N), int)
    for i in np.flatnonzero(counted.flagged):
        joint[label[i], scores.predicted[i, -1]] += 1
    assert joint.sum() == noise.n.sum() == counted.flagged.sum()
    assert all(joint[a, b] == n for (a, b), n in zip(noise.pairs, noise.n, strict=True))
    assert (np.diff(noise.n) <= 0).all()


def test_truncated_rows_are_audited_with_their_remaining_mass():
    """The label's probability counts where the label is not among the k listed leaves."""
    _, label, dense = noisy(3)
    whole, cut = scored(dense, label), score_probabilities(said(dense, k=3), label, TAXONOMY)
    assert (cut.p_truth[:, 2] > 0).all()
    same = np.isclose(whole.p_truth[:, 2], cut.p_truth[:, 2], atol=1e-6)
    listed = (np.argsort(-dense, axis=1)[:, :3] == label[:, None]).any(axis=1)
    assert same[listed].all()
    assert not same[~listed].all()


@given(st.integers(0, 2**32 - 1), st.sampled_from(TREES))
@settings(max_examples=20)
def test_gain_is_expected_tree_distance_saved(seed, tree):
    """Against the expected distance over all leaves; where the likeliest nodes are one path, that path's is less."""
    _, label, dense = noisy(seed, 20)
    leaves, scores = np.arange(N), scored(dense, label, tree)
    gain = expected_gain(scores)
    for i in range(20):
        of_label, of_likeliest = (
            (dense[i] * tree.distance(np.full(N, leaf), leaves)).sum() for leaf in (label[i], dense[i].argmax())
        )
        one_path = all(
            tree.ancestor(level)[dense[i].argmax()] == scores.likeliest[i, level - 1] for level in tree.levels
        )
        assert gain[i] >= of_label - of_likeliest - 1e-5
        if one_path:
            assert gain[i] == pytest.approx(of_label - of_likeliest, abs=1e-5)
