"""Answers that were given: the same photos are not worked on twice."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from catalog.recently_used import RecentlyUsed
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
    """The latest answers, bounded in bytes."""

    def __init__(self, at_most: int = CACHE_BYTES) -> None:
        self._answers = RecentlyUsed[AnswerKey, Answer](at_most, _cost)

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: AnswerKey) -> Answer | None:
        """The answer that was kept."""
        return self._answers.get(key)

    def put(self, key: AnswerKey, answer: Answer) -> None:
        """Keep an answer, unless something was wrong with its photos: that may be the machine's state."""
        if not answer.problems:
            self._answers.keep(key, answer)


def _cost(answer: Answer) -> int:
    return ENTRY_BYTES + BYTES_PER_CHARACTER * len(repr(answer))
