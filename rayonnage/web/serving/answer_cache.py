"""Answers that were given: the same photos are not worked on twice."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from catalog.recently_used import RecentlyUsed
from fusion.prediction.answers import Answer
from rayonnage.web.serving.asked_product import AskedProduct

CACHE_BYTES = 64 * 2**20
"""All answers together."""
ENTRY_BYTES, PART_BYTES, BYTES_PER_CHARACTER = 4096, 768, 4
"""What keeping one answer costs at most: by itself, for each of its candidates, words and so on, and each character."""


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

    @property
    def cost(self) -> int:
        """Bytes of all that are kept, at most."""
        return self._answers.cost

    def get(self, key: AnswerKey) -> Answer | None:
        """The answer that was kept."""
        return self._answers.get(key)

    def put(self, key: AnswerKey, answer: Answer) -> None:
        """Keep an answer, unless something was wrong with its photos: that may be the machine's state."""
        if not answer.problems:
            self._answers.keep(key, answer)


def _cost(answer: Answer) -> int:
    """Bytes, rather too many: only what grows is looked at, as every answer is weighed while all others wait."""
    paths = [answer.best.path, answer.given, *(one.path for one in answer.candidates)]
    texts = [answer.text_read, answer.reason, answer.advice, *answer.problems]
    texts += [box.text for box in answer.boxes] + [name for path in paths for name in path]
    texts += map(str, (answer.product_id, *answer.copies, *(one.category_id for one in answer.candidates)))
    n_parts = len(answer.votes) + len(answer.silent) + len(texts)
    return ENTRY_BYTES + PART_BYTES * n_parts + BYTES_PER_CHARACTER * sum(map(len, texts))
