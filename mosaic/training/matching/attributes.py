"""Words in which the titles of a leaf differ: attributes of products that nobody has labelled.

As the second place of the eProduct challenge 2021 did: words that many titles of a leaf have and many have not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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


def mined_attributes(titles: Sequence[str], leaf: NDArray[np.int64], per_leaf: int) -> TitleAttributes:
    """The words and pairs of words that tell most of the products of a leaf, at most `per_leaf` of each.

    A word tells most where half of the titles have it: it is chosen by the entropy of having it. Of words that the same
    titles have one is taken.

    Args:
        titles: N of them, "" where there is none; leaf: `(N,)`.
    """
    words = [_terms(title) for title in titles]
    names: list[str] = []
    leaves: list[int] = []
    ends: list[tuple[int, int]] = []
    for one in np.unique(leaf).tolist():
        rows = [row for row in np.flatnonzero(leaf == one).tolist() if words[row]]
        carriers: dict[str, list[int]] = {}
        counts = Counter(term for row in rows for term in words[row])
        wanted = {term for term, n in counts.items() if FEWEST <= n <= MOST * len(rows)}
        for row in rows:
            for term in words[row] & wanted:
                carriers.setdefault(term, []).append(row)
        # the shorter of two that say the same, and the same order every time
        by_words = sorted(carriers.items(), key=lambda item: (-len(item[0].split()), item[0]))
        distinct = {tuple(found): term for term, found in by_words}
        by_entropy = sorted(distinct.items(), key=lambda item: (abs(len(item[0]) / len(rows) - 0.5), item[1]))
        for found, term in by_entropy[:per_leaf]:
            ends += [(row, len(names)) for row in found]
            names.append(term)
            leaves.append(one)
    rows_columns = np.array(ends, np.int64).reshape(-1, 2).T
    has = csr_matrix((np.ones(len(ends), bool), tuple(rows_columns)), shape=(len(titles), len(names)))
    return TitleAttributes(has, np.array(leaves, np.int64), names)


def _terms(title: str) -> set[str]:
    """Words and pairs of neighbours of a title."""
    words = normalize_text(title).split()
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
