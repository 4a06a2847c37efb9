"""Words in which the titles of a leaf differ: attributes of products that nobody has labelled.

As the second place of the eProduct challenge 2021 did: words that many titles of a leaf have and many have not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from text.normalize import normalize_text

FEWEST = 4
"""Products of a leaf whose titles have the word: of fewer nothing is learnt, and they may be one product's copies."""
MOST = 0.75
"""Share of the titles of a leaf above which a word tells its leaf, not its products."""

MAX_WORDS = 10_000
"""In all: each has a vector of its own."""


@dataclass(frozen=True)
class TitleAttributes:
    """What titles say of products.

    Attributes:
        has: `(N, A)` boolean matrix, the title of the product has the word; leaf: `(A,)` int64 leaf of each word: of
            products of other leaves it is not asked.
        names: of the words, for people.
    """

    has: csr_matrix
    leaf: NDArray[np.int64]
    names: list[str]


def mined_attributes(
    title_of: Callable[[int], str], leaf: NDArray[np.int64], per_leaf: int, at_most: int = MAX_WORDS
) -> TitleAttributes:
    """The words and pairs of words that tell most of the products of a leaf, at most `per_leaf` of each.

    A word tells most where half of the titles have it: it is chosen by the entropy of having it. Of words that the same
    titles have one is taken. Of more than `at_most` in all those are kept that most products have.

    Args:
        title_of: the title of each of N products by its row, "" where there is none; they are asked for leaf by leaf.
        leaf: `(N,)`.
    """
    found: list[tuple[int, str, tuple[int, ...]]] = []
    order = np.argsort(leaf, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(leaf[order])) + 1):
        words = {row: terms for row in rows.tolist() if (terms := _terms(title_of(row)))}
        counts = Counter(term for terms in words.values() for term in terms)
        wanted = {term for term, n in counts.items() if FEWEST <= n <= MOST * len(words)}
        carriers: dict[str, list[int]] = {}
        for row, terms in words.items():
            for term in terms & wanted:
                carriers.setdefault(term, []).append(row)
        # the shorter of two that say the same, and the same order every time
        by_words = sorted(carriers.items(), key=lambda item: (-len(item[0].split()), item[0]))
        distinct = {tuple(have_it): term for term, have_it in by_words}
        n_titled = len(words)
        by_entropy = sorted(distinct.items(), key=lambda item: (abs(len(item[0]) / n_titled - 0.5), item[1]))
        found += [(int(leaf[rows[0]]), term, have_it) for have_it, term in by_entropy[:per_leaf]]
    found = sorted(found, key=lambda word: -len(word[2]))[:at_most]
    ends = np.array([(row, column) for column, (_, _, have_it) in enumerate(found) for row in have_it], np.int64)
    has = csr_matrix((np.ones(len(ends), bool), tuple(ends.reshape(-1, 2).T)), shape=(len(leaf), len(found)))
    return TitleAttributes(has, np.array([one for one, _, _ in found], np.int64), [term for _, term, _ in found])


def _terms(title: str) -> set[str]:
    """Words and pairs of neighbours of a title."""
    words = normalize_text(title).split()
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
