"""Weighted TF-IDF against scikit-learn's where weights are one, and against a loop where they are not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from text import ngrams
from text.ngrams import NgramTfidf, character_ngrams, word_ngrams
from text.normalize import ProductText

TEXTS = ["le rouge et le noir", "le noir", "la chartreuse de parme", "a", "été indien rouge rouge"]


def text(tokens, weights=None):
    return ProductText("", tokens, tuple(weights or [1.0] * len(tokens.split())))


def words(longest=2, max_terms=1000, min_texts=1, power=1.0):
    return NgramTfidf(word_ngrams(longest), max_terms, min_texts, power)


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (word_ngrams(2), {"ngram_range": (1, 2), "token_pattern": r"\S+"}),
        (character_ngrams(3, 5), {"analyzer": "char_wb", "ngram_range": (3, 5)}),
    ],
)
def test_terms_are_scikit_learn_s(own, theirs):
    found = NgramTfidf(own, 1000, 1, 1.0).fit([text(tokens) for tokens in TEXTS])
    reference = CountVectorizer(lowercase=False, **theirs)
    counts = reference.fit_transform(TEXTS)
    assert found.terms == list(reference.get_feature_names_out())
    counts = counts.toarray()
    expected = np.log1p(counts) * (np.log((1 + len(TEXTS)) / (1 + (counts > 0).sum(axis=0))) + 1)
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found.transform([text(tokens) for tokens in TEXTS]).toarray(), expected, atol=1e-6)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.1, 1)), min_size=1, max_size=6), st.sampled_from([0, 1, 3])
)
def test_a_term_weighs_as_much_as_its_readers_were_sure(tokens, power):
    found = words(power=power).fit([text("a b c"), text("b a")])
    row = found.transform([text(" ".join(t for t, _ in tokens), [w for _, w in tokens])]).toarray()[0]
    slow = np.zeros(len(found.terms))
    for n in (1, 2):
        for start in range(len(tokens) - n + 1):
            term = " ".join(t for t, _ in tokens[start : start + n])
            if term in found.terms:
                slow[found.terms.index(term)] += min(w**power for _, w in tokens[start : start + n])
    slow = np.log1p(slow) * [math.log(3 / (1 + n)) + 1 for n in (2, 1, 2, 1, 1, 1)[: len(slow)]]
    np.testing.assert_allclose(row, slow / (np.linalg.norm(slow) or 1), atol=1e-5)


def test_the_terms_of_most_texts_are_kept():
    texts = [text(tokens) for tokens in ("a b", "a c", "a c", "d")]
    assert words(1, max_terms=2).fit(texts).terms == ["a", "c"]
    assert words(1, min_texts=2).fit(texts).terms == ["a", "c"]
    # terms of single texts are better than none
    assert words(1, min_texts=5).fit(texts).terms == ["a", "b", "c", "d"]


def test_memory_is_bounded_while_terms_are_counted(monkeypatch):
    largest = rebuilt = 0

    class Watched(ngrams.Counter):
        def update(self, *args, **options):
            nonlocal largest
            super().update(*args, **options)
            largest = max(largest, len(self))

        def __init__(self, *args, **options):
            nonlocal rebuilt
            rebuilt += 1
            super().__init__(*args, **options)

    monkeypatch.setattr(ngrams, "Counter", Watched)
    # every rare term twice, so that none can be told from its first sight
    texts = [text(f"often sometimes{n % 50} rare{n // 2}") for n in range(5000)]
    found = words(1, max_terms=10).fit(texts)
    assert largest <= ngrams.TERMS_HELD * 10 + 3
    assert rebuilt < 100
    assert "often" in found.terms
    assert len(found.terms) == 10


def test_unknown_words_leave_an_empty_row():
    found = words().fit([text("a b")])
    assert found.transform([text("z"), text("a")]).toarray().sum(axis=1).tolist() == [0, 1]
    assert found.transform([]).shape == (0, 3)
