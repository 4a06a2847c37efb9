"""Hard and easy products: the probability of the true leaf as dense probabilities have it, and who is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.metrics.product_scores import score_probabilities
from catalog.probabilities import Probabilities, Silence, concatenate
from curation.explore.hardness import Judged, judge
from tests.support.products import TAXONOMY


class Products:
    """Stands in for a catalogue: only the ids are asked for."""

    def __init__(self, n: int) -> None:
        self.product_ids = np.random.default_rng(n).permutation(n).astype(np.int64)

    def __str__(self) -> str:
        return "shop.bson"


def said(seed: int, n: int, k: int, support: list[int]) -> Probabilities:
    rng = np.random.default_rng(seed)
    own = np.array(support, np.int32)
    return Probabilities.from_dense(
        "mosaic", np.arange(n, dtype=np.int64), np.ones(n, np.int8), rng.dirichlet(np.full(len(own), 0.3), n),
        np.zeros(n, np.uint8), support=own, frequency=rng.dirichlet(np.ones(len(own))), k=k,
        taxonomy=TAXONOMY.fingerprint,
    )  # fmt: skip


@given(st.integers(0, 500), st.integers(1, 8), st.sets(st.integers(0, 7), min_size=1), st.booleans())
def test_the_true_leaf_has_the_probability_of_the_dense_one(seed, k, support, widened):
    n = 12
    probabilities = said(seed, n, k, sorted(support))
    if widened:
        # parts of other k: the narrower one repeats its last leaf
        ids = np.arange(n, 2 * n, dtype=np.int64)
        probabilities = concatenate([probabilities, replace(said(seed + 1, n, 1, sorted(support)), product_ids=ids)])
        n *= 2
    catalog = Products(n)
    rng = np.random.default_rng(seed)
    leaf = rng.integers(-1, len(TAXONOMY), n)
    leaf[0] = 0
    judged = judge(probabilities, catalog, leaf, TAXONOMY)
    place = np.argsort(catalog.product_ids)
    slow = score_probabilities(probabilities, leaf[place], TAXONOMY)
    assert (catalog.product_ids[judged.position] == slow.product_ids).all()
    assert (judged.truth == slow.truth).all()
    assert judged.p_truth == pytest.approx(slow.p_truth[:, 2], abs=1e-6)
    assert judged.n_unlabelled == (leaf < 0).sum()


def test_who_is_left_out_is_counted():
    probabilities = said(1, 10, 3, list(range(8)))
    probabilities.silence[[2, 3]] = Silence.NOTHING_READ
    probabilities.leaves[[2, 3]] = 0
    probabilities.values[[2, 3]] = np.nan
    catalog = Products(8)
    leaf = np.full(8, 4)
    leaf[catalog.product_ids == 5] = -1
    judged = judge(probabilities, catalog, leaf, TAXONOMY)
    assert (len(judged), judged.n_silent, judged.n_unlabelled, judged.n_elsewhere) == (5, 2, 1, 2)
    assert set(catalog.product_ids[judged.position].tolist()) == {0, 1, 4, 6, 7}


def test_probabilities_of_something_else_are_refused():
    catalog = Products(10)
    probabilities = said(1, 10, 3, list(range(8)))
    with pytest.raises(ValueError, match="another category tree"):
        judge(replace(probabilities, taxonomy="other"), catalog, np.zeros(10, np.int64), TAXONOMY)
    with pytest.raises(ValueError, match=r"of any labelled product of shop\.bson"):
        judge(probabilities, catalog, np.full(10, -1), TAXONOMY)
    elsewhere = replace(probabilities, product_ids=probabilities.product_ids + 100)
    with pytest.raises(ValueError, match="labelled product"):
        judge(elsewhere, catalog, np.zeros(10, np.int64), TAXONOMY)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9])), min_size=1, max_size=30),
    st.integers(1, 10),
    st.integers(1, 3),
    st.booleans(),
)
def test_the_hardest_and_easiest_few_of_each_leaf(rows, n, per_leaf, highest):
    truth, p = np.array([t for t, _ in rows]), np.array([p for _, p in rows])
    judged = Judged(np.arange(len(rows)), truth, truth, p, p)
    slow, taken = [], dict.fromkeys(range(5), 0)
    for i in sorted(range(len(rows)), key=lambda i: -p[i] if highest else p[i]):
        if taken[truth[i]] < per_leaf:
            taken[truth[i]] += 1
            slow.append(p[i])
    found = judged.by_p_truth(n, per_leaf, highest=highest)
    assert p[found].tolist() == slow[:n]
    assert len(set(found.tolist())) == len(found)
