"""How sure scores are taken to be."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sharpened(scores: NDArray[Any], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """`factor * scores / spread ** power`, the spread being each row's standard deviation over leaves.

    Args:
        scores: `(N, K)`. shape: factor > 0 and power in [0, 1); (1, 0) leaves the scores as they are. The order of
            leaves within a row never changes.
    """
    factor, power = shape
    spread = np.maximum(np.asarray(scores, np.float64).std(axis=1, keepdims=True), 1e-6)
    return np.asarray(factor * scores / spread**power, np.float64)
