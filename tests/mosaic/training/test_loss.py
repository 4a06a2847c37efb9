"""The loss against slow obvious versions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.runs.config import load_config
from catalog.tree.taxonomy import Taxonomy
from mosaic.config import MosaicConfig, TrainingConfig
from mosaic.training.loss import LeafLoss, parents_of

PLAIN = load_config(MosaicConfig, "mosaic").training.model_copy(update={"label_smoothing": 0.0})
FREQUENCY = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
PARENTS = np.array([[0, 0, 0, 1, 1], [0, 0, 1, 2, 2]])
LABELS = torch.tensor([0, 4, 2, 2, 1, 3])


def logits(seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(6, 5, generator=torch.manual_seed(seed))


def loss(**options: object) -> LeafLoss:
    return LeafLoss(PLAIN.model_copy(update=options), FREQUENCY, PARENTS)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0, 0.5))
def test_cross_entropy_with_smoothing_is_torchs(seed, smoothing):
    expected = F.cross_entropy(logits(seed), LABELS, label_smoothing=smoothing)
    torch.testing.assert_close(loss(label_smoothing=smoothing)(logits(seed), LABELS), expected)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.05, 1), st.floats(0, 0.5), st.floats(0, 2), st.floats(0, 2))
def test_every_term_equals_its_formula(seed, q, smoothing, tau, parent_weight):
    options = {"robustness": q, "label_smoothing": smoothing, "logit_adjustment": tau, "parent_loss": parent_weight}
    expected = []
    for row, label in zip(logits(seed).double().numpy(), LABELS.tolist(), strict=True):
        adjusted, plain = np.exp(row + tau * np.log(FREQUENCY)), np.exp(row)
        p, plain = adjusted / adjusted.sum(), plain / plain.sum()
        value = (1 - smoothing) * (1 - p[label] ** q) / q + smoothing * np.mean([(1 - x**q) / q for x in plain])
        for level in range(2):
            same = [leaf for leaf in range(5) if PARENTS[level, leaf] == PARENTS[level, label]]
            value -= parent_weight / 2 * np.log(p[same].sum())
        expected.append(value)
    assert float(loss(**options)(logits(seed), LABELS)) == pytest.approx(np.mean(expected), rel=2e-4)


def test_a_small_q_approaches_cross_entropy():
    assert float(loss(robustness=1e-3)(logits(), LABELS)) == pytest.approx(float(loss()(logits(), LABELS)), rel=0.01)


def test_class_weights_are_scikit_learns_balanced_ones():
    per_product = F.cross_entropy(logits(), LABELS, reduction="none")
    weights = 1 / (5 * FREQUENCY)
    expected = (per_product * torch.from_numpy(weights[LABELS])).mean()
    assert float(loss(class_weights=True)(logits(), LABELS)) == pytest.approx(float(expected), rel=1e-5)


def fitted(training: TrainingConfig, seed: int = 0) -> tuple[torch.nn.Linear, torch.Tensor, torch.Tensor]:
    """A linear model learnt on a long-tailed problem of overlapping classes; test data in equal parts."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.tensor([1200, 400, 120, 40, 12])
    centres = torch.randn(5, 8, generator=generator)

    def draw(per_class: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.repeat_interleave(torch.arange(5), per_class)
        return centres[labels] + 1.2 * torch.randn(len(labels), 8, generator=generator), labels

    x, y = draw(counts)
    model = torch.nn.Linear(8, 5)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    criterion = LeafLoss(training, (counts / counts.sum()).numpy())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    return model, *draw(torch.full((5,), 400))


def test_logit_adjustment_finds_rare_leaves():
    """Menon et al. 2021: with tau = 1 the unadjusted logits give the balanced optimum."""
    recall = {}
    for tau in (0.0, 1.0):
        model, x, y = fitted(PLAIN.model_copy(update={"logit_adjustment": tau}))
        right = model(x).argmax(1) == y
        recall[tau] = float(right.float().mean())
    assert recall[1.0] > recall[0.0] + 0.05


@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_leaves_that_are_never_shown_are_never_predicted(tau):
    """A specialist names every leaf of the general network, also those without products of its count."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 10, (600,), generator=generator)
    x = F.one_hot(y, 10).float() + 0.3 * torch.randn(600, 10, generator=generator)
    model = torch.nn.Linear(10, 15)
    share = np.bincount(y.numpy(), minlength=15) / 600
    criterion = LeafLoss(PLAIN.model_copy(update={"logit_adjustment": tau, "label_smoothing": 0.1}), share)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    assert float((model(x).argmax(1) == y).float().mean()) > 0.9


def test_robustness_withstands_wrong_labels_where_cross_entropy_bends():
    """A third of one class is mislabelled in one direction."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(600, 2, generator=generator)
    y = (x[:, 0] > 0).long()
    wrong = (y == 1) & (torch.rand(600, generator=generator) < 0.35)
    seen = torch.where(wrong, 0, y)
    error = {}
    for q in (0.0, 0.8):
        model = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(model.weight)
        torch.nn.init.zeros_(model.bias)
        criterion = LeafLoss(PLAIN.model_copy(update={"robustness": q}), np.array([0.5, 0.5]))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(400):
            optimizer.zero_grad()
            criterion(model(x), seen).backward()
            optimizer.step()
        error[q] = float((model(x).argmax(1) != y).float().mean())
    assert error[0.8] < 0.6 * error[0.0]


def test_parents_are_the_trees(tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    support = np.array([1, 3, 4, 7])
    parents = parents_of(tree, support)
    for column, leaf in enumerate(support):
        for other, leaf2 in enumerate(support):
            for level in range(2):
                same_path = tree.paths[leaf][: level + 1] == tree.paths[leaf2][: level + 1]
                assert (parents[level, column] == parents[level, other]) == same_path


def test_parent_loss_needs_the_tree():
    with pytest.raises(ValueError, match="needs the tree"):
        LeafLoss(PLAIN.model_copy(update={"parent_loss": 1.0}), FREQUENCY)
