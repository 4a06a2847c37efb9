"""The nearest vectors of a file, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.index.vector_file import VectorFile

CLOSE = 4e-6
"""Scores that differ less may be equal: they are sums of a thousand float32."""
TIED = 1000
"""Of vectors that are as near as the last one that is wanted, so many more are looked at."""


def nearest_rows(file: VectorFile, query: NDArray[np.float32], k: int, passing: Any) -> NDArray[np.int64]:
    """Among these `(n,)` rows are the k nearest of `(D,)`; of equals (copies of a photo), the first.

    faiss keeps any of those that are equal; here it is asked once more for all that are as near as the last.
    """
    found = file.search(query, min(k + 1, len(file.codes)), passing)
    if len(found.rows) <= k:
        return found.rows
    by_score = np.argsort(-found.scores, kind="stable")
    last, next_one = found.scores[by_score[k - 1 : k + 1]].tolist()
    if last - next_one > CLOSE:
        return found.rows[by_score[:k]]
    near = file.above(query, last - CLOSE, passing)
    is_clear = near.scores > last + CLOSE
    return np.concatenate([near.rows[is_clear], np.sort(near.rows[~is_clear])[: k + TIED]])
