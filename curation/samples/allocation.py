"""How many products each category gets: from equal numbers to the catalogue's own proportions."""

import numpy as np
from numpy.typing import NDArray

HALVINGS = 200
"""Bisection steps: more than a float64 has bits, so that the level is exact to the last one."""


def allocate(
    sizes: NDArray[np.int64], total: int, power: float, rng: np.random.Generator, least: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Share `total` out: as near to `c * sizes ** power` as the bounds `least <= quota <= sizes` allow.

    With power 0 this is water-filling: every category gets the same, small ones all they have. With power 1 the
    proportions stay. Fractions go to the largest remainders, equal ones at random.

    Args:
        sizes: `(n,)` what each category has.
        least: `(n,)` what each gets at least; default 0.

    Returns:
        `(n,)` int64 quotas that sum to `total`.

    Raises:
        ValueError: `total` lies outside the bounds' sums.
    """
    floor = np.zeros(len(sizes), np.int64) if least is None else least
    if not floor.sum() <= total <= sizes.sum():
        raise ValueError(f"{total} products cannot be shared out between {floor.sum()} and {sizes.sum()}")
    weight = np.where(sizes > 0, np.maximum(sizes, 1).astype(np.float64) ** power, 0)
    low, high = 0.0, float(np.max(sizes / np.maximum(weight, 1), initial=0)) + 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if np.clip(middle * weight, floor, sizes).sum() > total:
            high = middle
        else:
            low = middle
    share = np.clip(low * weight, floor, sizes)
    # a share that is whole but for rounding is whole
    quota = np.floor(share + 1e-9).astype(np.int64)
    missing = total - int(quota.sum())
    order = np.lexsort((rng.random(len(sizes)), -np.round(share - quota, 9)))
    room = order[quota[order] < sizes[order]]
    quota[room[:missing]] += 1
    return quota
