"""Every head against a slow, obvious version; what it promises; what it writes."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.probabilities import Silence
from catalog.runs.config import load_config
from fusion.config import FusionConfig
from fusion.heads.comparison import choose
from fusion.heads.evidence import FLOOR
from fusion.heads.leaf_pool import LeafPool
from fusion.heads.log_linear import LogLinearWeights
from fusion.heads.means import BestSingle, Mean
from fusion.heads.registry import HEADS, make_head
from fusion.heads.stacker import Stacker
from fusion.heads.tree_pool import TreePool
from tests.fusion.small import FLAT, RAGGED, TREE, L, expert, random_case

CONFIG = load_config(FusionConfig, "fusion")
NAMES = ["photo", "text"]


def fitted(name, truth, counts, experts, tree=TREE):
    names = [e.expert for e in experts]
    return make_head(name, tree, names, CONFIG).fit(experts, truth, counts, np.full(len(tree), 1 / len(tree)))


def nll(dense, truth):
    return float(-np.log(dense[np.arange(len(truth)), truth]).mean())


def test_the_configuration_knows_every_head():
    assert set(get_args(FusionConfig.model_fields["head"].annotation)) == {"auto", *HEADS}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_gives_distributions_is_deterministic_and_comes_back_from_disk(name, tmp_path):
    rng = np.random.default_rng(0)
    truth, counts, photo, text = random_case(rng, n=150)
    first, second = (fitted(name, truth, counts, [photo, text]) for _ in range(2))
    dense = first.predict_proba([photo, text], counts)
    assert dense.shape == (150, L)
    assert dense.dtype == np.float32
    assert (dense >= 0).all()
    np.testing.assert_allclose(dense.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(dense, second.predict_proba([photo, text], counts))
    first.save(tmp_path / "head")
    loaded = make_head(name, TREE, NAMES, CONFIG).load(tmp_path / "head")
    np.testing.assert_array_equal(dense, loaded.predict_proba([photo, text], counts))


@pytest.mark.parametrize("tree", [FLAT, RAGGED], ids=["one level", "four levels"])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_learns_on_a_tree_of_any_depth_and_comes_back_from_disk(name, tree, tmp_path):
    truth, counts, photo, text = random_case(np.random.default_rng(5), n=200, sharp=1.0, tree=tree)
    head = fitted(name, truth, counts, [photo, text], tree)
    dense = head.predict_proba([photo, text], counts)
    np.testing.assert_allclose(dense.sum(axis=1), 1, atol=1e-5)
    assert (dense.argmax(axis=1) == truth).mean() > 2 / len(tree)
    head.save(tmp_path / "head")
    loaded = make_head(name, tree, NAMES, CONFIG).load(tmp_path / "head")
    np.testing.assert_array_equal(dense, loaded.predict_proba([photo, text], counts))
    if isinstance(head, Stacker):
        assert head._candidates([photo, text], np.arange(3), counts)[1].shape[2] == head.n_features


@pytest.mark.parametrize("name", HEADS)
def test_a_file_of_other_experts_or_garbage_is_refused(name, tmp_path):
    rng = np.random.default_rng(1)
    truth, counts, photo, text = random_case(rng, n=60)
    fitted(name, truth, counts, [photo, text]).save(tmp_path / "head")
    if name not in ("arithmetic", "geometric"):
        with pytest.raises(ValueError, match="does not fit its run's tree and experts"):
            make_head(name, TREE, [*NAMES, "third"], CONFIG).load(tmp_path / "head")
    (tmp_path / "bad").write_bytes(b"not a head")
    for missing in ("bad", "absent"):
        with pytest.raises(ValueError, match="run `fusion train` again"):
            make_head(name, TREE, NAMES, CONFIG).load(tmp_path / missing)


@pytest.mark.parametrize("name", HEADS)
def test_one_expert_alone_speaks_and_where_none_does_the_prior(name):
    rng = np.random.default_rng(2)
    truth, counts, photo, text = random_case(rng, n=200, sharp=1.0)
    head = fitted(name, truth, counts, [photo, text])
    mute = np.full(len(truth), Silence.UNREADABLE, np.uint8)
    alone = head.predict_proba([photo, replace(text, silence=mute)], counts)
    assert (alone.argmax(axis=1) == truth).mean() > 0.4
    nobody = head.predict_proba([replace(photo, silence=mute), replace(text, silence=mute)], counts)
    np.testing.assert_allclose(nobody.sum(axis=1), 1, atol=1e-5)
    if name != "stacker":
        np.testing.assert_allclose(nobody, 1 / L, atol=0.13)


@pytest.mark.parametrize("name", HEADS)
def test_an_expert_that_never_speaks_while_fitting_stops_no_head(name):
    rng = np.random.default_rng(4)
    truth, counts, photo, text = random_case(rng, n=150, sharp=1.0)
    mute = replace(text, silence=np.full(len(truth), Silence.UNREADABLE, np.uint8))
    head = fitted(name, truth, counts, [photo, mute])
    for second in (mute, text):
        dense = head.predict_proba([photo, second], counts)
        np.testing.assert_allclose(dense.sum(axis=1), 1, atol=1e-5)
        assert (dense.argmax(axis=1) == truth).mean() > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flat", "tree", "tree-global", "tree-cat1", "stacker"])
def test_an_expert_that_was_wrong_in_fitting_does_no_harm(name):
    """Sure of itself, and wrong: always another leaf than the true one."""
    rng = np.random.default_rng(3)
    truth, counts, photo, _ = random_case(rng, n=1500, sharp=1.0)
    wrong = np.full((1500, L), 0.01)
    wrong[np.arange(1500), (truth + rng.integers(1, L, 1500)) % L] = 1
    liar = expert("liar", wrong)
    half = np.arange(1500) < 750
    fit_rows, test_rows = np.flatnonzero(half), np.flatnonzero(~half)

    def on_the_rest(experts):
        head = fitted(name, truth[fit_rows], counts[fit_rows], [e.select(fit_rows) for e in experts])
        return head.predict_proba([e.select(test_rows) for e in experts], counts[test_rows])

    alone, both = on_the_rest([photo]), on_the_rest([photo, liar])
    # trees learn from a liar where the truth is not; a pool ignores it
    assert nll(both, truth[test_rows]) < nll(alone, truth[test_rows]) + 0.02
    right = [(p.argmax(axis=1) == truth[test_rows]).mean() for p in (alone, both)]
    assert right[1] > right[0] - 0.02


def test_the_best_single_is_the_one_that_is_right_most_often_over_all_products():
    rng = np.random.default_rng(4)
    truth, counts, photo, _ = random_case(rng, n=200)
    sure = np.full((200, L), 0.01)
    sure[np.arange(200), truth] = 1
    # right wherever it speaks, but it speaks on one product in ten only
    rare = expert("text", sure, silent=np.arange(200) % 10 > 0)
    head = BestSingle(TREE, NAMES).fit([photo, rare], truth, counts)
    np.testing.assert_allclose(head.predict_proba([photo, rare], counts), photo.dense(np.arange(200), L), rtol=1e-6)
    always = expert("text", sure, silent=np.arange(200) % 10 == 0)
    dense = BestSingle(TREE, NAMES).fit([photo, always], truth, counts).predict_proba([photo, always], counts)
    spoken = np.arange(200) % 10 > 0
    assert (dense.argmax(axis=1) == truth)[spoken].all()
    np.testing.assert_allclose(dense[~spoken], photo.dense(np.flatnonzero(~spoken), L), rtol=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.booleans())
def test_means_equal_the_slow_version(seed, geometric):
    rng = np.random.default_rng(seed)
    truth, counts, photo, text = random_case(rng, n=6)
    head = Mean(TREE, NAMES, geometric=geometric).fit([photo, text], truth, counts)
    fast = head.predict_proba([photo, text], counts)
    for i in range(6):
        rows = [e.dense(np.array([i]), L)[0].astype(float) for e in (photo, text) if e.speaks[i]]
        if geometric:
            slow = np.prod([np.maximum(row, FLOOR) for row in rows], axis=0) ** (1 / len(rows))
        else:
            slow = np.mean(rows, axis=0)
        np.testing.assert_allclose(fast[i], slow / slow.sum(), rtol=1e-4, atol=1e-7)


def slow_leaf_pool(weights, experts, counts, by_level):
    """One softmax over the leaves, read aloud."""
    out = np.zeros((len(counts), L))
    for i, count in enumerate(counts):
        rows = {b: e.dense(np.array([i]), L)[0].astype(float) for b, e in enumerate(experts) if e.speaks[i]}
        members = sum(1 << b for b in rows)
        score = np.zeros(L)
        for leaf, path in enumerate(TREE.paths):
            for b, row in rows.items():
                if not by_level:
                    w = weights.base[b] + weights.by_count[count, b] + weights.by_set[members, b]
                    score[leaf] += max(0, w) * np.log(max(row[leaf], FLOOR))
                    continue
                for level in TREE.levels:
                    f = (level - 1) * len(experts) + b
                    w = weights.base[f] + weights.by_count[count, f] + weights.by_set[members, f]
                    siblings = {q[:level] for q in TREE.paths if q[: level - 1] == path[: level - 1]}
                    below = {s: [j for j, q in enumerate(TREE.paths) if q[:level] == s] for s in siblings}
                    named = [s for s in siblings if set(below[s]) & set(experts[b].support.tolist())]
                    total = sum(row[below[s]].sum() for s in siblings)
                    if len(named) >= 2 and total > 1e-6:
                        score[leaf] += max(0, w) * np.log(max(row[below[path[:level]]].sum() / total, FLOOR))
        out[i] = np.exp(score) / np.exp(score).sum()
    return out


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.booleans())
def test_leaf_pools_equal_the_slow_version(seed, by_level):
    rng = np.random.default_rng(seed)
    _, counts, photo, text = random_case(rng, n=6)
    pool = LeafPool(TREE, NAMES, by_level=by_level)
    f = pool.n_features
    pool.weights = LogLinearWeights(
        rng.random(f) * 2, rng.normal(size=(5, f)) * 0.3, rng.normal(size=(4, f)) * 0.3, np.zeros((1, f))
    )
    fast = pool.predict_proba([photo, text], counts)
    slow = slow_leaf_pool(pool.weights, [photo, text], counts, by_level)
    np.testing.assert_allclose(fast, slow, rtol=2e-3, atol=1e-6)


def test_the_globally_normalised_form_fails_where_the_local_one_does_not():
    """DESIGN's example in small: text that knows nothing about five kinds of books takes probability from books."""
    books = np.flatnonzero([p[0] == "BOOKS" for p in TREE.paths])
    photo = np.zeros((1, L))
    photo[0, books] = 0.6 / len(books)
    photo[0, -1] = 0.4
    experts = [expert("photo", photo), expert("text", np.ones((1, L)), books)]
    local, one = TreePool(TREE, NAMES), np.array([1])
    plain = LogLinearWeights(np.ones(2), np.zeros((5, 2)), np.zeros((4, 2)), np.zeros((1, 2)))
    local.levels = [plain] * 3
    twin = LeafPool(TREE, NAMES, by_level=True)
    twin.weights = LogLinearWeights(np.ones(6), np.zeros((5, 6)), np.zeros((4, 6)), np.zeros((1, 6)))
    assert local.predict_proba(experts, one)[0, books].sum() == pytest.approx(0.6, abs=0.01)
    assert twin.predict_proba(experts, one)[0, books].sum() < 0.3


def test_weights_by_cat1_help_where_they_differ():
    """An expert that is right on books and worthless on food, within one image count and one set."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, L, 3000)
    counts = np.ones(3000, int)
    logits = rng.normal(size=(3000, L))
    on_books = truth < 5
    logits[np.arange(3000), truth] += np.where(on_books, 4, 0)
    # the Cat I is known: only what lies below it is in doubt
    cat1 = TREE.ancestor(1)
    logits[cat1[None] != cat1[truth][:, None]] -= 20
    photo = expert("photo", np.exp(logits))
    fit_rows, rest = np.arange(1500), np.arange(1500, 3000)
    found = {}
    for name in ("tree", "tree-cat1"):
        head = fitted(name, truth[fit_rows], counts[fit_rows], [photo.select(fit_rows)])
        found[name] = nll(head.predict_proba([photo.select(rest)], counts[rest]), truth[rest])
    assert found["tree-cat1"] < found["tree"] - 0.01


def test_the_stacker_shares_out_what_the_pool_gives_its_candidates(monkeypatch):
    rng = np.random.default_rng(6)
    monkeypatch.setattr("fusion.heads.stacker.N_CANDIDATES", 3)
    truth, counts, photo, text = random_case(rng, n=300)
    head = Stacker(TREE, NAMES).fit([photo, text], truth, counts)
    dense = head.predict_proba([photo, text], counts)
    pooled = head.pool.predict_proba([photo, text], counts)
    candidates = np.argsort(-pooled, axis=1, kind="stable")[:, :3]
    others = np.ones((300, L), bool)
    np.put_along_axis(others, candidates, False, axis=1)
    np.testing.assert_allclose(dense[others], pooled[others], rtol=1e-5)
    assert not np.allclose(dense[~others], pooled[~others], rtol=0.05)


def test_the_stackers_temperature_damps_trees_that_learnt_noise_by_heart():
    """Two experts of pure noise and few products: the pool says nearly the prior, and so must the stacker."""
    rng = np.random.default_rng(7)
    truth, counts = rng.integers(0, L, 400), rng.integers(1, 5, 400)
    noise = [expert(name, rng.dirichlet(np.ones(L), size=400)) for name in NAMES]
    fit_rows, rest = np.arange(200), np.arange(200, 400)
    head = Stacker(TREE, NAMES).fit([e.select(fit_rows) for e in noise], truth[fit_rows], counts[fit_rows])
    assert head.temperature < 0.5
    tested = nll(head.predict_proba([e.select(rest) for e in noise], counts[rest]), truth[rest])
    assert tested < np.log(L) + 0.1


def test_the_most_accurate_wins_and_ties_go_to_lower_loss():
    from tests.fusion.test_decide import scores

    def own(correct, p):
        found = scores(np.full(1000, 0.5), correct)
        return replace(found, p_truth=np.full((1000, 3), p, np.float32))

    right = np.arange(1000) < 700
    far = np.arange(1000) < 500
    chosen, why = choose({"geometric": own(far, 0.9), "flat": own(right, 0.3), "tree": own(right, 0.4)})
    assert chosen == "tree"
    assert "geometric" not in why
    same = {"flat": own(right, 0.4), "tree": own(right, 0.4001)}
    assert choose(same)[0] == "flat"
    assert choose({"flat": own(far, 0.9), "stacker": own(right, 0.1)}) == ("stacker", "the highest leaf accuracy")
