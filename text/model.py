"""Normalised text -> probabilities of leaves: one linear model, calibrated, saved without pickle."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from catalog.files.atomic import write_text
from catalog.files.progress import in_batches
from catalog.metrics.calibration import expected_calibration_error
from text.config import TextConfig
from text.encoders import DIMENSIONS, Vectors, make_encoder
from text.features import fit_tfidf, make_vectorizers, tfidf
from text.normalize import ProductText
from text.scores import capped_rows, linear_models, out_of_fold

FORMAT = "rayonnage text model 2"
MAX_VOCABULARY_BYTES = 256 * 2**20
ROWS_AT_ONCE = 2048
"""Texts whose scores of all classes are held at once."""
SHRINKAGE = 1e-3
"""L2 penalty that draws pool weights and shape to their defaults, which few texts cannot outweigh."""
# Used when there are too few texts to fit the weights: close to what the shelf benchmark gives, for naive Bayes, ridge
# regression and frequency, and for the discriminant of each encoder.
DEFAULT_WEIGHTS = (1.8, 4.5, 0.5)
ENCODER_WEIGHT = 0.1
PLAIN_SHAPE = np.array([1.0, 0.0])
MIN_CALIBRATION_TEXTS = 10


class TextModel:
    """TF-IDF of words and character n-grams -> complement naive Bayes, ridge regression and the leaf's frequency;
    vectors of sentence encoders, where there are any -> a linear discriminant each.

    All scores are linear in the features; a log-linear pool with weights >= 0, fitted on out-of-fold scores, turns
    them into calibrated probabilities (the weights are its temperature). Naive Bayes carries leaves with few texts,
    ridge regression those with many, the encoders words that training never saw. What is kept is their weighted sum:
    one linear model, whose scores are then divided by a power of their own spread (`sharpened`): long texts are less
    sure than they claim.

    Args:
        config: its `encoders` are names, not `auto` (`text.encoders.with_installed_encoders`).

    Attributes:
        classes_: `(K,)` int64 leaf indices in ascending order; weights_: `(3 + encoders,)` float64 pool weights;
        shape_: `(2,)` float64 factor and power of `sharpened`;
        calibration_: texts and out-of-fold `nll` and `ece` with the fitted weights, `nll_before`, `ece_before`
        with all weights 1; empty for a loaded model.
    """

    classes_: NDArray[np.int64]
    weights_: NDArray[np.float64]
    shape_: NDArray[np.float64]

    def __init__(self, config: TextConfig) -> None:
        if config.encoders == "auto":
            raise ValueError("text.encoders is auto: name the encoders")
        self.config = config
        self.calibration_: dict[str, float] = {}
        self._encoders = [make_encoder(name) for name in config.encoders]

    def encode(self, texts: Sequence[ProductText]) -> list[Vectors]:
        """`(N, DIMENSIONS)` vectors of N texts by each encoder: what `fit` takes, so that several fits share them."""
        plain = [text.plain for text in texts]
        return [encoder.encode(plain) for encoder in self._encoders]

    def fit(
        self, texts: Sequence[ProductText], leaf: NDArray[np.int64], vectors: Sequence[Vectors] | None = None
    ) -> Self:
        """Learn from texts.

        Args:
            texts: N texts, none of them empty. leaf: `(N,)` int64 leaf indices, at least two distinct ones.
            vectors: what `encode` gives for these texts; computed when None.

        Raises:
            ValueError: lengths differ, an empty text, or a single leaf.
        """
        leaf = np.asarray(leaf, np.int64)
        if len(texts) != len(leaf):
            raise ValueError(f"{len(texts)} texts and {len(leaf)} leaves")
        _refuse_empty(texts)
        if len(np.unique(leaf)) < 2:
            raise ValueError(f"texts of {len(np.unique(leaf))} leaf: at least two leaves are needed to tell apart")
        kept = capped_rows(leaf, self.config)
        texts, leaf = [texts[row] for row in kept.tolist()], leaf[kept]
        vectors = self.encode(texts) if vectors is None else [v[kept] for v in vectors]
        self.classes_, target = np.unique(leaf, return_inverse=True)
        self.weights_, self.shape_ = self._calibrate(texts, vectors, target)
        self._vectorizers = make_vectorizers(self.config)
        features = fit_tfidf(self._vectorizers, texts)
        models = linear_models(features, vectors, target, len(self.classes_), self.config)
        bayes, ridge, _, *discriminants = (np.float32(w) * m.coef for w, m in zip(self.weights_, models, strict=True))
        self._coef, self._vector_coefs = bayes + ridge, discriminants
        intercepts = [w * m.intercept for w, m in zip(self.weights_, models, strict=True)]
        self._intercept = np.sum(intercepts, axis=0).astype(np.float32)
        return self

    def predict_proba(self, texts: Sequence[ProductText]) -> NDArray[np.float32]:
        """`(N, K)` float32 probabilities over `classes_`; rows sum to one.

        Raises:
            ValueError: an empty text: the caller is silent there.
        """
        _refuse_empty(texts)
        parts = [np.empty((0, len(self.classes_)), np.float32)]
        for some in in_batches(texts, ROWS_AT_ONCE):
            scores = np.asarray(tfidf(self._vectorizers, some) @ self._coef.T, np.float64) + self._intercept
            for coef, vectors in zip(self._vector_coefs, self.encode(some), strict=True):
                scores += vectors @ coef.T
            parts.append(softmax(sharpened(scores, self.shape_), axis=1).astype(np.float32))
        return np.concatenate(parts)

    def predict(self, texts: Sequence[ProductText]) -> NDArray[np.int64]:
        """`(N,)` int64 most probable leaf indices."""
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def save(self, folder: Path) -> None:
        """Write `vocabulary.json` and `weights.safetensors` into a folder; each names the other's fingerprint."""
        folder.mkdir(parents=True, exist_ok=True)
        words, characters = (vectorizer.get_feature_names_out().tolist() for vectorizer in self._vectorizers)
        arrays: dict[str, NDArray[Any]] = {
            "coef": self._coef,
            "intercept": self._intercept,
            "classes": self.classes_,
            "pool_weights": self.weights_,
            "shape": self.shape_,
            "idf_words": self._vectorizers[0].idf_,
            "idf_characters": self._vectorizers[1].idf_,
            **{f"coef_{name}": c for name, c in zip(self.config.encoders, self._vector_coefs, strict=True)},
        }
        path = folder / "weights.safetensors"
        save_arrays(path, arrays, metadata={"format": FORMAT, "vocabulary": _fingerprint(words, characters)})
        content = {
            "format": FORMAT,
            "weights": hashlib.sha256(path.read_bytes()).hexdigest(),
            "config": self.config.model_dump(mode="json"),
            "words": words,
            "characters": characters,
        }
        write_text(folder / "vocabulary.json", json.dumps(content, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; nothing in the files is executed.

        Raises:
            FileNotFoundError: no text model there.
            ValueError: damaged, changed by hand, or two files that do not belong together.
        """
        path = folder / "vocabulary.json"
        if path.stat().st_size > MAX_VOCABULARY_BYTES:
            raise ValueError(f"{path} is larger than a vocabulary can be ({MAX_VOCABULARY_BYTES} bytes)")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, expected {FORMAT!r}")
            model = cls(TextConfig.model_validate(content["config"]))
            vocabularies = [content["words"], content["characters"]]
            weights = folder / "weights.safetensors"
            if hashlib.sha256(weights.read_bytes()).hexdigest() != content["weights"]:
                raise ValueError(f"{weights.name} is not the file that vocabulary.json was written with")
            arrays = load_arrays(weights, model._expected(*vocabularies), what="text model")
            if load_metadata(weights).get("vocabulary") != _fingerprint(*vocabularies):
                raise ValueError("the vocabulary is not the one that the weights were fitted with")
            model._restore(vocabularies, arrays)
        except (KeyError, TypeError, ValueError, RecursionError, ValidationError) as error:
            raise ValueError(f"{folder}: not an intact text model ({error}): run `ocr train` again") from None
        return model

    def _expected(self, words: list[str], characters: list[str]) -> dict[str, ArraySpec]:
        """Each array on disk; K is the number of classes."""
        encoders = self.config.encoders
        return {
            "coef": ArraySpec(np.float32, ("K", len(words) + len(characters)), finite=True),
            "intercept": ArraySpec(np.float32, ("K",), finite=True),
            "classes": ArraySpec(np.int64, ("K",)),
            "pool_weights": ArraySpec(np.float64, (3 + len(encoders),), finite=True),
            "shape": ArraySpec(np.float64, (2,), finite=True),
            "idf_words": ArraySpec(np.float32, (len(words),), finite=True),
            "idf_characters": ArraySpec(np.float32, (len(characters),), finite=True),
            **{f"coef_{name}": ArraySpec(np.float32, ("K", DIMENSIONS), finite=True) for name in encoders},
        }

    def _restore(self, vocabularies: Sequence[list[str]], arrays: dict[str, NDArray[Any]]) -> None:
        classes = arrays["classes"]
        if len(classes) < 2 or (np.diff(classes) <= 0).any():
            raise ValueError("classes are not ascending leaf indices")
        self.classes_, self.weights_, self.shape_ = classes, arrays["pool_weights"], arrays["shape"]
        self._coef, self._intercept = arrays["coef"], arrays["intercept"]
        self._vector_coefs = [arrays[f"coef_{name}"] for name in self.config.encoders]
        self._vectorizers = make_vectorizers(self.config, vocabularies)
        for vectorizer, name in zip(self._vectorizers, ("idf_words", "idf_characters"), strict=True):
            vectorizer.idf_ = arrays[name]

    def _calibrate(
        self, texts: Sequence[ProductText], vectors: Sequence[Vectors], target: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pool weights, then shape, by minimal out-of-fold log loss; identical texts share a fold."""
        # out of fold: on texts that they have learnt, the models are surer than on any other
        rows, scores = out_of_fold(texts, vectors, target, len(self.classes_), self.config)
        usual = np.array([*DEFAULT_WEIGHTS, *(ENCODER_WEIGHT for _ in vectors)])
        if len(rows) < MIN_CALIBRATION_TEXTS:
            return usual, PLAIN_SHAPE.copy()
        truth, order = target[rows], np.arange(len(rows))

        def pool_loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            """Log loss of `(S,)` weights and its gradient."""
            logs = log_softmax(np.tensordot(weights, scores, axes=1), axis=1)
            residual = np.exp(logs)
            residual[order, truth] -= 1
            away = weights - usual
            gradient = np.array([(residual * score).sum() for score in scores]) / len(rows) + 2 * SHRINKAGE * away
            return float(-logs[order, truth].mean() + SHRINKAGE * away @ away), gradient

        # a weight below zero would turn a model's opinion round, which only noise can ask for
        pool = minimize(pool_loss, usual, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(usual)).x
        pooled = np.tensordot(pool, scores, axes=1)

        def shape_loss(shape: NDArray[np.float64]) -> float:
            """Log loss of a `(2,)` shape."""
            away = shape - PLAIN_SHAPE
            logs = log_softmax(sharpened(pooled, shape), axis=1)
            return float(-logs[order, truth].mean() + SHRINKAGE * away @ away)

        shape = minimize(shape_loss, PLAIN_SHAPE, method="L-BFGS-B", bounds=[(0.05, 20.0), (0.0, 0.9)]).x
        self.calibration_ = {"texts": float(len(rows))}
        for name, logits in (("_before", scores.sum(axis=0)), ("", sharpened(pooled, shape))):
            logs = log_softmax(logits, axis=1)
            self.calibration_["nll" + name] = float(-logs[order, truth].mean())
            confidence, right = np.exp(logs.max(axis=1)), logs.argmax(axis=1) == truth
            self.calibration_["ece" + name] = expected_calibration_error(confidence, right)
        return np.asarray(pool, np.float64), np.asarray(shape, np.float64)


def sharpened(scores: NDArray[Any], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """`factor * scores / spread ** power`, the spread being each row's standard deviation over leaves.

    Args:
        scores: `(N, K)`. shape: factor > 0 and power in [0, 1); (1, 0) leaves the scores as they are. The order of
            leaves within a row never changes.
    """
    factor, power = shape
    spread = np.maximum(np.asarray(scores, np.float64).std(axis=1, keepdims=True), 1e-6)
    return np.asarray(factor * scores / spread**power, np.float64)


def _refuse_empty(texts: Sequence[ProductText]) -> None:
    for row, text in enumerate(texts):
        if not text.tokens.strip():
            raise ValueError(f"text {row} is empty: nothing was read there, leave the product out")


def _fingerprint(words: list[str], characters: list[str]) -> str:
    if not all(isinstance(term, str) for terms in (words, characters) for term in terms):
        raise ValueError("the vocabulary holds something other than text")
    return hashlib.sha256(json.dumps([words, characters]).encode()).hexdigest()
