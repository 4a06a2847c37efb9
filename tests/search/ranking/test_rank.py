"""Everything switched on and off over an index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.contract import Filter
from search.ranking.expansion import AlphaExpansion
from search.ranking.products import products_found
from search.ranking.rank import PLAIN, RankingOptions, rank
from search.ranking.reciprocal import ReciprocalNeighbours
from search.ranking.search_text import NOTHING_WRITTEN, SearchText
from search.ranking.text_channel import TextChannel, TextWeights
from search.ranking.text_store import TextStore
from search.ranking.whitening import Whitening
from tests.search.brute_force import BruteForceIndex
from tests.search.ranking.small_index import small_index
from tests.support.embeddings import unit

SIZE = 8
STAGES = ("expansion", "whitening", "reciprocal", "text")
WEIGHTS = np.array([0.0, 1.0]), np.array([0.0, 1.0, 0.0, 5.0, 0.0])


def shop(seed=0, n=40, photos=3) -> BruteForceIndex:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n), photos)
    return small_index(rng.normal(size=(n, SIZE))[owner] + 0.7 * rng.normal(size=(len(owner), SIZE)), owner)


def options(tmp_path, *stages, candidates=200) -> RankingOptions:
    chosen = {
        "expansion": AlphaExpansion(),
        "whitening": Whitening.fit(np.random.default_rng(5).normal(size=(50, SIZE)), SIZE, digest="made up"),
        "reciprocal": ReciprocalNeighbours(5, 3, products=10),
    }
    chosen = {name: stage for name, stage in chosen.items() if name in stages}
    if "text" in stages:
        store = TextStore.create(tmp_path / "texts", None)
        store.add(np.arange(40), [SearchText(f"article {number}") for number in range(40)])
        weights = TextWeights(*WEIGHTS, RankingOptions(**chosen).visual_score)
        chosen["text"] = TextChannel(store, weights)
    return RankingOptions(**chosen, candidates=candidates)


def ranked_by(index, queries, chosen, k=10, text=NOTHING_WRITTEN, where=None):
    return rank(index, queries, index.search(queries, chosen.n_hits(k), where), k, chosen, text, where)


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sets(st.sampled_from(STAGES)),
    st.integers(0, 3),
    st.integers(0, 60),
    st.sampled_from([1, 7, 200]),
)
def test_each_product_once_the_best_first_whatever_is_on(tmp_path_factory, seed, stages, n_queries, k, candidates):
    chosen = options(tmp_path_factory.mktemp("rank"), *stages, candidates=candidates)
    queries = unit(np.random.default_rng(seed).normal(size=(n_queries, SIZE)))
    queries[1:2] = 0
    found = ranked_by(shop(), queries, chosen, k, SearchText("article 7"))
    assert len(found) == (min(k, 40) if n_queries else 0)
    assert len(np.unique(found.product_ids)) == len(found)
    assert (np.diff(found.scores) <= 0).all()
    assert np.isfinite(found.scores).all()
    assert (np.abs(found.similarities) <= 1 + 1e-5).all()


def test_nothing_switched_on_is_the_order_of_the_index():
    index, queries = shop(), unit(np.random.default_rng(1).normal(size=(2, SIZE)))
    found = ranked_by(index, queries, PLAIN)
    assert not PLAIN.orders_anew
    expected = products_found(index, queries, index.search(queries, 120), 10)
    assert found.product_ids.tolist() == expected.product_ids.tolist()
    assert found.scores.tolist() == found.similarities.tolist()


@pytest.mark.parametrize("stage", STAGES[:3])
def test_each_stage_finds_more_of_what_belongs_together(stage):
    """Each photo is a product of its own here: asked is which others are of the same crowd of six."""
    rng = np.random.default_rng(2)
    owner = np.repeat(np.arange(40), 6)
    vectors = rng.normal(size=(40, 32))[owner] + 0.9 * rng.normal(size=(len(owner), 32))
    if stage == "whitening":
        vectors[:, :2] = 8 * rng.normal(size=(len(owner), 2))
    index = small_index(vectors, np.arange(len(owner)))
    stored = index.vectors(np.arange(len(owner)))
    chosen = {
        "expansion": RankingOptions(expansion=AlphaExpansion()),
        "whitening": RankingOptions(whitening=Whitening.fit(stored, 32, owner)),
        "reciprocal": RankingOptions(reciprocal=ReciprocalNeighbours(6, 3)),
    }[stage]

    def share(chosen):
        found = [ranked_by(index, query[None], chosen, 6).product_ids for query in stored]
        return np.mean(owner[np.array(found)] == owner[:, None])

    assert 0.97 > share(chosen) > share(PLAIN) + 0.02


def test_text_lifts_the_product_it_names(tmp_path):
    chosen = options(tmp_path, "text")
    index, queries = shop(), unit(np.random.default_rng(1).normal(size=(1, SIZE)))
    plain = ranked_by(index, queries, PLAIN, 40).product_ids.tolist()
    last = plain[-1]
    with_text = ranked_by(index, queries, chosen, 40, SearchText(f"article {last}"))
    assert with_text.product_ids.tolist() == [last, *plain[:-1]]
    assert ranked_by(index, queries, chosen, 40).product_ids.tolist() == plain
    few = RankingOptions(text=chosen.text, candidates=5)
    assert ranked_by(index, queries, few, 40, SearchText(f"article {last}")).product_ids.tolist() == plain


def test_the_filter_holds_in_the_second_search(tmp_path):
    index, queries = shop(), unit(np.random.default_rng(1).normal(size=(1, SIZE)))
    best = ranked_by(index, queries, PLAIN, 3).product_ids
    found = ranked_by(index, queries, options(tmp_path, "expansion"), 40, where=Filter(without=best))
    assert len(found) == 37
    assert not np.isin(best, found.product_ids).any()


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("vectors", ["equal", "zeros"])
def test_next_to_nothing_in_the_index(tmp_path, n, vectors):
    index = small_index(np.full((n, SIZE), float(vectors == "equal")), range(n))
    found = ranked_by(index, unit(np.ones((2, SIZE))), options(tmp_path, *STAGES), text=SearchText("article 0"))
    assert found.product_ids.tolist() == ([0] if n and vectors == "equal" else [])


def test_equal_vectors_are_told_apart_by_text_alone(tmp_path):
    index = small_index(np.ones((30, SIZE)), range(30))
    found = ranked_by(index, unit(np.ones((1, SIZE))), options(tmp_path, "text"), 30, SearchText("article 17"))
    assert found.product_ids.tolist() == [17, *range(17), *range(18, 30)]


def test_a_whitening_of_another_network_is_refused(tmp_path):
    index = small_index(np.eye(SIZE), range(SIZE), digest="another")
    with pytest.raises(ValueError, match="another network"):
        ranked_by(index, unit(np.ones((1, SIZE))), options(tmp_path, "whitening"))


def test_a_text_channel_speaks_beside_the_score_it_was_fitted_with(tmp_path):
    channel = options(tmp_path, "text").text
    with pytest.raises(ValueError, match="fit it anew"):
        RankingOptions(text=channel, expansion=AlphaExpansion())
    with pytest.raises(ValueError, match="expected 1 or more"):
        RankingOptions(candidates=0)
