"""A text model's two files: checked when a run is loaded, read when the first text comes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, save_arrays
from catalog.files.atomic import write_text
from text.config import TextConfig
from text.encoders import width_of

if TYPE_CHECKING:
    from text.scorer import Scorer

FORMAT = "rayonnage text model 2"
VOCABULARY = "vocabulary.json"
WEIGHTS = "weights.safetensors"
MAX_VOCABULARY_BYTES = 256 * 2**20
SMALL = ("classes", "pool_weights", "shape")
"""Arrays that are read at once."""


@dataclass(frozen=True)
class StoredModel:
    """A text model in a folder whose files belong together.

    Attributes:
        arrays: those of `SMALL`, `(K,)` int64, `(3 + encoders,)` float64 and `(2,)` float64.
        state: tells both files from others that take their place.
    """

    folder: Path
    config: TextConfig
    arrays: dict[str, Any]
    state: tuple[str, tuple[int, ...]]

    @classmethod
    def check(cls, folder: Path) -> Self:
        """Look at the whole files, but keep only what is small; nothing in them is executed.

        Raises:
            FileNotFoundError: no text model there.
            ValueError: damaged, changed by hand, or two files that do not belong together.
        """
        vocabulary, weights = folder / VOCABULARY, folder / WEIGHTS
        if vocabulary.stat().st_size > MAX_VOCABULARY_BYTES:
            raise ValueError(f"{vocabulary} is larger than a vocabulary can be ({MAX_VOCABULARY_BYTES} bytes)")
        with _intact(folder):
            digest, content = _content(vocabulary)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, expected {FORMAT!r}")
            config = TextConfig.model_validate(content["config"])
            words, characters = content["words"], content["characters"]
            state = digest, _identity(weights)
            with weights.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != content["weights"]:
                    raise ValueError(f"{WEIGHTS} is not the file that {VOCABULARY} was written with")
            arrays = load_arrays(weights, _expected(config, words, characters), what="text model", read=SMALL)
            if load_metadata(weights).get("vocabulary") != _fingerprint(words, characters):
                raise ValueError("the vocabulary is not the one that the weights were fitted with")
            classes = arrays["classes"]
            if len(classes) < 2 or (np.diff(classes) <= 0).any():
                raise ValueError("classes are not ascending leaf indices")
        return cls(folder, config, arrays, state)

    def scorer(self) -> Scorer:
        """The rest of the files, as what turns texts into scores.

        Raises:
            FileNotFoundError, ValueError: they are no longer those that were checked.
        """
        from text.features import make_vectorizers
        from text.scorer import Scorer

        weights = self.folder / WEIGHTS
        with _intact(self.folder):
            digest, content = _content(self.folder / VOCABULARY)
            if (digest, _identity(weights)) != self.state:
                raise ValueError("it was changed after it had been loaded")
            vocabularies = content["words"], content["characters"]
            expected = _expected(self.config, *vocabularies)
            arrays = load_arrays(weights, expected, what="text model", read=expected.keys() - set(SMALL))
        vectorizers = make_vectorizers(self.config, vocabularies)
        for vectorizer, name in zip(vectorizers, ("idf_words", "idf_characters"), strict=True):
            vectorizer.idf_ = arrays[name]
        vector_coefs = [arrays[f"coef_{name}"] for name in self.config.encoders]
        return Scorer(vectorizers, arrays["coef"], arrays["intercept"], vector_coefs)


def save(folder: Path, config: TextConfig, small: dict[str, Any], scorer: Scorer) -> None:
    """Write `vocabulary.json` and `weights.safetensors` into a folder; each names the other's fingerprint.

    `small`: see `StoredModel.arrays`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words, characters = (vectorizer.get_feature_names_out().tolist() for vectorizer in scorer.vectorizers)
    arrays = {
        "coef": scorer.coef,
        "intercept": scorer.intercept,
        **small,
        "idf_words": scorer.vectorizers[0].idf_,
        "idf_characters": scorer.vectorizers[1].idf_,
        **{f"coef_{name}": coef for name, coef in zip(config.encoders, scorer.vector_coefs, strict=True)},
    }
    path = folder / WEIGHTS
    save_arrays(path, arrays, metadata={"format": FORMAT, "vocabulary": _fingerprint(words, characters)})
    content = {
        "format": FORMAT,
        "weights": hashlib.sha256(path.read_bytes()).hexdigest(),
        "config": config.model_dump(mode="json"),
        "words": words,
        "characters": characters,
    }
    write_text(folder / VOCABULARY, json.dumps(content, ensure_ascii=False))


@contextmanager
def _intact(folder: Path) -> Iterator[None]:
    """Whatever a damaged file makes Python say becomes one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{folder}: not an intact text model ({error}): run `ocr train` again") from None


def _content(path: Path) -> tuple[str, Any]:
    """The vocabulary's SHA-256, and what its JSON holds."""
    raw = path.read_bytes()
    return hashlib.sha256(raw).hexdigest(), json.loads(raw.decode("utf-8"))


def _identity(path: Path) -> tuple[int, ...]:
    """Tells a file from the one that takes its place, without reading it."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _expected(config: TextConfig, words: list[str], characters: list[str]) -> dict[str, ArraySpec]:
    """Each array on disk; K is the number of classes."""
    encoders = config.encoders
    return {
        "coef": ArraySpec(np.float32, ("K", len(words) + len(characters)), finite=True),
        "intercept": ArraySpec(np.float32, ("K",), finite=True),
        "classes": ArraySpec(np.int64, ("K",)),
        "pool_weights": ArraySpec(np.float64, (3 + len(encoders),), finite=True),
        "shape": ArraySpec(np.float64, (2,), finite=True),
        "idf_words": ArraySpec(np.float32, (len(words),), finite=True),
        "idf_characters": ArraySpec(np.float32, (len(characters),), finite=True),
        **{f"coef_{name}": ArraySpec(np.float32, ("K", width_of(name)), finite=True) for name in encoders},
    }


def _fingerprint(words: list[str], characters: list[str]) -> str:
    if not all(isinstance(term, str) for terms in (words, characters) for term in terms):
        raise ValueError("the vocabulary holds something other than text")
    return hashlib.sha256(json.dumps([words, characters]).encode()).hexdigest()
