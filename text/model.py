"""Normalised text -> probabilities of leaves: one linear model, calibrated, saved without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.files.once import Once
from catalog.files.progress import in_batches
from text.config import TextConfig
from text.encoders import Vectors, make_encoder
from text.normalize import ProductText
from text.stored import StoredModel, save

ROWS_AT_ONCE = 2048
"""Texts whose scores of all classes are held at once."""


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
        """`(N, D)` vectors of N texts by each encoder: what `fit` takes, so that several fits share them."""
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
        # predicting needs none of this, and not scikit-learn before the first text
        from text.calibration import calibrated
        from text.features import fit_tfidf, make_vectorizers
        from text.scorer import Scorer
        from text.scores import capped_rows, linear_models

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
        n_classes = len(self.classes_)
        self.weights_, self.shape_, self.calibration_ = calibrated(texts, vectors, target, n_classes, self.config)
        vectorizers = make_vectorizers(self.config)
        features = fit_tfidf(vectorizers, texts)
        models = linear_models(features, vectors, target, n_classes, self.config)
        bayes, ridge, _, *discriminants = (np.float32(w) * m.coef for w, m in zip(self.weights_, models, strict=True))
        intercepts = [w * m.intercept for w, m in zip(self.weights_, models, strict=True)]
        intercept = np.sum(intercepts, axis=0).astype(np.float32)
        scorer = Scorer(vectorizers, bayes + ridge, intercept, discriminants)
        self._scorer = Once(lambda: scorer)
        return self

    def predict_proba(self, texts: Sequence[ProductText]) -> NDArray[np.float32]:
        """`(N, K)` float32 probabilities over `classes_`; rows sum to one.

        Raises:
            ValueError: an empty text: the caller is silent there.
        """
        _refuse_empty(texts)
        scorer = self._scorer()
        parts = [np.empty((0, len(self.classes_)), np.float32)]
        for some in in_batches(texts, ROWS_AT_ONCE):
            parts.append(scorer.probabilities(some, self.encode(some), self.shape_))
        return np.concatenate(parts)

    def predict(self, texts: Sequence[ProductText]) -> NDArray[np.int64]:
        """`(N,)` int64 most probable leaf indices."""
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def save(self, folder: Path) -> None:
        """Write `vocabulary.json` and `weights.safetensors` into a folder."""
        small = {"classes": self.classes_, "pool_weights": self.weights_, "shape": self.shape_}
        save(folder, self.config, small, self._scorer())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote: checked now; most of it is read, and encoders are loaded, with the first text.

        Raises:
            FileNotFoundError: no text model there.
            ValueError: damaged, changed by hand, or two files that do not belong together.
            EncoderMissing: it was trained with an encoder that is not installed here.
        """
        stored = StoredModel.check(folder)
        model = cls(stored.config)
        model.classes_, model.weights_, model.shape_ = (stored.arrays[n] for n in ("classes", "pool_weights", "shape"))
        model._scorer = Once(stored.scorer)
        return model


def _refuse_empty(texts: Sequence[ProductText]) -> None:
    for row, text in enumerate(texts):
        if not text.tokens.strip():
            raise ValueError(f"text {row} is empty: nothing was read there, leave the product out")
