"""Answers that are kept: what each costs."""

from __future__ import annotations

import gc
import sys
from enum import Enum
from types import ModuleType

from hypothesis import given
from hypothesis import strategies as st

from catalog.experts import PhotoBox
from catalog.probabilities import Silence
from fusion.decide import Decision
from fusion.prediction.answers import Answer, Candidate
from fusion.prediction.reasons import ExpertChoice, SilentExpert
from rayonnage.web.serving.answer_cache import AnswerCache, AnswerKey

words = st.text(max_size=300)
paths = st.lists(words, max_size=6).map(tuple)
numbers = st.floats(0, 1)
ids = st.integers(-(10**12), 10**12) | words


@st.composite
def answers(draw) -> Answer:
    def some(kind, most):
        return tuple(draw(st.lists(kind, max_size=most)))

    candidate = st.builds(Candidate, ids, paths, numbers, st.lists(numbers, max_size=6).map(tuple))
    box = st.builds(PhotoBox, st.integers(0, 3), st.tuples(*[numbers] * 4), words, numbers)
    return Answer(
        draw(ids), draw(candidate), some(numbers, 6), draw(st.sampled_from(Decision)), draw(paths), some(candidate, 20),
        some(st.builds(ExpertChoice, words, st.integers(0, 5270), numbers), 8), draw(words), draw(words), (),
        advice=draw(words), needed=some(numbers, 6), boxes=some(box, 40), copies=some(ids, 4),
        silent=some(st.builds(SilentExpert, words, st.sampled_from(Silence)), 8),
    )  # fmt: skip


def real_bytes(answer: Answer) -> int:
    """All that is there because of the answer, each object once."""
    seen: dict[int, int] = {}
    waiting: list[object] = [answer]
    while waiting:
        one = waiting.pop()
        # classes, and what the whole program has one of
        is_shared = isinstance(one, type | Enum | ModuleType) or one is answer.level_names
        if not is_shared and id(one) not in seen:
            seen[id(one)] = sys.getsizeof(one)
            waiting += gc.get_referents(one)
    return sum(seen.values())


def cost_of(answer: Answer) -> int:
    cache = AnswerCache()
    cache.put(AnswerKey("run", (b"0" * 16,) * 4, b"0" * 16, None), answer)
    return cache.cost


@given(answers())
def test_no_answer_is_weighed_too_light(answer):
    assert cost_of(answer) >= real_bytes(answer)


def test_many_long_words_are_no_lighter():
    box = [PhotoBox(0, (0.1, 0.2, 0.3, 0.4), "\U0001f600" * n, 0.5) for n in range(200)]
    best = Candidate(1, ("a",), 0.5, (0.5,))
    answer = Answer(0, best, (0.5,), Decision.REVIEW, (), (best,), (), "é" * 10**6, "", (), boxes=tuple(box))
    assert real_bytes(answer) <= cost_of(answer) < 8 * real_bytes(answer)
