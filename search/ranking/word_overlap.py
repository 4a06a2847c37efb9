"""How far two texts have the same words, or the same sequences of characters, rare ones counting for more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from text.hashed_terms import Hashes, Terms

MOST_TERMS = 200_000
"""Terms whose texts are counted; one that is not among the most frequent counts as one of no text: as the rarest."""


@dataclass(frozen=True)
class TermCounts:
    """In how many of N texts each term stands.

    Attributes:
        hashes: `(F,)` uint32, rising; counts: `(F,)` int64, from 1. n_texts: N.
    """

    hashes: Hashes
    counts: NDArray[np.int64]
    n_texts: int

    @classmethod
    def of(cls, terms: Terms) -> TermCounts:
        """Those of N texts; a term that stands twice in a text counts once."""
        hashes, counts = np.unique(_once(terms).hashes, return_counts=True)
        return cls(*_most_frequent(hashes, counts), len(terms.counts))

    @classmethod
    def sum(cls, several: Iterable[TermCounts]) -> TermCounts:
        """Those of the texts of all together."""
        known = [cls(np.zeros(0, np.uint32), np.zeros(0, np.int64), 0), *several]
        hashes, place = np.unique(np.concatenate([one.hashes for one in known]), return_inverse=True)
        counts = np.zeros(len(hashes), np.int64)
        np.add.at(counts, place, np.concatenate([one.counts for one in known]))
        return cls(*_most_frequent(hashes, counts), sum(one.n_texts for one in known))

    def idf(self, hashes: Hashes) -> NDArray[np.float64]:
        """`(T,)` float64 log((1 + N) / (1 + texts)) + 1 of `(T,)` terms, as scikit-learn smooths it."""
        n_texts = np.zeros(len(hashes), np.int64)
        if len(self.hashes):
            place = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
            n_texts = np.where(self.hashes[place] == hashes, self.counts[place], 0)
        return np.log((1 + self.n_texts) / (1 + n_texts)) + 1

    def overlap(self, query: Terms, others: Terms) -> NDArray[np.float64]:
        """`(N,)` float64 in [0, 1]: cosine of the query's and N texts' vectors of idf, terms counted once.

        Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988, with binary term counts: a
        word that stands three times on a box is no more proof than once. 0 where either has no term.
        """
        asked, terms = np.unique(query.hashes), _once(others)
        weight = self.idf(terms.hashes) ** 2
        n = len(others.counts)
        both = np.bincount(terms.rows, weight * np.isin(terms.hashes, asked), minlength=n)
        length = np.sqrt(np.bincount(terms.rows, weight, minlength=n) * (self.idf(asked) ** 2).sum())
        # rounding may take equal texts a last digit beyond 1
        return np.divide(both, length, out=np.zeros(n), where=length > 0).clip(max=1.0)


def _once(terms: Terms) -> Terms:
    """The terms of each text once each, rising."""
    occurring = np.unique(terms.rows.astype(np.uint64) << np.uint64(32) | terms.hashes)
    counts = np.bincount((occurring >> np.uint64(32)).astype(np.int64), minlength=len(terms.counts))
    return Terms(occurring.astype(np.uint32), counts)


def _most_frequent(hashes: Hashes, counts: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    if len(hashes) > MOST_TERMS:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_TERMS])
        hashes, counts = hashes[kept], counts[kept]
    return hashes, counts
