"""Answers that were given: the same photos are not worked on twice."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import NamedTuple

from fusion.prediction.answers import Answer
from rayonnage.web.serving.asked_product import AskedProduct

CACHE_BYTES = 64 * 2**20
"""All answers together."""
ENTRY_BYTES, BYTES_PER_CHARACTER = 4096, 4
"""What keeping one answer costs beside its words, at most, and each character of what Python would write of it."""


class AnswerKey(NamedTuple):
    """What an answer depends on; texts: a digest of title and description."""

    run: str
    md5s: tuple[bytes, ...]
    texts: bytes
    lang: str | None

    @classmethod
    def of(cls, asked: AskedProduct, run: str, lang: str | None) -> AnswerKey:
        """`run`: the digest of what it holds; `lang`: of the category names."""
        texts = repr((asked.title, asked.description)).encode("utf-8", "surrogatepass")
        return cls(run, asked.md5s, hashlib.blake2b(texts, digest_size=16).digest(), lang)


class AnswerCache:
    """The latest answers, bounded in bytes; those used least recently are forgotten first. For one event loop."""

    def __init__(self, at_most: int = CACHE_BYTES) -> None:
        self._at_most, self._n_bytes = at_most, 0
        self._answers: OrderedDict[AnswerKey, tuple[Answer, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: AnswerKey) -> Answer | None:
        """The answer that was kept."""
        if key not in self._answers:
            return None
        self._answers.move_to_end(key)
        return self._answers[key][0]

    def put(self, key: AnswerKey, answer: Answer) -> None:
        """Keep an answer, unless something was wrong with its photos: that may be the machine's state."""
        if answer.problems or key in self._answers:
            return
        cost = ENTRY_BYTES + BYTES_PER_CHARACTER * len(repr(answer))
        self._answers[key] = answer, cost
        self._n_bytes += cost
        while self._n_bytes > self._at_most:
            self._n_bytes -= self._answers.popitem(last=False)[1][1]
