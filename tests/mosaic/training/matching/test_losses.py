"""Losses of matching, against what the papers write, photo by photo."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from mosaic.config import MatchingConfig
from mosaic.runs import MosaicDetails
from mosaic.training.matching.attributes import TitleAttributes
from mosaic.training.matching.groups import ALONE
from mosaic.training.matching.losses import (
    GroupVectors,
    MatchingObjective,
    PhotoMemory,
    WordVectors,
    with_margin,
)
from tests.mosaic.training.matching.test_train import config


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@given(angle=st.floats(0.01, math.pi - 0.01), margin=st.floats(0, 1.4))
def test_the_margin_is_added_to_the_angle_and_the_cosine_goes_on_falling_beyond_pi(angle, margin):
    turned = float(with_margin(torch.tensor(math.cos(angle), dtype=torch.float64), margin))
    if angle + margin < math.pi:
        assert turned == pytest.approx(math.cos(angle + margin), abs=1e-6)
    else:
        assert turned <= -1 + 1e-6
    wider = float(with_margin(torch.tensor(math.cos(min(angle + 0.01, math.pi)), dtype=torch.float64), margin))
    assert wider < turned + 1e-9


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), margin=st.floats(0, 1), scale=st.floats(1, 40))
def test_arcface_is_a_softmax_over_groups_with_a_margin_for_the_own_one(seed, margin, scale):
    rng = np.random.default_rng(seed)
    vectors, means, group = unit(rng, 4, 6), unit(rng, 3, 6), rng.integers(0, 3, 4)
    expected = []
    for vector, own in zip(vectors.astype(float), group, strict=True):
        angles = [math.acos(np.clip(vector @ mean, -1, 1)) for mean in means.astype(float)]
        if angles[own] + margin > math.pi:
            return
        logits = [scale * math.cos(angle + margin * (i == own)) for i, angle in enumerate(angles)]
        expected.append(-logits[own] + np.logaddexp.reduce(logits))
    # lengths of the groups' vectors do not count
    loss = GroupVectors(3 * means, margin, scale)
    got = loss(torch.from_numpy(vectors), torch.from_numpy(group)).detach()
    assert float(got) == pytest.approx(np.mean(expected), rel=1e-3, abs=1e-3)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 7), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_a_memory_holds_photos_against_the_last_ones(seed, size, sizes):
    rng = np.random.default_rng(seed)
    margin, scale = 0.2, 8.0
    loss, remembered = PhotoMemory(size, 5, margin, scale), []
    for n in sizes:
        vectors, group = unit(rng, n, 5), rng.integers(0, 3, n)
        known = [*zip(vectors, group, strict=True), *remembered]
        expected = []
        for i in range(n):
            cosines = [float(vectors[i].astype(float) @ other.astype(float)) for other, _ in known]
            others = [scale * c for c, (_, g) in zip(cosines, known, strict=True) if g != group[i]]
            pairs = []
            for j, (_, g) in enumerate(known):
                if j == i or g != group[i]:
                    continue
                own = scale * float(with_margin(torch.tensor(cosines[j], dtype=torch.float64), margin).detach())
                pairs.append(np.logaddexp.reduce([own, *others]) - own)
            if pairs:
                expected.append(np.mean(pairs))
        got = loss(torch.from_numpy(vectors), torch.from_numpy(group))
        assert float(got) == pytest.approx(np.mean(expected) if expected else 0, rel=1e-3, abs=1e-3)
        # the last ones, whatever their order
        remembered = [*remembered, *list(zip(vectors, group, strict=True))[-size:]][-size:]


def test_what_is_judged_is_not_remembered():
    loss = PhotoMemory(4, 3, 0.1, 8).eval()
    loss(torch.eye(3), torch.arange(3))
    assert int(loss.filled) == 0


def test_words_are_asked_of_their_leaf_alone():
    loss = WordVectors(2, 3, 4.0)
    with torch.no_grad():
        loss.weights.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
        loss.bias.copy_(torch.tensor([0.0, 0.5, 0]))
    vectors = torch.tensor([[1.0, 0], [0, 1]])
    has = torch.tensor([[True, False, True], [False, True, True]])
    asked = torch.tensor([[True, True, False], [False, False, False]])
    expected = (math.log(1 + math.exp(-4)) + math.log(1 + math.exp(0.5))) / 2
    assert float(loss(vectors, has, asked).detach()) == pytest.approx(expected, rel=1e-5)
    assert float(loss(vectors, has, torch.zeros(2, 3, dtype=torch.bool)).detach()) == 0


def objective(attributes: float = 0, words: int = 0) -> MatchingObjective:
    settings = MatchingConfig(**{**config().matching.model_dump(), "classification": 0.5, "attributes": attributes})
    has = csr_matrix(np.ones((3, words), bool))
    title_attributes = TitleAttributes(has, np.full(words, 7), ["word"] * words)
    positions, group = np.array([4, 9, 20]), np.array([0, ALONE, 1])
    groups = GroupVectors(np.eye(2, dtype=np.float32), 0.1, 10)
    return MatchingObjective(settings, positions, group, np.array([7, 7, 8]), title_attributes, groups, 2)


def test_photos_without_another_one_learn_their_leaf_alone():
    features = torch.tensor([[3.0, 4.0]])
    assert float(objective()(features, torch.tensor(2.0), np.array([9])).detach()) == 1
    # the word of its leaf is asked of it, that of another leaf is not
    of_leaf = float(objective(1, 1)(features, torch.tensor(2.0), np.array([9])).detach())
    assert of_leaf == pytest.approx(1 + math.log(2))
    vectors, group = torch.tensor([[0.6, 0.8]]), torch.tensor([1])
    of_group = float(objective().groups(vectors, group).detach())
    assert float(objective(1, 1)(features, torch.tensor(2.0), np.array([20])).detach()) == pytest.approx(1 + of_group)


def test_a_batch_without_groups_leaves_no_weight_without_a_gradient():
    matching = objective(1, 2)
    matching(torch.tensor([[3.0, 4.0]]), torch.tensor(2.0), np.array([9])).backward()
    assert all(weights.grad is not None for weights in matching.parameters())


def test_what_is_asked_of_no_photo_has_no_weights():
    assert objective(0, 2).words is None
    assert objective(1, 0).words is None


def test_losses_are_added_up_in_full_precision():
    features, products = torch.tensor([[3.0, 4.001]]), np.array([20])
    expected = objective()(features, torch.tensor(2.0), products)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert objective()(features, torch.tensor(2.0), products) == expected


def test_runs_of_before_say_that_they_learnt_the_category():
    assert MosaicDetails(0, "", None, "x", 3).objective == "category"
