"""Two systems on the same products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.metrics import MIN_PROBABILITY, Scores


def paired_rows(a: Scores, b: Scores) -> tuple[Scores, Scores]:
    """The products that both hold, row-aligned, by rising product id."""
    _, rows_a, rows_b = np.intersect1d(a.product_ids, b.product_ids, assume_unique=True, return_indices=True)
    return a.select(rows_a), b.select(rows_b)


def nll_of(scores: Scores) -> NDArray[np.float64]:
    """`(N,)` negative log probability of the true leaf."""
    return -np.log(np.maximum(scores.p_truth[:, 2], MIN_PROBABILITY).astype(np.float64))
