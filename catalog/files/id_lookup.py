"""Where ids stand in a list of ids."""

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
"""Stands where an id is not known."""


def positions_of(
    ids: NDArray[np.int64], wanted: NDArray[np.int64], order: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """`(...)` int64 place in `ids`, `(N,)` in any order, of each id wanted, `(...)`; -1 where it is not.

    Of an id that stands there several times, the first place. `order`: `(N,)` that sorts `ids`, where it is known.
    """
    if not len(ids):
        return np.full(wanted.shape, UNKNOWN)
    order = np.argsort(ids, kind="stable") if order is None else order
    place = order[np.searchsorted(ids, wanted, sorter=order).clip(max=len(ids) - 1)]
    return np.where(ids[place] == wanted, place, UNKNOWN)


class SortedNumbers:
    """Numbers of ids, of which one after the other is asked for: 8 bytes each, a set takes ten times as many."""

    def __init__(self, numbers: NDArray[np.int64]) -> None:
        """`numbers`: `(N,)` in any order."""
        self._sorted = np.sort(numbers)

    def __contains__(self, number: object) -> bool:
        place = int(np.searchsorted(self._sorted, number))  # type: ignore[call-overload]
        return place < len(self._sorted) and bool(self._sorted[place] == number)
