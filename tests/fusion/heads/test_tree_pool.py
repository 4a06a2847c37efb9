"""The head against a slow, obvious version, its gradient against finite differences, and its promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from catalog.probabilities import Silence
from fusion.heads.evidence import FLOOR
from fusion.heads.log_linear import LogLinearFit, LogLinearWeights, penalised_loss
from fusion.heads.tree_pool import TreePool
from tests.catalog.tree.test_taxonomy import trees
from tests.fusion.small import RAGGED, TREE, L, expert, random_case


def slow_pool(tree, weights, experts, counts, by_cat1=False):
    """The formula read aloud: loops over products, nodes and experts."""
    out = np.zeros((len(counts), len(tree)))
    # a leaf further up is its own only child down to the last level
    paths = [(*path, *[str(leaf)] * (tree.depth - len(path))) for leaf, path in enumerate(tree.paths)]
    cat1 = sorted({path[0] for path in tree.paths})
    for i, count in enumerate(counts):
        rows = {e.expert: e.dense(np.array([i]), len(tree))[0] for e in experts if e.speaks[i]}
        for leaf, path in enumerate(paths):
            p = 1.0
            for level in tree.levels:
                prefix = path[: level - 1]
                siblings = sorted({q[:level] for q in paths if q[: level - 1] == prefix})
                below = {s: [j for j, q in enumerate(paths) if q[:level] == s] for s in siblings}
                w = weights[level - 1]
                own = w.by_cat1[cat1.index(path[0]) if by_cat1 and level > 1 else 0]
                speaking, opinions = [], {}
                for b, e in enumerate(experts):
                    if e.expert not in rows:
                        continue
                    named = [s for s in siblings if set(below[s]) & set(e.support.tolist())]
                    total = sum(rows[e.expert][below[s]].sum() for s in siblings)
                    if len(named) < 2 or total <= 1e-6:
                        continue
                    logs = {s: np.log(max(rows[e.expert][below[s]].sum() / total, FLOOR)) for s in named}
                    speaking.append(b)
                    opinions[b] = {s: logs[s] - np.mean(list(logs.values())) for s in named}
                members = sum(1 << b for b in speaking)
                known = [s for s in siblings if any(s in opinions[b] for b in speaking)]
                if not known:
                    p *= len(below[path[:level]]) / sum(len(below[s]) for s in siblings)
                    continue
                weight = {b: max(0, w.base[b] + w.by_count[count, b] + w.by_set[members, b] + own[b]) for b in speaking}
                score = {s: sum(weight[b] * opinions[b].get(s, 0.0) for b in speaking) for s in known}
                z = sum(np.exp(v) for v in score.values())
                q = {s: np.exp(score[s]) / z if s in known else FLOOR for s in siblings}
                p *= q[path[:level]] / sum(q.values())
            out[i, leaf] = p
    return out


def plain_weights(base):
    """The same weights for every count and set."""
    b = len(base)
    return LogLinearWeights(base, np.zeros((5, b)), np.zeros((2**b, b)), np.zeros((1, b)))


def random_weights(rng, tree, by_cat1):
    return [
        LogLinearWeights(
            rng.random(2) * 2, rng.normal(size=(5, 2)) * 0.3, rng.normal(size=(4, 2)) * 0.3,
            rng.normal(size=(tree.n_nodes(1), 2)) * 0.3 if by_cat1 and level > 1 else np.zeros((1, 2)),
        )
        for level in tree.levels
    ]  # fmt: skip


@settings(max_examples=30)
@given(st.just(TREE) | st.just(RAGGED) | trees, st.integers(0, 10**6), st.booleans())
def test_pool_equals_the_slow_version(tree, seed, by_cat1):
    rng = np.random.default_rng(seed)
    _, counts, photo, text = random_case(rng, n=4, tree=tree)
    pool = TreePool(tree, ["photo", "text"], by_cat1=by_cat1)
    pool.levels = random_weights(rng, tree, by_cat1)
    fast = pool.predict_proba([photo, text], counts)
    slow = slow_pool(tree, pool.levels, [photo, text], counts, by_cat1)
    np.testing.assert_allclose(fast, slow, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(fast.sum(axis=1), 1, atol=1e-5)


def test_text_that_is_uniform_within_books_leaves_p_book_unchanged():
    rng = np.random.default_rng(1)
    books = np.flatnonzero([p[0] == "BOOKS" for p in TREE.paths])
    photo = rng.dirichlet(np.ones(L), size=20)
    pool = TreePool(TREE, ["photo", "text"])
    one = plain_weights(np.ones(2))
    pool.levels = [one, one, one]
    uniform = expert("text", np.ones((20, L)), books)
    fused = pool.predict_proba([expert("photo", photo), uniform], np.ones(20, int))
    np.testing.assert_allclose(fused[:, books].sum(1), photo[:, books].sum(1), rtol=1e-4)
    decided = np.full((20, L), 1e-4)
    decided[:, books[0]] = 1
    sure = pool.predict_proba([expert("photo", photo), expert("text", decided, books)], np.ones(20, int))
    np.testing.assert_allclose(sure[:, books].sum(1), photo[:, books].sum(1), rtol=1e-4)
    assert (sure[:, books[0]] > fused[:, books[0]]).all()


def test_one_expert_with_weight_one_is_left_as_it_is():
    rng = np.random.default_rng(2)
    photo = rng.dirichlet(np.ones(L), size=10)
    pool = TreePool(TREE, ["photo"])
    one = plain_weights(np.ones(1))
    pool.levels = [one, one, one]
    np.testing.assert_allclose(pool.predict_proba([expert("photo", photo)], np.ones(10, int)), photo, rtol=1e-4)


def test_gradient_equals_finite_differences():
    rng = np.random.default_rng(3)
    fit = LogLinearFit(2, 4, n_cat1=3)
    for cat1 in range(3):
        features = rng.normal(size=(30, 5, 4))
        features[:10, 4] = np.nan
        fit.add(cat1, features, rng.integers(0, 4, 30), rng.integers(1, 5, 30), rng.integers(1, 4, 30), cat1)
    blocks, cells = fit.problem()
    start = np.full(4, 0.5)
    # about zero: some weights are negative and cost something
    theta = rng.normal(size=len(cells.start(start))) * 0.3
    _, gradient = penalised_loss(theta, blocks, cells, start, 3.0, 100.0)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-6
        high = penalised_loss(theta + step, blocks, cells, start, 3.0, 100.0)[0]
        low = penalised_loss(theta - step, blocks, cells, start, 3.0, 100.0)[0]
        assert gradient[i] == pytest.approx((high - low) / 2e-6, rel=1e-4, abs=1e-4)


def test_the_fit_finds_the_constrained_optimum():
    """Against a solver that takes w >= 0 as it stands; one expert is worse than nothing."""
    rng = np.random.default_rng(12)
    features = rng.normal(size=(400, 5, 2))
    target = rng.integers(0, 5, 400)
    features[np.arange(400), target, 0] += 1.5
    features[np.arange(400), target, 1] -= 1.0
    counts = rng.integers(1, 5, 400)
    fit = LogLinearFit(2)
    fit.add("leaf", features, target, counts, np.full(400, 3))
    blocks, cells = fit.problem()
    start = np.full(2, 0.5)
    theta = cells.start(start)
    # the weights are linear in the parameters: one column of the constraint for each
    linear = np.stack([cells.weights(row).ravel() for row in np.eye(len(theta))], axis=1)
    exact = minimize(
        penalised_loss, theta, args=(blocks, cells, start, 5.0, 0.0), jac=True, method="SLSQP",
        constraints=[LinearConstraint(linear, 0, np.inf)], options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    wanted = np.maximum(cells.weights(exact.x), 0)
    assert wanted[:, 1].max() == pytest.approx(0, abs=1e-6)
    found = fit.solve(5.0).at(cells.groups[0], cells.groups[1])
    np.testing.assert_allclose(found, wanted, atol=1e-2)


def test_fit_is_deterministic_beats_its_start_and_keeps_weights_non_negative():
    rng = np.random.default_rng(4)
    truth, counts, photo, text = random_case(rng, n=600, sharp=1.0)
    first = TreePool(TREE, ["photo", "text"]).fit([photo, text], truth, counts)
    second = TreePool(TREE, ["photo", "text"]).fit([photo, text], truth, counts)
    start = TreePool(TREE, ["photo", "text"])
    half = plain_weights(np.full(2, 0.5))
    start.levels = [half, half, half]

    def nll(pool):
        p = pool.predict_proba([photo, text], counts)
        return -np.log(p[np.arange(len(truth)), truth]).mean()

    assert nll(first) < nll(start)
    for a, b in zip(first.levels, second.levels, strict=True):
        np.testing.assert_array_equal(a.base, b.base)
        assert (a.table() >= 0).all()


def test_an_expert_of_pure_noise_is_ignored():
    rng = np.random.default_rng(5)
    truth, counts, photo, _ = random_case(rng, n=1500, sharp=1.0)
    noise = expert("noise", rng.dirichlet(np.ones(L) * 0.3, size=len(truth)))
    both = TreePool(TREE, ["photo", "noise"]).fit([photo, noise], truth, counts)
    alone = TreePool(TREE, ["photo"]).fit([photo], truth, counts)
    for level in both.levels:
        assert level.table()[1:, 3, 1].max() < 0.1
    a = both.predict_proba([photo, noise], counts)[np.arange(len(truth)), truth]
    b = alone.predict_proba([photo], counts)[np.arange(len(truth)), truth]
    assert -np.log(a).mean() < -np.log(b).mean() + 0.01


def test_sets_and_counts_never_seen_fall_back_to_the_base_weights():
    rng = np.random.default_rng(6)
    truth, counts, photo, _ = random_case(rng, n=300)
    other = expert("text", rng.dirichlet(np.ones(L), size=300))
    pool = TreePool(TREE, ["photo", "text"]).fit([photo, other], truth, np.full(300, 2))
    for level in pool.levels:
        table = level.table()
        # only the set {photo, text} with two photos was seen
        np.testing.assert_allclose(table[4, 1, 0], max(level.base[0], 0))
        assert not level.by_count[[0, 1, 3, 4]].any()
        assert not level.by_set[[1, 2]].any()
    silent = replace(other, silence=np.full(300, Silence.NOT_ROUTED, np.uint8))
    fused = pool.predict_proba([photo, silent], counts)
    # what is left is the photo, sharpened or flattened by the base weights: the same order of leaves at every node
    alone = TreePool(TREE, ["photo", "text"])
    alone.levels = [replace(level, by_count=np.zeros((5, 2)), by_set=np.zeros((4, 2))) for level in pool.levels]
    unseen = counts != 2
    np.testing.assert_allclose(fused[unseen], alone.predict_proba([photo, silent], counts)[unseen], rtol=1e-5)
    photo_right = (photo.dense(np.arange(300), L).argmax(axis=1) == truth).mean()
    assert (fused.argmax(axis=1) == truth).mean() > photo_right - 0.05


def test_where_nobody_speaks_the_prior_does():
    rng = np.random.default_rng(7)
    truth, counts, photo, text = random_case(rng, n=100)
    prior = rng.dirichlet(np.ones(L))
    pool = TreePool(TREE, ["photo", "text"]).fit([photo, text], truth, counts, prior)
    mute = np.full(100, Silence.UNREADABLE, np.uint8)
    fused = pool.predict_proba([replace(photo, silence=mute), replace(text, silence=mute)], counts)
    np.testing.assert_allclose(fused, np.tile(prior, (100, 1)), rtol=1e-3, atol=1e-6)


def test_a_leaf_that_no_expert_can_name_is_scored_not_dropped():
    rng = np.random.default_rng(8)
    truth, counts, _, _ = random_case(rng, n=200)
    short = expert("photo", rng.dirichlet(np.ones(L), size=200), np.array([0, 1, 2, 3, 5, 6, 7]))
    pool = TreePool(TREE, ["photo"]).fit([short], truth, counts)
    fused = pool.predict_proba([short], counts)
    assert (fused[:, 4] > 0).all()
    np.testing.assert_allclose(fused.sum(axis=1), 1, atol=1e-5)


def test_another_tree_or_other_experts_are_refused():
    rng = np.random.default_rng(9)
    truth, counts, photo, text = random_case(rng, n=50)
    pool = TreePool(TREE, ["photo", "text"]).fit([photo, text], truth, counts)
    with pytest.raises(ValueError, match="pools photo, text; got text, photo"):
        pool.predict_proba([text, photo], counts)
    with pytest.raises(ValueError, match="another category tree"):
        pool.predict_proba([replace(photo, taxonomy="x"), text], counts)
    with pytest.raises(ValueError, match="call fit first"):
        TreePool(TREE, ["photo", "text"]).predict_proba([photo, text], counts)
