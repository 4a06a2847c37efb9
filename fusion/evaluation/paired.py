"""Two models on the same products."""

import numpy as np

from catalog.metrics.product_scores import ProductScores


def paired_rows(a: ProductScores, b: ProductScores) -> tuple[ProductScores, ProductScores]:
    """The products that both hold, row-aligned, by rising product id."""
    _, rows_a, rows_b = np.intersect1d(a.product_ids, b.product_ids, assume_unique=True, return_indices=True)
    return a.select(rows_a), b.select(rows_b)
