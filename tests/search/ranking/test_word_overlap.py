"""Overlap of terms against its formula with Python's sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.ranking import word_overlap
from search.ranking.word_overlap import TermCounts
from text.hashed_terms import Terms, terms_of
from text.titles import TitleWords

TEXTS = st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=8)


def terms(texts) -> Terms:
    return Terms(np.array([term for text in texts for term in text], np.uint32), np.array(list(map(len, texts)), int))


@given(TEXTS, TEXTS, st.lists(st.integers(0, 15), max_size=8))
def test_cosine_of_idf(counted, others, query):
    counts = TermCounts.of(terms(counted))

    def squares(of):
        return sum(
            (math.log((1 + len(counted)) / (1 + sum(term in text for text in counted))) + 1) ** 2 for term in set(of)
        )

    slow = [
        squares(set(query) & set(text)) / math.sqrt(squares(query) * squares(text)) if query and text else 0.0
        for text in others
    ]
    assert counts.overlap(terms([query]), terms(others)) == pytest.approx(slow)


@given(st.lists(TEXTS, max_size=4))
def test_parts_add_up(parts):
    total = TermCounts.sum([TermCounts.of(terms(part)) for part in parts])
    whole = TermCounts.of(terms([text for part in parts for text in part]))
    assert (total.hashes.tolist(), total.counts.tolist()) == (whole.hashes.tolist(), whole.counts.tolist())
    assert total.n_texts == whole.n_texts


def test_terms_that_are_not_counted_are_the_rarest(monkeypatch):
    monkeypatch.setattr(word_overlap, "MOST_TERMS", 1)
    counts = TermCounts.of(terms([[1, 2], [1, 2], [1]]))
    assert counts.hashes.tolist() == [1]
    assert counts.idf(np.array([1, 2], np.uint32)) == pytest.approx([1, math.log(4) + 1])


def test_a_model_number_says_more_than_words_of_every_title():
    titles = ["sony casque noir WH-1000XM4", "sony casque noir MDR-7506", "sony casque noir MDR-7510", "casque noir"]
    words = [TitleWords.of(title) for title in titles]
    counts = TermCounts.of(terms_of(words)[0])
    query = terms_of([TitleWords.of("WH 1000XM4")])[0]
    overlap = counts.overlap(query, terms_of(words)[0])
    assert overlap[0] > 0.3
    assert overlap[1:].max() == 0
