"""A little of the work that no network does (counting, sorting, small matrices), to see how long it takes here, now."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np

USUAL_S = 0.031
"""What it takes on a core of the machine where the seconds that are not measured were taken, with nothing beside it."""
N_WORDS, N_SORTED, SIDE, TIMES = 20_000, 200_000, 96, 40


def ordinary_work() -> None:
    """Do it, on one core."""
    words = [f"word {number % 997} of a title" for number in range(N_WORDS)]
    counts = Counter(word[start : start + 4] for word in words[: N_WORDS // 4] for start in range(12))
    numbers = np.random.default_rng(len(counts)).random(N_SORTED)
    np.sort(numbers)
    square = numbers[: SIDE * SIDE].reshape(SIDE, SIDE)
    for _ in range(TIMES):
        square = np.tanh(np.einsum("ij,jk->ik", square, square) / SIDE)


def slowness_now() -> float:
    """How many times its usual seconds it took just now: of a slower core, and of one that others want as well."""
    start = time.perf_counter()
    ordinary_work()
    return (time.perf_counter() - start) / USUAL_S
