"""Text beside the visual score: what is learnt, what silence costs, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from search.ranking.products import RankedProducts
from search.ranking.search_text import NOTHING_WRITTEN, SearchText
from search.ranking.text_channel import TextChannel, TextPairs, TextWeights, fit_channel
from search.ranking.text_evidence import TextEvidence
from search.ranking.text_store import TextStore
from tests.support.letter_encoder import LetterEncoder


def made_up_pairs(n, silent, seed=0, useless=False) -> TextPairs:
    """A fifth are matches; photos and texts of matches are alike by a little and by much; `silent`: share without."""
    rng = np.random.default_rng(seed)
    is_match = rng.random(n) < 0.2
    visual = rng.normal(0.6 + 0.1 * is_match, 0.1)
    features = rng.normal(0.5 + 0.2 * (is_match & (not useless))[:, None], 0.15, (n, 3))
    speaks = rng.random(n) >= silent
    return TextPairs(visual, TextEvidence(features * speaks[:, None], speaks), is_match, "cosine")


def ranked(product_ids, scores) -> RankedProducts:
    n = len(product_ids)
    scores = np.array(scores, np.float32)
    zeros = np.zeros(n, np.int64)
    return RankedProducts(np.array(product_ids), scores, scores, zeros, zeros.astype(np.int8), zeros)


def test_of_silent_and_of_speaking_candidates_the_probability_is_right():
    """So that both may stand in one list: of those of a probability, that share are matches, whether text speaks."""
    weights = fit_channel(made_up_pairs(20_000, silent=0.4))
    pairs = made_up_pairs(50_000, silent=0.4, seed=1)
    probability = expit(weights.log_odds(pairs.visual, pairs.evidence))
    for speaks in (True, False):
        of_kind = pairs.evidence.speaks == speaks
        for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.01)):
            some = of_kind & (probability >= low) & (probability < high)
            if some.sum() > 500:
                assert pairs.is_match[some].mean() == pytest.approx(probability[some].mean(), abs=0.04)


def test_a_silent_candidate_stands_between_text_that_agrees_and_text_that_does_not():
    weights = fit_channel(made_up_pairs(5000, silent=0.3))
    evidence = TextEvidence(np.array([[0.9] * 3, [0.0] * 3, [0.1] * 3]), np.array([True, False, True]))
    log_odds = weights.log_odds(np.full(3, 0.7), evidence)
    assert log_odds[0] > log_odds[1] > log_odds[2]


def test_text_that_says_nothing_weighs_next_to_nothing_and_never_less():
    weights = fit_channel(made_up_pairs(20_000, silent=0.0, useless=True))
    assert (weights.speaking[1:] >= 0).all()
    assert weights.speaking[2:].max() < 0.05 * weights.speaking[1]
    assert weights.speaking[:2] == pytest.approx(weights.silent, rel=0.1)


@pytest.mark.parametrize("visual", [-1.0, 0.3, 0.9])
def test_whatever_photos_say_text_that_does_not_agree_is_less_than_none(visual):
    weights = fit_channel(made_up_pairs(5000, silent=0.3))
    evidence = TextEvidence(np.array([[0.0] * 3, [0.0] * 3, [1.0] * 3]), np.array([True, False, True]))
    not_agreeing, silent, agreeing = weights.log_odds(np.full(3, visual), evidence)
    assert not_agreeing < silent < agreeing


def test_as_scikit_learn_fits_where_all_weights_are_above_zero():
    """Silent first: its own regression; then text beside it, whose offset scikit-learn has no place for."""
    pairs = made_up_pairs(3000, silent=0.0)
    visual = (pairs.visual - pairs.visual.mean()) / pairs.visual.std()
    slow = LogisticRegression(max_iter=1000).fit(visual[:, None], pairs.is_match)
    weights = fit_channel(pairs)
    assert weights.silent[1] * pairs.visual.std() == pytest.approx(slow.coef_[0, 0], rel=1e-3)
    assert weights.silent[0] + weights.silent[1] * pairs.visual.mean() == pytest.approx(slow.intercept_[0], rel=1e-3)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(100, 300), st.floats(0, 0.5))
def test_no_weight_is_below_zero(seed, n, silent):
    pairs = made_up_pairs(n, silent, seed)
    # all evidence turned round: photos and texts of matches differ more
    turned = TextEvidence(1 - pairs.evidence.features, pairs.evidence.speaks)
    is_match = np.random.default_rng(seed).random(n) < 0.5
    for made in (TextPairs(pairs.visual, turned, is_match, "cosine"), replace(pairs, is_match=is_match)):
        weights = fit_channel(made)
        assert weights.silent[1] >= 0
        assert (weights.speaking[1:] >= 0).all()


@pytest.mark.parametrize("silent", [0.999, 1.0])
def test_too_few_pairs_with_text_are_refused(silent):
    with pytest.raises(ValueError, match="learnt from 10 of each"):
        fit_channel(made_up_pairs(200, silent))
    with pytest.raises(ValueError, match="0 pairs of one product and 0 of two"):
        fit_channel(TextPairs.of(None, [], [], [], "cosine"))


@pytest.fixture
def store(tmp_path) -> TextStore:
    store = TextStore.create(tmp_path / "texts", LetterEncoder("letters"))
    written = [
        SearchText("casque sony WH-1000XM4"),
        SearchText(read="wh 1000xm4 sony"),
        SearchText("mug"),
        SearchText("!"),
    ]
    store.add(np.array([1, 2, 3, 4]), written)
    return store


def test_evidence_of_titles_and_of_words_that_were_read(store):
    evidence = TextEvidence.of(store, SearchText("WH-1000XM4"), np.array([3, 2, 99, 4, 1]))
    assert evidence.speaks.tolist() == [True, True, False, False, True]
    assert not evidence.features[[2, 3]].any()
    vectors, words, characters = evidence.features.T
    assert (words[0], characters[0]) == (0, 0)
    assert min(words[1], words[4], characters[1], characters[4]) > 0.2
    encoder = store.encoder
    own = encoder.one(SearchText("mug").words) @ encoder.one(SearchText("WH-1000XM4").words)
    assert vectors[0] == pytest.approx(own, abs=1e-3)


def test_the_same_text_overlaps_wholly(store):
    features = TextEvidence.of(store, SearchText("casque sony WH-1000XM4"), np.array([1])).features
    assert features == pytest.approx(np.ones((1, 3)), abs=1e-3)


@pytest.mark.parametrize("query", [NOTHING_WRITTEN, SearchText("?!", " ")])
def test_a_query_without_words_leaves_the_visual_score(store, query):
    channel = TextChannel(store, fit_channel(made_up_pairs(500, 0.3)))
    assert channel.scores(query, ranked([1, 2, 3], [0.9, 0.8, 0.7])) is None


def test_candidates_without_text_leave_the_visual_score(store):
    channel = TextChannel(store, fit_channel(made_up_pairs(500, 0.3)))
    assert channel.scores(SearchText("mug"), ranked([77, 4], [0.9, 0.8])) is None
    assert channel.scores(SearchText("mug"), ranked([], [])) is None


def test_pairs_are_the_candidates_of_each_query(store):
    rankings = [ranked([1, 2, 3], [0.9, 0.8, 0.7]), ranked([], []), ranked([4, 1], [0.5, 0.4])]
    queries = [SearchText("sony"), SearchText("mug"), NOTHING_WRITTEN]
    pairs = TextPairs.of(store, rankings, queries, [np.array([2, 50]), np.array([3]), np.array([4])], "cosine")
    assert pairs.is_match.tolist() == [False, True, False, True, False]
    assert pairs.evidence.speaks.tolist() == [True, True, True, False, False]
    assert pairs.visual == pytest.approx([0.9, 0.8, 0.7, 0.5, 0.4])


def test_saved_and_loaded_it_is_the_same(tmp_path):
    weights = fit_channel(made_up_pairs(500, 0.3))
    weights.save(tmp_path / "text.safetensors")
    loaded = TextWeights.load(tmp_path / "text.safetensors")
    assert (loaded.silent.tolist(), loaded.speaking.tolist()) == (weights.silent.tolist(), weights.speaking.tolist())
    assert loaded.visual_score == "cosine"


def test_files_of_something_else_are_named(tmp_path):
    path = tmp_path / "text.safetensors"
    with pytest.raises(ValueError, match=r"text\.safetensors"):
        TextWeights.load(path)
    save_file({"silent": np.zeros(2), "speaking": np.zeros(5)}, path)
    with pytest.raises(ValueError, match="expected 'rayonnage text channel 1'"):
        TextWeights.load(path)
    save_file({"silent": np.full(2, np.nan), "speaking": np.zeros(5)}, path)
    with pytest.raises(ValueError, match="no numbers"):
        TextWeights.load(path)
