"""The text channel learnt from an index by itself."""

from __future__ import annotations

import numpy as np
import pytest

from search.ranking import text_fitting
from search.ranking.photo_sample import PhotoSample
from search.ranking.rank import PLAIN, RankingOptions, rank
from search.ranking.search_text import SearchText
from search.ranking.text_channel import TextChannel, TextPairs
from search.ranking.text_fitting import SelfAsked, _some_words
from search.ranking.text_store import TextStore
from search.ranking.whitening import Whitening
from tests.search.ranking.small_index import small_index
from tests.support.embeddings import unit

KINDS = ("mug", "lamp", "chair", "table", "shirt")
COLOURS = ("red", "blue", "green", "white", "black")


def shop(tmp_path, n=60, seed=0):
    """Products of three photos that are hard to tell apart; titles of four words, every fifth without one."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n), 3)
    vectors = rng.normal(size=(n, 8))[owner] + 1.2 * rng.normal(size=(3 * n, 8))
    store = TextStore.create(tmp_path / "texts", None)
    titles = [f"{KINDS[one % 5]} {COLOURS[one // 5 % 5]} model{one} nova" for one in range(n)]
    told = [one for one in range(n) if one % 5]
    store.add(np.array(told), [SearchText(titles[one]) for one in told])
    return unit(vectors), owner, store, titles


def asked_of(vectors, owner, store, width=None):
    return SelfAsked.of(PhotoSample.of(vectors, owner), store, {}, width)


def pairs_of(asked):
    return TextPairs.of(asked.store, asked.rankings, asked.texts, list(asked.own[:, None]), PLAIN.visual_score)


def test_text_that_was_learnt_so_finds_more_products_by_photos_never_seen(tmp_path):
    vectors, owner, store, titles = shop(tmp_path)
    known = owner < 30
    asked = asked_of(vectors[known], owner[known], store)
    weights = asked.weights(np.arange(len(asked)))
    index = small_index(vectors, owner)
    assert weights.visual_score == PLAIN.visual_score
    options = RankingOptions(text=TextChannel(store, weights))
    rng = np.random.default_rng(9)

    def share(options):
        right = 0
        for one in range(30, 60):
            query = unit(vectors[3 * one][None] + 0.35 * rng.normal(size=(1, 8)))
            hits = index.search(query, options.n_hits(1))
            found = rank(index, query, hits, 1, options, SearchText(" ".join(titles[one].split()[:2])))
            right += found.product_ids.tolist() == [one]
        return right / 30

    assert share(options) > share(PLAIN) + 0.1


@pytest.mark.parametrize("width", [None, 6])
def test_the_photo_that_asks_is_no_candidate(tmp_path, width):
    vectors, owner, store, _ = shop(tmp_path)
    asked = asked_of(vectors, owner, store, width)
    pairs = pairs_of(asked)
    # every product that has a text and several photos has asked, and found itself by its other photos
    assert pairs.is_match.sum() == 48
    assert pairs.visual[pairs.is_match].max() < 0.999
    assert not np.isin(asked.own % 5, 0).any()
    # texts of matches are not whole
    assert pairs.evidence.features[pairs.is_match, 1].min() < 0.9


def test_whitening_has_not_learnt_from_the_products_that_ask(tmp_path):
    """Of vectors that tell nothing, whitening finds what it has learnt: such pairs would say that photos tell all."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(40), 2)
    store = TextStore.create(tmp_path / "texts", None)
    store.add(np.arange(40), [SearchText(f"mug{one} cup{one}") for one in range(40)])
    vectors = unit(rng.normal(size=(80, 60)) / np.arange(1, 61))
    known = Whitening.fit(vectors, 20, owner).apply(vectors)
    assert (known[::2] * known[1::2]).sum(axis=1).mean() > 0.3
    pairs = pairs_of(asked_of(vectors, owner, store, 20))
    assert pairs.visual[pairs.is_match].mean() < 0.1


def test_products_of_one_photo_or_without_text_do_not_ask(tmp_path, monkeypatch):
    vectors, owner, store, _ = shop(tmp_path)
    silent = owner % 5 == 0
    assert len(asked_of(vectors[silent], owner[silent], store)) == 0
    single = vectors[::3], owner[::3]
    assert len(asked_of(*single, store)) == 0
    monkeypatch.setattr(text_fitting, "QUERIES", 3)
    assert len(asked_of(vectors, owner, store)) == 3


@pytest.mark.parametrize(("text", "n"), [("", 0), ("mug", 1), ("  ", 0)])
def test_a_word_is_left_where_there_are_any(text, n):
    assert all(len(_some_words(text, np.random.default_rng(seed)).split()) == n for seed in range(20))
