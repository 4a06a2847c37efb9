"""Suspects held against the truth: every figure from a loop over products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from catalog.tree.taxonomy import Taxonomy
from curation.audit.evidence import LabelEvidence
from curation.audit.judgement import LEAVES as AT_LEAVES
from curation.audit.judgement import LOWEST, OURS, RANDOM, judge, weighted_precision
from curation.audit.suspects import Order, find_suspects, leaf_margin
from tests.curation.audit.cases import noisy, scored
from tests.support.products import TAXONOMY
from tests.support.trees import TREES


def evidence_of(seed: int, n: int = 200, tree: Taxonomy = TAXONOMY, **more: float) -> tuple[np.ndarray, LabelEvidence]:
    truth, label, dense = noisy(seed, n, **more)
    scores = scored(dense, label, tree)
    return truth, LabelEvidence("test", scores, np.arange(n), np.ones(n, bool), {"audited": n})


def average_precision(wrong: list[bool]) -> float:
    hits = [sum(wrong[: i + 1]) / (i + 1) for i, is_wrong in enumerate(wrong) if is_wrong]
    return sum(hits) / len(hits)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.5), st.sampled_from(TREES))
@settings(max_examples=15)
def test_figures_against_loops(seed, share, tree):
    truth, evidence = evidence_of(seed, 60, tree, share=share, sharp=2.0)
    unknown = np.arange(60) % 7 == 0
    found_in = find_suspects(evidence, tree)
    found = judge(evidence, found_in, np.where(unknown, -1, truth), tree)
    known = [i for i in range(60) if not unknown[i]]
    label, suspected = evidence.label, set(found_in.rows.tolist())
    distance = {i: int(tree.distance(truth[i : i + 1], label[i : i + 1])[0]) for i in known}
    wrong = {i for i in known if distance[i]}
    mine = [i for i in known if i in suspected]
    assert (found.n, found.n_wrong, found.n_suspects) == (len(known), len(wrong), len(mine))
    if mine:
        assert found.precision.value == pytest.approx(len(wrong & set(mine)) / len(mine))
    for d, (n, recall) in found.recall.items():
        own = [i for i in known if (distance[i] == d if d else i in wrong)]
        assert (n, recall.value) == (len(own), pytest.approx(sum(i in suspected for i in own) / len(own)))
    for d, (n, precision) in found.by_part.items():
        own = [i for i in mine if evidence.scores.distance[i] == d]
        assert (n, precision.value) == (len(own), pytest.approx(sum(i in wrong for i in own) / len(own)))
    order = [i for i in found_in.order.tolist() if not unknown[i]]
    lowest = sorted(known, key=lambda i: (evidence.scores.p_truth[i, -1], i))
    for name, looked_at in ((OURS, order), (LOWEST, lowest)):
        ranked = found.rankings[name]
        assert ranked.precision_at[10].value == pytest.approx(sum(i in wrong for i in looked_at[:10]) / 10)
        if wrong:
            assert ranked.average_precision.value == pytest.approx(average_precision([i in wrong for i in looked_at]))
            across = [distance[i] == tree.depth for i in looked_at]
            assert not any(across) or ranked.across.value == pytest.approx(average_precision(across))
            best = sum(sorted(distance.values())[-len(wrong) :])
            assert ranked.distance.value == pytest.approx(sum(distance[i] for i in looked_at[: len(wrong)]) / best)
    assert found.rankings[RANDOM].precision_at[10].value == pytest.approx(len(wrong) / len(known))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=20))
def test_average_precision_of_a_draw_is_scikit_learns(products):
    wrong, times = np.array([w for w, _ in products]), np.array([t for _, t in products])
    found = weighted_precision(wrong, times)
    if (times * wrong).any():
        falling = np.arange(len(wrong), 0, -1)
        assert found == pytest.approx(average_precision_score(wrong, falling, sample_weight=times))
    else:
        assert np.isnan(found)


def test_a_good_expert_finds_wrong_labels():
    truth, evidence = evidence_of(0, 2000, sharp=5.0)
    found = judge(evidence, find_suspects(evidence, TAXONOMY), truth, TAXONOMY)
    assert found.precision.low > 0.7
    assert found.recall[0][1].low > 0.8
    assert found.rankings[OURS].average_precision.low > 0.8
    assert set(found.rankings) == {OURS, AT_LEAVES, LOWEST, RANDOM}


def test_right_labels_and_unknown_truth():
    truth, evidence = evidence_of(0, 100, share=0.0)
    found = judge(evidence, find_suspects(evidence, TAXONOMY), truth, TAXONOMY)
    assert found.n_wrong == 0
    assert found.recall == {}
    assert found.rankings[OURS].average_precision.value is None
    with pytest.raises(ValueError, match="knows none of the 100 audited"):
        judge(evidence, find_suspects(evidence, TAXONOMY), np.full(100, -1), TAXONOMY)


def test_suspects_come_first_and_by_rising_trust():
    """A mistake across Cat I stands before one between siblings that is as certain."""
    _, evidence = evidence_of(5, 400)
    found = find_suspects(evidence, TAXONOMY)
    assert (np.diff(found.gain[found.rows]) <= 0).all()
    flagged = np.any([found.counted[level].flagged for level in (1, 2, 3)], axis=0)
    assert set(found.rows.tolist()) == set(np.flatnonzero(flagged & ~evidence.scores.correct[:, 2]).tolist())
    dense = np.full((42, 8), 0.01 / 7, np.float32)
    truth = np.arange(42) % 8
    label = truth.copy()
    ids = TAXONOMY.leaf_index([12, 31, 13])
    # product 0: sibling, 1: another Cat II, 2: another Cat I; all as certain
    truth[:3], label[:3] = TAXONOMY.leaf_index([11, 11, 11]), ids[[0, 2, 1]]
    dense[np.arange(42), truth] = 0.99
    certain = LabelEvidence("test", scored(dense, label), np.arange(42), np.ones(42, bool), {"audited": 42})
    assert find_suspects(certain, TAXONOMY).rows.tolist() == [2, 1, 0]


def test_the_order_by_leaves_changes_the_order_alone():
    truth, evidence = evidence_of(5, 400)
    by_tree, by_leaves = (find_suspects(evidence, TAXONOMY, order) for order in Order)
    assert set(by_leaves.rows.tolist()) == set(by_tree.rows.tolist())
    assert by_leaves.rows.tolist() != by_tree.rows.tolist()
    doubted = by_leaves.counted[3].flagged[by_leaves.rows]
    margin = leaf_margin(evidence.scores)[by_leaves.rows]
    assert (np.diff(doubted.astype(int)) <= 0).all()
    assert (np.diff(margin[doubted]) <= 0).all()
    found = judge(evidence, by_leaves, truth, TAXONOMY)
    assert found.rankings[OURS].precision_at[10] == found.rankings[AT_LEAVES].precision_at[10]
