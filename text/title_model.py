"""Titles -> probabilities of leaves: for thousands of leaves and a hundred thousand titles, saved without pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from scipy.sparse import csr_matrix

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from catalog.files.progress import Progress
from catalog.split.random_order import rank_in_group
from text.encoders import width_of
from text.hashed_terms import Matrix, Vocabulary, terms_of
from text.title_encoder import TitleEncoder
from text.title_features import TitleFeatures
from text.titles import TitleWords

FORMAT = "rayonnage title model 1"
FORMAT_WITH_ENCODER = "rayonnage title model 2"
MAX_WORD_TERMS, MAX_CHARACTER_TERMS = 100_000, 50_000
"""Terms of the most texts are kept: with 192 numbers each they are 115 MB."""
MAX_TEXTS = 200_000
"""Titles that a model learns from; of large leaves fewer are taken, of small ones all."""


@dataclass(frozen=True)
class TitleModel:
    """Words of titles and descriptions -> calibrated probabilities; any number of threads may ask.

    A log-linear pool of likeness to each leaf's centroid, a linear discriminant on a title's place among all titles,
    and frequency; the first carries rare words and small leaves, the second words that are alike; with a sentence
    encoder also a discriminant on its vectors, for words that no title had. Weights and shape are fitted out of fold,
    see `text.calibration`. All is linear, and kept as its weighted sum.

    Attributes:
        classes: `(K,)` int64 leaf indices, rising; frequency: `(K,)` float64 share of the titles learnt from.
        words, characters: terms that it knows, F and G.
        basis: `(F + G, D)` float32; centroids: `(F, K)` sparse float32; coef: `(K, D)` float32; intercept: `(K,)`
            float32; shape: `(2,)` float64, see `sharpened`.
        encoder: None for words alone; encoder_coef: `(K, E)` float32, E = 0 without an encoder.
        figures: what the calibration showed; empty for a loaded model.
    """

    classes: NDArray[np.int64]
    frequency: NDArray[np.float64]
    words: Vocabulary
    characters: Vocabulary
    basis: NDArray[np.float32]
    centroids: Matrix
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    shape: NDArray[np.float64]
    encoder_coef: NDArray[np.float32]
    encoder: TitleEncoder | None = None
    figures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, titles: Sequence[TitleWords], leaf: NDArray[np.int64], *, seed: int = 0, progress: Progress | None = None,
        encoder: TitleEncoder | None = None,
    ) -> TitleModel:  # fmt: skip
        """Learn from N titles of `(N,)` leaves, at least two distinct ones; of at most `MAX_TEXTS`.

        Raises:
            ValueError: lengths differ, or a single leaf.
        """
        # predicting needs none of this, and not scikit-learn
        from text.title_scores import FOLDS, TitleModels, basis_of, calibrated, side_by_side

        leaf = np.asarray(leaf, np.int64)
        if len(titles) != len(leaf):
            raise ValueError(f"{len(titles)} titles and {len(leaf)} leaves")
        if len(np.unique(leaf)) < 2:
            raise ValueError(f"titles of {len(np.unique(leaf))} leaf: at least two leaves are needed to tell apart")
        told = _Steps(progress, FOLDS + 4)
        kept = rows_to_learn(leaf, MAX_TEXTS, seed)
        titles, leaf = [titles[row] for row in kept.tolist()], leaf[kept]
        classes, target = np.unique(leaf, return_inverse=True)
        both = terms_of(titles)
        told.step()
        words, characters = (
            Vocabulary.fit(terms, at_most)
            for terms, at_most in zip(both, (MAX_WORD_TERMS, MAX_CHARACTER_TERMS), strict=True)
        )
        matrices = words.matrix(both[0]), characters.matrix(both[1])
        del both
        told.step()
        # directions and frequencies of terms look at no label: what is held out of a fold may be among them
        basis = basis_of(side_by_side(*matrices), seed)
        told.step()
        features = TitleFeatures.of(*matrices, basis, None if encoder is None else encoder.vectors(titles))
        calibration = calibrated(titles, features, target, len(classes), seed, told.step)
        models = TitleModels.fit(features, target, len(classes))
        likeness, latent, frequency, *meaning = calibration.weights
        intercept = latent * models.latent.intercept + frequency * models.frequency
        encoder_coef = np.zeros((len(classes), 0), np.float32)
        if models.meaning is not None:
            intercept += meaning[0] * models.meaning.intercept
            encoder_coef = np.float32(meaning[0]) * models.meaning.coef
        told.step()
        return cls(
            classes, np.bincount(target) / len(target), words, characters, basis,
            (models.centroids * np.float32(likeness)).tocsr(), np.float32(latent) * models.latent.coef,
            intercept.astype(np.float32), calibration.shape, encoder_coef, encoder, calibration.figures,
        )  # fmt: skip

    def predict_proba(self, titles: Sequence[TitleWords]) -> NDArray[np.float32]:
        """`(N, K)` float32 over `classes`; rows sum to one. Ask for a few hundred at a time: it is dense."""
        words, characters = terms_of(titles)
        features = TitleFeatures.of(self.words.matrix(words), self.characters.matrix(characters), self.basis)
        scores: NDArray[np.float32] = features.vectors @ self.coef.T
        scores += self.intercept
        if self.encoder is not None:
            scores += self.encoder.vectors(titles) @ self.encoder_coef.T
        sparse: Any = features.words @ self.centroids
        # adding where there is something is a pass over few numbers, a dense copy one over all
        rows = np.repeat(np.arange(len(scores)), np.diff(sparse.indptr))
        scores[rows, sparse.indices] += sparse.data
        factor, power = self.shape
        # in place and in 32 bits: `sharpened` on 5,000 leaves takes longer than all the rest
        scores *= (factor / np.maximum(scores.std(axis=1, keepdims=True), 1e-6) ** power).astype(np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def save(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write one safetensors file; `metadata`: what `load` shall find again beside it."""
        arrays = {
            "classes": self.classes, "frequency": self.frequency, "basis": self.basis, "coef": self.coef,
            "intercept": self.intercept, "shape": self.shape,
            "words": self.words.hashes, "words_idf": self.words.idf,
            "characters": self.characters.hashes, "characters_idf": self.characters.idf,
            "centroid_start": self.centroids.indptr.astype(np.int64),
            "centroid_class": self.centroids.indices.astype(np.int32), "centroids": self.centroids.data,
        }  # fmt: skip
        about = {**metadata, "format": FORMAT}
        if self.encoder is not None:
            arrays["encoder_coef"] = self.encoder_coef
            about |= {"format": FORMAT_WITH_ENCODER, "encoder": self.encoder.name}
        save_arrays(path, arrays, about)

    @classmethod
    def load(cls, path: Path, n_leaves: int, metadata: Mapping[str, str]) -> TitleModel:
        """Inverse of `save`.

        Raises:
            ValueError: missing, damaged, of a tree that has not `n_leaves`, or saved with other `metadata`.
            EncoderMissing: it was trained with an encoder that is not installed here.
        """
        remedy = "run `fusion train` again"
        about = _about(path)
        name = about.pop("encoder", None)
        expected = _ARRAYS
        if name is not None:
            try:
                width = width_of(name)
            except ValueError as error:
                raise ValueError(f"{path}: {error}: {remedy}") from None
            expected = _ARRAYS | {"encoder_coef": ArraySpec(np.float32, ("K", width), finite=True)}
        arrays = load_arrays(path, expected, what="title model", remedy=remedy)
        if about != {**metadata, "format": FORMAT if name is None else FORMAT_WITH_ENCODER}:
            raise ValueError(f"{path} was made for another tree or plan, or by another version: {remedy}")
        classes, start, place = arrays["classes"], arrays["centroid_start"], arrays["centroid_class"]
        words, characters = (Vocabulary(arrays[n], arrays[f"{n}_idf"]) for n in ("words", "characters"))
        n_words, n_terms = len(words.hashes), len(arrays["basis"])
        # an index that points elsewhere would read another leaf's weights, or what lies behind the array
        fits = (
            len(classes) > 1 and (np.diff(classes) > 0).all() and classes[0] >= 0 and classes[-1] < n_leaves
            and n_terms == n_words + len(characters.hashes)
            and len(start) == n_words + 1 and start[0] == 0 and start[-1] == len(place) and (np.diff(start) >= 0).all()
            and (not len(place) or (place.min() >= 0 and place.max() < len(classes)))
            and all((np.diff(v.hashes.astype(np.int64)) > 0).all() for v in (words, characters))
        )  # fmt: skip
        if not fits:
            raise ValueError(f"{path} is damaged: its arrays do not fit together: {remedy}")
        centroids = csr_matrix((arrays["centroids"], place, start), (n_words, len(classes)))
        encoder_coef = arrays.get("encoder_coef", np.zeros((len(classes), 0), np.float32))
        names = ("basis", "coef", "intercept", "shape")
        return cls(
            classes, arrays["frequency"], words, characters, centroids=centroids, encoder_coef=encoder_coef,
            encoder=None if name is None else TitleEncoder(name), **{n: arrays[n] for n in names},
        )  # fmt: skip


_ARRAYS = {
    "classes": ArraySpec(np.int64, ("K",)),
    "frequency": ArraySpec(np.float64, ("K",), finite=True),
    "basis": ArraySpec(np.float32, ("T", "D"), finite=True),
    "coef": ArraySpec(np.float32, ("K", "D"), finite=True),
    "intercept": ArraySpec(np.float32, ("K",), finite=True),
    "shape": ArraySpec(np.float64, (2,), finite=True),
    "words": ArraySpec(np.uint32, ("F",)),
    "words_idf": ArraySpec(np.float32, ("F",), finite=True),
    "characters": ArraySpec(np.uint32, ("G",)),
    "characters_idf": ArraySpec(np.float32, ("G",), finite=True),
    "centroid_start": ArraySpec(np.int64, ("F + 1",)),
    "centroid_class": ArraySpec(np.int32, ("E",)),
    "centroids": ArraySpec(np.float32, ("E",), finite=True),
}


def _about(path: Path) -> dict[str, str]:
    """What stands beside the arrays; nothing where `load_arrays` will say what is wrong with the file."""
    try:
        return load_metadata(path)
    except (OSError, SafetensorError):
        return {}


def rows_to_learn(leaf: NDArray[np.int64], at_most: int, seed: int) -> NDArray[np.int64]:
    """`(M,)` int64 rising rows of `(N,)` leaves: all, or as many of each leaf as keep their number `at_most`."""
    if len(leaf) <= at_most:
        return np.arange(len(leaf))
    rank = rank_in_group(leaf, np.random.default_rng(seed))
    # one more of every leaf that has one more, as often as there is room
    of_rank = np.bincount(rank)
    cap = int(np.searchsorted(np.cumsum(of_rank), at_most, side="right"))
    return np.flatnonzero(rank < max(cap, 1))


class _Steps:
    """Tells how many of a fit's steps are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def step(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)
