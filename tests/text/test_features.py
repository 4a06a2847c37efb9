"""Features of texts: which terms, and that what is fitted can be kept."""

import numpy as np

from catalog.runs.config import load_config
from ocr.config import OcrConfig
from text.features import MAX_WORDS_PER_TEXT, fit_tfidf, make_vectorizers, tfidf
from text.normalize import ProductText


def settings(*overrides):
    return load_config(OcrConfig, "ocr", None, [f"text.{item}" for item in ("encoders=[]", *overrides)]).text


def texts(*tokens):
    return [ProductText("", text) for text in tokens]


def test_terms_are_tokens_of_any_length_and_characters_within_them():
    words, characters = vectorizers = make_vectorizers(settings("character_ngrams=[2,3]"))
    fit_tfidf(vectorizers, texts("a été", "B 7"))
    assert words.get_feature_names_out().tolist() == ["7", "B", "B 7", "a", "a été", "été"]
    assert characters.get_feature_names_out().tolist() == sorted(
        [" a", " a ", "a ", " é", "ét", "té", "é ", " ét", "été", "té ", " B", " B ", "B ", " 7", " 7 ", "7 "]
    )


def test_the_most_frequent_terms_are_kept():
    words, _ = vectorizers = make_vectorizers(settings("max_word_features=100", "word_ngrams=1"))
    fit_tfidf(vectorizers, texts(*(f"often sometimes{n % 50} rare{n}" for n in range(500))))
    terms = set(words.get_feature_names_out())
    assert len(terms) == 100
    assert {"often", *(f"sometimes{n}" for n in range(50))} <= terms


def test_each_block_has_length_one_or_is_empty():
    vectorizers = make_vectorizers(settings())
    fitted = fit_tfidf(vectorizers, texts("le rouge et le noir", "été indien", "noir noir noir"))
    again = tfidf(vectorizers, texts("été indien", "xyz"))
    assert fitted.dtype == again.dtype == np.float32
    n_words = len(vectorizers[0].get_feature_names_out())
    for block in (fitted[:, :n_words], fitted[:, n_words:]):
        np.testing.assert_allclose(np.asarray(block.power(2).sum(axis=1)).ravel(), 1, atol=1e-5)
    assert (again[0] != fitted[1]).nnz == 0
    assert again[1].nnz == 0


def test_vectorizers_come_back_from_their_terms_and_weights():
    fitted = make_vectorizers(settings())
    known = texts("le rouge et le noir", "été indien")
    features = fit_tfidf(fitted, known)
    restored = make_vectorizers(settings(), [vectorizer.get_feature_names_out().tolist() for vectorizer in fitted])
    for mine, theirs in zip(restored, fitted, strict=True):
        mine.idf_ = theirs.idf_
    assert (tfidf(restored, known) != features).nnz == 0


def test_an_endless_text_is_cut():
    vectorizers = make_vectorizers(settings())
    fit_tfidf(vectorizers, texts(" ".join(f"w{n}" for n in range(2 * MAX_WORDS_PER_TEXT)), "other"))
    words = set(vectorizers[0].get_feature_names_out())
    assert f"w{MAX_WORDS_PER_TEXT - 1}" in words
    assert f"w{MAX_WORDS_PER_TEXT}" not in words
