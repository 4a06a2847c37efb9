"""A head on frozen features: the regression it says it is, chosen among groups that stay together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from mosaic.training import linear_head
from mosaic.training.linear_head import LinearHead, ShownMosaics, Strength, fit_head, probabilities


def shown_of(labels: np.ndarray, *, width: int = 6, apart: float = 1.0, n_ways: int = 1, groups=None) -> ShownMosaics:
    """A product of one pass for each label; the features of a leaf lie `apart` from those of others."""
    rng = np.random.default_rng(0)
    centres = apart * rng.normal(size=(int(labels.max()) + 1, width))
    vectors = centres[labels][:, None] + rng.normal(size=(len(labels), n_ways, width))
    groups = np.arange(len(labels)) if groups is None else groups
    return ShownMosaics(vectors.astype(np.float32), np.arange(len(labels)), labels, groups)


def slow_regression(shown: ShownMosaics, c: float, n_leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression on centred and scaled features, from its definition."""
    x = shown.vectors.reshape(-1, shown.vectors.shape[2]).astype(float)
    ways = shown.vectors.shape[1]
    y = np.repeat(shown.labels[shown.owner], ways)
    share = 1 / (np.bincount(shown.owner)[shown.owner].repeat(ways) * ways)
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.maximum(std, std.mean())
    z = (x - mean) / std

    def loss(flat: np.ndarray) -> float:
        weight, bias = flat[n_leaves:].reshape(n_leaves, -1), flat[:n_leaves]
        logits = z @ weight.T + bias
        likelihood = logits[np.arange(len(y)), y] - np.log(np.exp(logits).sum(axis=1))
        return -c * (share * likelihood).sum() + 0.5 * (weight**2).sum()

    found = minimize(loss, np.zeros(n_leaves * (1 + x.shape[1])), tol=1e-9).x
    weight = found[n_leaves:].reshape(n_leaves, -1) / std
    return weight, found[:n_leaves] - weight @ mean


@pytest.mark.parametrize("width", [4, 30])
def test_it_is_the_regression_of_its_definition_where_there_are_more_rows_or_more_features(width, monkeypatch):
    labels = np.arange(24) % 3
    shown = shown_of(labels, width=width, n_ways=1)
    # two passes of one product weigh as much as the one of another
    shown = ShownMosaics(shown.vectors, np.sort(np.append(np.arange(23), 5)), labels[:23], shown.groups[:23])
    monkeypatch.setattr(linear_head, "TOLERANCE", 1e-6)
    head = linear_head._Regression.of(shown, 3).head(0.5)
    weight, bias = slow_regression(shown, 0.5, 3)
    asked = np.random.default_rng(1).normal(size=(50, 1, width)).astype(np.float32)
    np.testing.assert_allclose(
        probabilities(head.logits(asked), np.arange(50), 50),
        probabilities(LinearHead(weight, bias).logits(asked).astype(np.float32), np.arange(50), 50),
        atol=5e-3,
    )


def test_c_is_the_one_of_the_lowest_log_loss_and_the_head_is_calibrated():
    labels = np.arange(300) % 5
    shown = shown_of(labels, width=40, apart=0.35)
    fitted = fit_head(shown, 5, seed=0)
    losses = {trial.c: trial.log_loss for trial in fitted.trials}
    assert losses[fitted.strength.c] == min(losses.values())
    # the path was left when it had become worse
    assert max(losses) < max(linear_head.CS)
    asked = shown_of(np.arange(2000) % 5, width=40, apart=0.35)
    said = probabilities(fitted.head.logits(asked.vectors), asked.owner, 2000)
    right = said.argmax(axis=1) == asked.labels
    assert right.mean() > 0.6
    assert abs(said.max(axis=1).mean() - right.mean()) < 0.05


def test_what_belongs_together_is_not_judged_by_its_twin():
    # ten products of a leaf, five times each, among noise: a twin gives every one of them away
    rng = np.random.default_rng(0)
    group = np.arange(250) // 5
    labels = rng.integers(0, 3, 50)[group]
    vectors = rng.normal(size=(50, 1, 20))[group].astype(np.float32)
    together = ShownMosaics(vectors, np.arange(250), labels, group)
    apart = ShownMosaics(vectors, np.arange(250), labels, np.arange(250))
    honest, fooled = (min(t.log_loss for t in fit_head(shown, 3, 0).trials) for shown in (together, apart))
    assert honest > 0.9 * np.log(3)
    assert fooled < 0.7


def test_leaves_with_one_product_or_none_and_a_single_leaf_do_no_harm():
    labels = np.array([0] * 10 + [1] * 10 + [2, 4])
    fitted = fit_head(shown_of(labels, apart=3), 5, seed=0)
    said = probabilities(fitted.head.logits(shown_of(labels, apart=3).vectors), np.arange(22), 22)
    assert (said.argmax(axis=1) == labels).mean() > 0.9
    assert (said[:, 3] < 0.2).all()
    alone = fit_head(shown_of(np.zeros(6, int)), 1, seed=0)
    np.testing.assert_array_equal(alone.head.logits(np.ones((1, 1, 6), np.float32)).shape, (1, 1, 1))
    # each leaf once: nothing can be judged
    once = fit_head(shown_of(np.arange(6)), 6, seed=0)
    assert once.strength == Strength(linear_head.USUAL_C, 1.0)
    assert not once.trials


def test_a_given_strength_is_taken_and_nothing_is_searched_for():
    shown = shown_of(np.arange(60) % 3, apart=0.5)
    chosen = fit_head(shown, 3, seed=0)
    given = fit_head(shown, 3, seed=1, strength=chosen.strength)
    assert not given.trials
    np.testing.assert_array_equal(given.head.weight, chosen.head.weight)
    np.testing.assert_array_equal(given.head.bias, chosen.head.bias)
    colder = fit_head(shown, 3, seed=0, strength=Strength(chosen.strength.c, 2 * chosen.strength.temperature))
    np.testing.assert_allclose(colder.head.weight, chosen.head.weight / 2, rtol=1e-6)


def test_between_strengths_lie_their_geometric_means():
    between = Strength.between([Strength(0.01, 0.5), Strength(1.0, 2.0)])
    np.testing.assert_allclose((between.c, between.temperature), (0.1, 1.0))
    np.testing.assert_allclose(Strength.between([Strength(0.3, 0.7)]).c, 0.3)


def test_sixty_products_of_forty_leaves_are_learnt_without_a_warning():
    labels = np.sort(np.append(np.arange(40), np.arange(20)))
    shown = shown_of(labels, width=30, apart=3)
    fitted = fit_head(shown, 40, seed=0)
    said = probabilities(fitted.head.logits(shown.vectors), shown.owner, 60)
    assert (said.argmax(axis=1) == labels).mean() > 0.9
    assert np.isfinite(said).all()


def test_two_leaves_are_told_apart():
    labels = np.arange(40) % 2
    shown = shown_of(labels, apart=2)
    said = probabilities(fit_head(shown, 2, 0).head.logits(shown.vectors), shown.owner, 40)
    assert (said.argmax(axis=1) == labels).mean() > 0.9
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)


def test_probabilities_are_means_over_ways_and_passes():
    logits = np.log(
        np.array([[[0.9, 0.1], [0.7, 0.3]], [[0.2, 0.8], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]], np.float32)
    )
    owner = np.array([0, 0, 2])
    said = probabilities(logits, owner, 3)
    np.testing.assert_allclose(said, [[0.5, 0.5], [0, 0], [0.5, 0.5]], atol=1e-6)
    geometric = probabilities(logits, owner, 3, "geometric")
    expected = np.sqrt([0.8 * 0.2, 0.2 * 0.8])
    np.testing.assert_allclose(geometric[0], expected / expected.sum(), atol=1e-6)


def test_few_are_judged_of_many_and_fits_repeat(monkeypatch):
    monkeypatch.setattr(linear_head, "MAX_JUDGED", 50)
    shown = shown_of(np.arange(200) % 4, groups=np.arange(200) // 10)
    kept = linear_head._drawn(shown.groups, 50, np.random.default_rng(0))
    assert kept.sum() == 50
    # whole groups
    assert len(np.unique(shown.groups[kept])) == 5
    first, second = (fit_head(shown, 4, 0).head for _ in range(2))
    np.testing.assert_array_equal(first.weight, second.weight)
